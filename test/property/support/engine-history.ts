/**
 * The history of a run of the engine's model: what was asked, written, invalidated, loaded and answered, in one order of events,
 * and the rules of INVARIANTS.md that it must keep. The rules know nothing of how the engine works: a value carries the number of
 * the load or `set` it comes from, and that says whether it is older than an invalidation.
 */

/** The entries there are: under which tags, and whether they live in the local tier only. */
export const ENTRIES = {
  a: { tags: ['t'], tiers: 'both' },
  b: { tags: ['t', 'u'], tiers: 'both' },
  l: { tags: ['t'], tiers: 'local' },
} as const;

export type Key = keyof typeof ENTRIES;
export const KEYS = Object.keys(ENTRIES) as Key[];

/** Bounds of the caches under test, in milliseconds. */
export const LOCAL_LEASE = 3_000;
export const LEASE_TIMEOUT = 2_000;
export const WRITE_TIMEOUT = 1_000;
export const BACKOFF = 5_000;
export const LOAD_DEADLINE = 600_000;

/** A value as it is cached; `nested` is there to be tampered with. */
export interface Value {
  readonly id: number;
  readonly version: number;
  readonly nested: { id: number };
}

/** A moment: its place in the order of events, and the clock's milliseconds. */
export interface Moment {
  readonly seq: number;
  readonly at: number;
}

/** Where a value comes from. */
export interface Origin {
  readonly id: number;
  readonly kind: 'load' | 'set';
  readonly key: Key;
  readonly process: number;
  readonly began: Moment;
  /** Milliseconds it may live, its ceiling when it slides. */
  readonly ttl: number;
  version: number;
  /** When it was last given to a tier. */
  published: Moment | undefined;
}

export interface Load extends Origin {
  readonly caller: Caller;
  readonly reason: string;
  readonly signal: AbortSignal;
  ended: Moment | undefined;
}

/** A call of `getOrSet` or `get`. */
export interface Caller {
  readonly id: number;
  readonly kind: 'getOrSet' | 'get';
  readonly process: number;
  readonly key: Key;
  readonly began: Moment;
  readonly controller: AbortController;
  loads: number;
  ended: Moment | undefined;
  /** What its events said: how it was answered, and at which limits it gave up. */
  readonly answers: { readonly tier: 'local' | 'shared' | 'none'; readonly state: string }[];
  readonly timeouts: ('soft' | 'hard')[];
  /** Whether a read of its failed: then there is nothing to be told from, nor a lease. */
  store: 'well' | 'failed';
}

/** Something that made entries of before worthless: an invalidation, or a `set`. */
export interface Change {
  readonly kind: 'delete' | 'expire' | 'set';
  readonly process: number;
  readonly keys: readonly Key[];
  readonly began: Moment;
  /** The source's versions when it was called: nothing older may be served afterwards. */
  readonly versions: ReadonlyMap<Key, number>;
  /** The value it set. */
  readonly origin: number | undefined;
  /** How its call of the store is recognised. */
  readonly signature: string;
  asked: 'not yet' | 'asked';
  committed: Moment | undefined;
  settled: Moment | undefined;
}

interface Postponed {
  readonly key: Key;
  /** Every load, or early refreshes. */
  readonly what: 'load' | 'refresh';
  readonly process: number | 'all';
  /** Since when a write of the key makes it void: the beginning of the load that failed. */
  readonly since: number;
}

interface Postponement extends Postponed {
  readonly made: Moment;
  readonly until: number;
}

/** A rule that was broken. */
export interface Violation {
  readonly rule: string;
  readonly what: string;
}

export class History {
  readonly violations: Violation[] = [];
  readonly origins = new Map<number, Origin>();
  readonly loads: Load[] = [];
  readonly callers: Caller[] = [];
  readonly changes: Change[] = [];
  readonly #postponements: Postponement[] = [];
  /** Loads that somebody has waited for in vain. */
  readonly #overtaken = new Set<Load>();
  readonly #writes: { readonly key: Key; readonly seq: number }[] = [];
  readonly #now: () => number;
  /** Whether leases are to be relied on. */
  readonly #leases: 'kept' | 'not kept';
  #seq = 0;

  constructor(now: () => number, leases: 'kept' | 'not kept') {
    this.#now = now;
    this.#leases = leases;
  }

  tick(): Moment {
    this.#seq += 1;
    return { seq: this.#seq, at: this.#now() };
  }

  flag(rule: string, what: string): void {
    this.violations.push({ rule, what });
  }

  /** A loader begins. */
  loadBegan(load: Load): void {
    const { caller, key, id } = load;
    caller.loads += 1;
    if (caller.loads > 1) this.flag('18', `caller ${caller.id} ran its loader ${caller.loads} times`);
    if (load.signal.aborted) this.flag('17', `load ${id} of ${key} began although nobody waits for it`);
    this.#checkStacked(load);
    if (load.reason !== 'miss') this.#checkBackoff(load);
    this.loads.push(load);
    this.origins.set(id, load);
  }

  #checkStacked(load: Load): void {
    const running = this.loads.filter(({ key, ended }) => key === load.key && ended === undefined);
    const beside = running.filter(({ process }) => process === load.process);
    // Who has waited that long may load whatever runs, and nobody needs to wait for what runs any more.
    if (load.reason !== 'early' && load.began.at - load.caller.began.at >= LEASE_TIMEOUT) {
      for (const other of beside) this.#overtaken.add(other);
      return;
    }
    for (const other of running) {
      if (this.#overtaken.has(other) || load.began.at - other.began.at >= LEASE_TIMEOUT) continue;
      const what = `load ${load.id} of ${load.key} (process ${load.process}) began while load ${other.id} (process ${other.process}) ran`;
      if (beside.includes(other)) this.flag('15', what);
      else if (this.#leases === 'kept' && hasLease(load) && hasLease(other)) this.flag('12', what);
    }
  }

  #checkBackoff({ id, caller, key, process, reason, began }: Load): void {
    const kept = this.#postponements.find(
      (one) =>
        one.key === key &&
        (one.what === 'load' || reason === 'early') &&
        (one.process === 'all' || one.process === process) &&
        one.made.seq < caller.began.seq &&
        began.at < one.until &&
        !this.#writes.some((write) => write.key === key && write.seq > one.since),
    );
    if (kept !== undefined)
      this.flag('16', `load ${id} (${reason}) of ${key} began ${kept.until - began.at} ms before its backoff was over`);
  }

  /** A load has failed with a value at hand, and its key is to be left alone. */
  postponed(postponed: Postponed): void {
    const made = this.tick();
    this.#postponements.push({ ...postponed, made, until: made.at + BACKOFF });
  }

  /** The shared tier accepted a value, or the local one as its only home. */
  written(origin: Origin, at: Moment): void {
    origin.published = at;
    this.#writes.push({ key: origin.key, seq: at.seq });
  }

  /** A change was carried out. */
  committed(change: Change, at: Moment): void {
    change.committed = at;
    if (change.kind === 'expire') return;
    for (const key of change.keys) this.#writes.push({ key, seq: at.seq });
  }

  /** The shared tier accepted the result of a load. */
  filled(origin: Origin, at: Moment): void {
    const missed = this.changes.find(
      (change) =>
        change.keys.includes(origin.key) &&
        change.committed !== undefined &&
        change.committed.seq > origin.began.seq &&
        change.committed.seq < at.seq,
    );
    const rule = missed?.kind === 'set' ? '7' : '1';
    if (missed !== undefined)
      this.flag(rule, `the store accepted load ${origin.id}, which began before ${describe(missed)}`);
    this.written(origin, at);
  }

  /** The shared tier was asked at `at` and answered with an entry as a valid one. */
  read(origin: Origin, state: 'fresh' | 'stale', at: Moment): void {
    for (const change of this.changes) {
      const { committed } = change;
      if (committed === undefined || committed.seq > at.seq || !change.keys.includes(origin.key)) continue;
      if ((change.kind === 'expire' && state === 'stale') || !isOlder(origin, change, committed)) continue;
      this.flag(
        state === 'stale' ? '8' : '1',
        `the store answered ${origin.id} as ${state}, older than ${describe(change)}`,
      );
    }
  }

  /** A call was answered with a value. */
  answered(caller: Caller, value: Value): void {
    const answer = caller.answers.at(-1) ?? { tier: 'none', state: 'unknown' };
    const origin = this.origins.get(value.id);
    const text = `caller ${caller.id} (${caller.kind} ${caller.key}, process ${caller.process}) got ${value.id} (${answer.tier} ${answer.state})`;
    if (
      origin === undefined ||
      origin.key !== caller.key ||
      value.nested.id !== value.id ||
      value.version !== origin.version
    ) {
      this.flag('24', `${text}, which is not what was loaded or set`);
      return;
    }
    if (caller.kind === 'get' && answer.state === 'stale') this.flag('8', `${text}: get never answers stale`);
    for (const change of this.changes) this.#judge(caller, origin, answer, change, text);
    const lived = origin.published === undefined ? 0 : caller.began.at - origin.published.at;
    if ((answer.state === 'fresh' || answer.state === 'early') && lived >= origin.ttl + WRITE_TIMEOUT)
      this.flag('26', `${text}, which had ended ${lived - origin.ttl} ms before`);
  }

  #judge(caller: Caller, origin: Origin, answer: { tier: string; state: string }, change: Change, text: string): void {
    const { committed, settled } = change;
    const own = change.process === caller.process;
    const alone = ENTRIES[caller.key].tiers === 'local';
    if (committed === undefined || !change.keys.includes(caller.key) || (alone && !own)) return;
    if (change.kind === 'expire' && answer.state === 'stale') return;
    if (!isOlder(origin, change, committed)) return;
    const why = `${text}, older than ${describe(change)}`;
    if (own && settled !== undefined && committed.seq < settled.seq && settled.seq < caller.began.seq)
      this.flag(answer.state === 'stale' ? '8' : '5', why);
    else if (!alone && caller.began.at >= committed.at + LOCAL_LEASE) this.flag('3', why);
  }

  /** A load that nobody waits for any more, nor counts on, has been told so. */
  checkAborted(): void {
    for (const load of this.loads) {
      if (load.ended !== undefined || load.reason === 'early' || load.signal.aborted) continue;
      const mine = this.callers.filter(
        ({ kind, key, process }) => kind === 'getOrSet' && key === load.key && process === load.process,
      );
      const waiting = mine.some(({ ended }) => ended === undefined);
      const counted = mine.some(
        ({ ended, timeouts }) => (ended?.seq ?? 0) > load.caller.began.seq && timeouts.includes('soft'),
      );
      if (!waiting && !counted)
        this.flag('17', `nobody waits for load ${load.id} of ${load.key}, and its signal does not say so`);
    }
  }
}

/** Whether a load must have taken the lease of its key; who has waited long enough for it loads without. */
function hasLease({ key, caller, began }: Load): boolean {
  return ENTRIES[key].tiers === 'both' && caller.store === 'well' && began.at - caller.began.at < LEASE_TIMEOUT;
}

/** Whether a value is one of those a change made worthless. */
function isOlder(origin: Origin, change: Change, committed: Moment): boolean {
  if (change.origin === origin.id) return false;
  // What is set counts as of when it was carried out, whatever its author knew.
  if (origin.kind === 'set') return (origin.published?.seq ?? 0) < committed.seq;
  return origin.began.seq < committed.seq || origin.version < (change.versions.get(origin.key) ?? 0);
}

function describe({ kind, keys, process, committed }: Change): string {
  return `${kind} of ${keys.join()} by process ${process} (event ${committed?.seq ?? 'none'})`;
}
