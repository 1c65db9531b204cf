/**
 * Single flight: at most one load of a key runs in this process. A flight is one running load; callers join it, wait for it each
 * within their own bounds, and leave. When the last one has given up, its signal aborts, unless somebody was already answered with
 * a stale value and counts on the refresh.
 */
import type { Isolated } from '../kernel/isolation.js';
import { Cancellation } from './cancellation.js';

/** How a flight ended well. */
export interface Landed {
  readonly value: Isolated;
  /** Whether its loader made the value, or another process's, in which state it was then found. */
  readonly from: { readonly tier: 'loader' } | { readonly tier: 'shared'; readonly state: 'fresh' | 'early' | 'stale' };
}

export class Flight {
  /** When it began: the ledger's count, and monotonic milliseconds. */
  #since: number;
  #began: number;
  readonly cancellation = new Cancellation();
  /** Settles when the result is stored and admitted, or the load has failed or was given up. */
  readonly landing: Promise<Landed>;
  /** The names its value depends on, as far as they are known; final, those learned during the load included, when it has landed. */
  names: readonly string[];
  state: 'running' | 'ended' = 'running';
  #callers = 0;
  #background: boolean;

  constructor(options: {
    since: number;
    began: number;
    names: readonly string[];
    background: boolean;
    run: (flight: Flight) => Promise<Landed>;
  }) {
    this.#since = options.since;
    this.#began = options.began;
    this.names = options.names;
    this.#background = options.background;
    this.landing = Promise.resolve().then(() => options.run(this));
    // Whoever waits hears of a failure; when nobody does, it has been reported already.
    this.landing.catch(() => undefined);
  }

  get since(): number {
    return this.#since;
  }

  get began(): number {
    return this.#began;
  }

  /** Begins later than it was made: it has waited for another process, and reads anew. */
  begin(since: number, began: number): void {
    this.#since = since;
    this.#began = began;
  }

  /** Whether a new caller may wait for this result: one that was cancelled by all its callers is bound to fail. */
  get joinable(): boolean {
    return !this.cancellation.isCancelled;
  }

  join(): void {
    this.#callers += 1;
  }

  /** A caller was answered, or has given up. */
  leave(): void {
    this.#callers -= 1;
    if (this.#callers === 0 && !this.#background && this.state === 'running') {
      this.cancellation.cancel(new DOMException('Nobody waits for this load any more', 'AbortError'));
    }
  }

  /** From now on it runs to its end whoever leaves. */
  toBackground(): void {
    this.#background = true;
  }

  get background(): boolean {
    return this.#background;
  }
}

/** Everything this process is doing about one key. */
export class KeyState {
  readonly key: string;
  users = 0;
  /** How many flights have ended while somebody was interested. */
  endings = 0;
  /** The flight that runs, or the last one that ended. */
  latest: { readonly flight: Flight; endedAs: number } | undefined;

  constructor(key: string) {
    this.key = key;
  }

  /** The flight that still runs. */
  running(): Flight | undefined {
    return this.latest?.flight.state === 'running' ? this.latest.flight : undefined;
  }
}

/** Somebody who watches all keys: what is known of those whose flights have ended meanwhile stays until he has looked. */
export class Watch {
  readonly ended: KeyState[] = [];
}

/** The keys somebody is interested in at this moment. Nothing is kept about the others. */
export class SingleFlight {
  readonly #states = new Map<string, KeyState>();
  readonly #watches = new Set<Watch>();

  enter(key: string): KeyState {
    let state = this.#states.get(key);
    if (state === undefined) {
      state = new KeyState(key);
      this.#states.set(key, state);
    }
    state.users += 1;
    return state;
  }

  /** Whether anybody is interested in a key. */
  isBusy(key: string): boolean {
    return this.#states.has(key);
  }

  /**
   * Begins to watch; pair with `unwatch`. Who comes with many keys, most of which will be answered without any flight, need not enter them
   * all: he watches, and enters the others afterwards, as if he had when he came. Of a key about which nothing was being done then, no flight had ended.
   */
  watch(): Watch {
    const watch = new Watch();
    this.#watches.add(watch);
    return watch;
  }

  unwatch(watch: Watch): void {
    this.#watches.delete(watch);
    for (const state of watch.ended) this.leave(state);
  }

  leave(state: KeyState): void {
    state.users -= 1;
    if (state.users === 0) this.#states.delete(state.key);
  }

  /** Makes `flight` the one that callers of its key join; it holds the key until it ends. */
  launch(state: KeyState, flight: Flight): void {
    const entry = { flight, endedAs: Infinity };
    state.latest = entry;
    state.users += 1;
    const end = (): void => {
      flight.state = 'ended';
      state.endings += 1;
      entry.endedAs = state.endings;
      for (const watch of this.#watches) {
        watch.ended.push(state);
        state.users += 1;
      }
      this.leave(state);
    };
    flight.landing.then(end, end);
  }

  /** The flight a caller that arrived when `endings` flights had ended may join: one that runs, or ended since. */
  candidate(state: KeyState, endings: number): Flight | undefined {
    const { latest } = state;
    return latest !== undefined && latest.endedAs > endings ? latest.flight : undefined;
  }

  get size(): number {
    return this.#states.size;
  }
}
