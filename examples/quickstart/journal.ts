/** The journal: hears every event of the cache and makes of each call of the quickstart one row of its table. */
import type { CacheEvent, Observer } from 'keepsake';

export interface Row {
  /** Which step of the quickstart it belongs to. */
  readonly step: number;
  readonly call: string;
  /** Where the answer came from. `none`: the call is not one that is cached. */
  readonly source: 'loader' | 'shared' | 'local' | 'none';
  /** What was found: a state of the entry, or nothing usable (`miss`); or what became of the call. */
  readonly state: 'fresh' | 'early' | 'stale' | 'miss' | 'error' | 'refresh' | 'invalidate';
  readonly ms: number;
  readonly answer: string;
}

export class Journal implements Observer {
  readonly rows: Row[] = [];
  #events: CacheEvent[] = [];
  #step = 0;

  onEvent(event: CacheEvent): void {
    this.#events.push(event);
  }

  /** The rows that follow belong to this step. */
  begin(step: number): void {
    this.#step = step;
  }

  /** Makes a call and writes its row. An error is an answer too. */
  async record<T>(call: string, make: () => Promise<T>, show: (value: T) => string | Promise<string>): Promise<void> {
    this.#events = [];
    const began = performance.now();
    const answer = await make().then(show, (error: unknown) =>
      error instanceof Error ? error.message : String(error),
    );
    this.rows.push({ step: this.#step, call, ...outcomeOf(this.#events, performance.now() - began), answer });
  }

  /** Writes the row of a refresh that the last call has started, once it has ended. */
  recordRefresh(call: string, answer: string): void {
    for (const event of this.#events) {
      if (event.type !== 'loadEnd' || !event.background) continue;
      const state = event.outcome === 'succeeded' ? 'refresh' : 'error';
      this.rows.push({ step: this.#step, call, source: 'loader', state, ms: event.durationMs, answer });
    }
  }

  /** Takes over a row that another process has written. */
  adopt(row: Omit<Row, 'step'>): void {
    this.rows.push({ ...row, step: this.#step });
  }

  /** How many loads the last call has started. */
  get loads(): number {
    return this.#events.filter((event) => event.type === 'loadStart').length;
  }
}

/** What the events of a call say about it; `ms` is how long it took, for calls about which they do not say it. */
function outcomeOf(events: readonly CacheEvent[], ms: number): Pick<Row, 'source' | 'state' | 'ms'> {
  const hits = events.filter((event) => event.type === 'hit');
  const hit = hits.at(-1);
  if (hit !== undefined) {
    const sum = hits.reduce((total, { durationMs }) => total + durationMs, 0);
    return { source: hit.tier, state: hit.state, ms: sum / hits.length };
  }
  // When several callers wait for one load, the last to be answered has waited longest.
  const miss = events.findLast((event) => event.type === 'miss');
  const failed = events.some((event) => event.type === 'loadEnd' && event.outcome !== 'succeeded');
  if (miss !== undefined) return { source: 'loader', state: failed ? 'error' : 'miss', ms: miss.durationMs };
  return { source: 'none', state: events.some(({ type }) => type === 'invalidate') ? 'invalidate' : 'error', ms };
}
