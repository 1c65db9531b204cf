/**
 * The local tier: copies in this process, and the rules for keeping and serving them.
 *
 * A copy is admitted only after the store accepted or validated its value, and only if none of its names is known to have been
 * invalidated by a transaction its proof could not see. It is served as fresh no longer than `localLease` after it was last
 * known to be valid: `now < max(provenAt, its own read or load began) + localLease`, whatever its ttl. A hit costs no query.
 */
import type { Clock } from '../kernel/clock.js';
import type { Remaining } from '../kernel/freshness.js';
import { type Isolated, isolate, take } from '../kernel/isolation.js';
import { EVERYTHING, namespaceName } from '../kernel/names.js';
import type { Isolation } from '../kernel/policy.js';
import type { DropReason, LocalStorage, LocalStorageFactory } from '../ports/local-storage.js';
import type { Postponed } from '../ports/store.js';
import { KeptFailure } from './failure.js';
import type { NameCell, NameLedger, Proof } from './name-ledger.js';

/** What is to be kept, and what is known about it. All instants are this process's monotonic milliseconds. */
export interface Candidate {
  readonly key: string;
  /** The log's name of its key; and of its tags. */
  readonly keyName: string;
  readonly tagNames: readonly string[];
  readonly isolated: Isolated;
  readonly bytes: number;
  /** When the read that found it or the load that made it began. */
  readonly began: number;
  /** The ledger's count at that moment. */
  readonly since: number;
  /** Remaining times, counted from `measuredAt`. */
  readonly remaining: Remaining;
  readonly measuredAt: number;
  readonly sliding: number | undefined;
  /** Until the ceiling of sliding, from `measuredAt`. */
  readonly ceiling: number;
  /** Undefined: made while the store was unreachable, or for the local tier only. */
  readonly proof: Proof | undefined;
  /** `local`: this tier is its only home, so the lease does not apply. `unproven`: loaded while the store was unreachable. */
  readonly home: 'shared' | 'local' | 'unproven';
  /** Longest life here, whatever remains. */
  readonly localTtl: number;
}

/** What a copy of a sliding entry has beside those of others. */
interface Sliding {
  /** The window, in milliseconds. */
  readonly window: number;
  readonly ceilingAt: number;
  /** When its life in this tier ends, however long the entry slides on. */
  readonly endsAt: number;
  /** When the store is told of a read again. */
  touchAt: number;
}

/**
 * A copy; only this file changes it. There are many of them: a number that is no small integer takes 24 bytes, an undefined 8, so what
 * few copies have is undefined in the others.
 */
export class LocalCopy implements Isolated {
  readonly value: unknown;
  readonly handing: Isolated['handing'];
  readonly cells: readonly NameCell[];
  readonly proof: Proof | undefined;
  readonly home: Candidate['home'];
  readonly began: number;
  readonly sliding: Sliding | undefined;
  freshUntil: number;
  /** Undefined: there is no early refresh. */
  earlyAt: number | undefined;
  /** Undefined: it may not be served as stale. */
  staleUntil: number | undefined;
  /** Undefined: its loader has not failed. */
  retryAt: number | undefined;
  checked: number;

  constructor(candidate: Candidate, longest: number, cells: readonly NameCell[], checked: number) {
    const { remaining, measuredAt, isolated, home, sliding } = candidate;
    const isHome = home === 'local';
    this.value = isolated.value;
    this.handing = isolated.handing;
    this.cells = cells;
    this.proof = candidate.proof;
    this.home = home;
    this.began = candidate.began;
    this.freshUntil = measuredAt + Math.min(remaining.fresh, longest);
    this.earlyAt = remaining.early === Infinity ? undefined : measuredAt + remaining.early;
    // A stale value of the shared tier is served from there, where its invalidations are known.
    this.staleUntil = isHome && remaining.stale !== remaining.fresh ? measuredAt + remaining.stale : undefined;
    this.sliding =
      sliding === undefined
        ? undefined
        : {
            window: sliding,
            ceilingAt: measuredAt + candidate.ceiling,
            endsAt: measuredAt + longest,
            touchAt: measuredAt + sliding / 4,
          };
    this.retryAt = undefined;
    this.checked = checked;
  }

  /** When it may no longer be served, not even as stale. */
  get servedUntil(): number {
    return this.staleUntil ?? this.freshUntil;
  }

  /** Ends its freshness at `instant`, and moves what is left to be served as stale along. */
  endFreshness(instant: number): void {
    const grace = this.servedUntil - this.freshUntil;
    this.freshUntil = instant;
    if (grace > 0) this.staleUntil = instant + grace;
  }
}

/** A copy that may be served. */
export interface LocalHit {
  readonly value: unknown;
  readonly state: 'fresh' | 'early' | 'stale';
  /** Milliseconds since it was written or read. */
  readonly age: number;
  /** Until its loader may be tried again after a failure; 0 or less = now. */
  readonly retryIn: number;
  /** Until it is no longer fresh. */
  readonly freshFor: number;
  /** The entry slides and a quarter of its window has passed: tell the store. */
  readonly touchDue: boolean;
}

/** A copy that lives in this tier only, with its remaining times. */
export interface LocalEntry {
  readonly isolated: Isolated;
  readonly tagNames: readonly string[];
  readonly remaining: Remaining;
  readonly retryIn: number;
  readonly age: number;
  readonly sliding: number | undefined;
}

export interface LocalTierOptions {
  readonly clock: Clock;
  readonly ledger: NameLedger;
  readonly storage: LocalStorageFactory;
  readonly namespace: string;
  readonly localLease: number;
  readonly isolation: Isolation;
  /** Longest life of any local copy, in milliseconds; Infinity = as long as the entry. */
  readonly ttl: number;
  readonly onEvict: (key: string) => void;
  /** Whether an invalidation of one of these names still has to be told to the store, or is in a transaction that may have committed. */
  readonly isOwed: (names: readonly string[]) => boolean;
}

export class LocalTier {
  readonly #clock: Clock;
  readonly #ledger: NameLedger;
  readonly #storage: LocalStorage<LocalCopy>;
  readonly #namespace: string;
  /** Cells of what hides every copy at once. */
  readonly #scopeCells: readonly NameCell[];
  readonly #localLease: number;
  readonly #ttl: number;
  readonly #isolation: Isolation;
  readonly #isOwed: (names: readonly string[]) => boolean;
  /** Until when everything held is known to be valid; raised by the stream's heartbeats, when there is a stream. */
  #provenAt = Number.NEGATIVE_INFINITY;
  /** When the store was last reached again after an outage. */
  #reachedAt = Number.NEGATIVE_INFINITY;

  constructor(options: LocalTierOptions) {
    this.#clock = options.clock;
    this.#ledger = options.ledger;
    this.#localLease = options.localLease;
    this.#ttl = options.ttl;
    this.#isolation = options.isolation;
    this.#isOwed = options.isOwed;
    this.#namespace = namespaceName(options.namespace);
    this.#scopeCells = [options.ledger.hold(this.#namespace), options.ledger.hold(EVERYTHING)];
    this.#storage = options.storage<LocalCopy>((copy, key, reason) =>
      this.#dropped(copy, key, reason, options.onEvict),
    );
  }

  /** Whether it never keeps a copy: nothing has to be prepared for it. */
  get keepsNothing(): boolean {
    return this.#storage.keeps === 'nothing';
  }

  /** The copy of a value under `key`, if it may be served now. */
  find(key: string): LocalHit | undefined {
    const hit = this.findAny(key);
    return hit?.value instanceof KeptFailure ? undefined : hit;
  }

  /** The same, or the copy of a kept failure. */
  findAny(key: string): LocalHit | undefined {
    const now = this.#clock.monotonic();
    const copy = this.#servable(key, now);
    return copy === undefined ? undefined : this.#answer(copy, now);
  }

  /** The copy of a value under `key` where there is nothing to do at `now` but hand it out: it is fresh, does not slide, and is not due for an early refresh. */
  findPlain(key: string, now: number): Isolated | undefined {
    const copy = this.#servable(key, now);
    if (copy === undefined || now >= copy.freshUntil || copy.sliding !== undefined) return undefined;
    return (copy.earlyAt !== undefined && now >= copy.earlyAt) || copy.value instanceof KeptFailure ? undefined : copy;
  }

  /**
   * Where the copy under `key` is at home, and how long it is still fresh; undefined when there is none that may be served. Not a
   * read: it extends nothing that slides.
   */
  peek(key: string): { readonly home: Candidate['home']; readonly freshFor: number } | undefined {
    const now = this.#clock.monotonic();
    const copy = this.#servable(key, now);
    if (copy === undefined || copy.value instanceof KeptFailure) return undefined;
    return { home: copy.home, freshFor: copy.freshUntil - now };
  }

  /** Everything about the copy under `key`, when it lives in this tier only and may be served. Not a read either. */
  inspect(key: string): LocalEntry | undefined {
    const now = this.#clock.monotonic();
    const copy = this.#servable(key, now);
    if (copy?.home !== 'local') return undefined;
    const { freshUntil, earlyAt = Infinity, servedUntil, cells, began, sliding } = copy;
    // Its cells are those of its tags, and say their names.
    const tagNames = cells.map(({ name = '' }) => name);
    const remaining = { fresh: freshUntil - now, early: earlyAt - now, stale: servedUntil - now };
    const retryIn = retryInOf(copy, now);
    return { isolated: copy, tagNames, remaining, retryIn, age: now - began, sliding: sliding?.window };
  }

  /** Protects a decoded value as this tier, or the policy, demands; callers and copies share the result. */
  protect(value: unknown, isolation: Isolation | undefined): Isolated {
    return isolate(value, isolation ?? this.#isolation);
  }

  /** Keeps a copy, unless an invalidation it could not see is known, or nothing of its life is left. */
  admit(candidate: Candidate): boolean {
    if (this.keepsNothing) return false;
    const names = [candidate.keyName, this.#namespace, EVERYTHING, ...candidate.tagNames];
    if (this.#isOwed(names) || this.#ledger.hides(names, candidate.since, candidate.proof)) return false;
    const longest = Math.min(candidate.localTtl, this.#ttl);
    const life = Math.min(candidate.remaining.fresh, longest);
    if (candidate.measuredAt + life <= this.#clock.monotonic()) return false;
    // What lives in this tier only is invalidated by this process only, by its key.
    const cells =
      candidate.home === 'local'
        ? candidate.tagNames.map((name) => this.#ledger.holdNamed(name))
        : [candidate.keyName, ...candidate.tagNames].map((name) => this.#ledger.hold(name));
    const copy = new LocalCopy(candidate, longest, cells, this.#ledger.now);
    if (this.#storage.put(candidate.key, copy, candidate.bytes)) return true;
    for (const cell of cells) this.#ledger.release(cell);
    return false;
  }

  /** What the store answered to a touch asked at `asked`: the copy of what was touched lives on as long, within its life here. */
  extend(key: string, remaining: Remaining, asked: number): void {
    const copy = this.#storage.get(key);
    if (copy?.home !== 'shared' || copy.sliding === undefined || copy.began > asked) return;
    const until = Math.min(asked + remaining.fresh, copy.sliding.ceilingAt, copy.sliding.endsAt);
    copy.freshUntil = Math.max(copy.freshUntil, until);
  }

  /** What `Store.postpone` does, to a copy; unless it is younger than `began`, when the load began that was in vain. */
  postpone(key: string, ms: number, began: number, what: Postponed): void {
    const copy = this.#storage.get(key);
    if (copy === undefined || copy.began > began) return;
    const until = this.#clock.monotonic() + ms;
    if (what === 'load') copy.retryAt = until;
    if (copy.earlyAt !== undefined) copy.earlyAt = Math.max(copy.earlyAt, until);
  }

  /** Extends a local-only sliding copy as of now; whether there is a fresh one. */
  touch(key: string): boolean {
    const now = this.#clock.monotonic();
    const copy = this.#servable(key, now);
    if (copy?.home !== 'local' || now >= copy.freshUntil) return false;
    this.#slide(copy, now);
    return true;
  }

  /** Makes a local-only copy stale now; copies of the shared tier are dropped, since the store knows what remains. */
  expire(key: string): boolean {
    const copy = this.#storage.get(key);
    if (copy?.home !== 'local') return this.remove(key);
    const now = this.#clock.monotonic();
    if (now < copy.freshUntil) copy.endFreshness(now);
    return true;
  }

  /** Drops a copy; whether it was one that lives in this tier only. */
  remove(key: string): boolean {
    const isHome = this.#storage.get(key)?.home === 'local';
    this.#storage.remove(key);
    return isHome;
  }

  /** Keys of copies that live in this tier only, in any order; a copy that may not be served any more may be among them. */
  homeKeys(): readonly string[] {
    return [...this.#storage.entries()].filter(([, { home }]) => home === 'local').map(([key]) => key);
  }

  clear(): void {
    this.#storage.clear();
  }

  /** The store answers again: copies made without it are no longer served. */
  dropUnproven(): void {
    this.#reachedAt = this.#clock.monotonic();
  }

  /**
   * Whether what began at `began` and was not invalidated as far as is known here may stand for the present at `at`: the lease, for
   * what is not a copy.
   */
  vouches(began: number, at: number): boolean {
    return at < Math.max(this.#provenAt, began) + this.#localLease;
  }

  /** Everything held and not known otherwise was valid at this instant (monotonic). */
  prove(at: number): void {
    this.#provenAt = Math.max(this.#provenAt, at);
  }

  get size(): number {
    return this.#storage.size;
  }

  get bytes(): number {
    return this.#storage.bytes;
  }

  /** The copy under `key`; dropped, and not answered, when it may not be served any more. */
  #servable(key: string, now: number): LocalCopy | undefined {
    const copy = this.#storage.get(key);
    if (copy === undefined) return undefined;
    if (now < copy.servedUntil && now < this.#leaseEnd(copy) && this.#isValid(copy)) return copy;
    this.#storage.remove(key);
    return undefined;
  }

  #leaseEnd(copy: LocalCopy): number {
    if (copy.home === 'local') return Infinity;
    if (copy.home === 'shared') return Math.max(this.#provenAt, copy.began) + this.#localLease;
    return copy.began >= this.#reachedAt ? copy.began + this.#localLease : Number.NEGATIVE_INFINITY;
  }

  #isValid(copy: LocalCopy): boolean {
    const now = this.#ledger.now;
    if (copy.checked === now) return true;
    const { cells, proof } = copy;
    if (
      (copy.home !== 'local' && this.#ledger.missedSince(copy.checked)) ||
      this.#ledger.cellsHide(cells, copy.checked, proof) ||
      this.#ledger.cellsHide(this.#scopeCells, copy.checked, proof)
    ) {
      return false;
    }
    copy.checked = now;
    return true;
  }

  #answer(copy: LocalCopy, now: number): LocalHit {
    const { sliding } = copy;
    const touchDue = sliding !== undefined && now >= sliding.touchAt;
    if (touchDue) {
      sliding.touchAt = now + sliding.window / 4;
      if (copy.home === 'local' && now < copy.freshUntil) this.#slide(copy, now);
    }
    const isEarly = copy.earlyAt !== undefined && now >= copy.earlyAt;
    return {
      value: take(copy),
      state: now >= copy.freshUntil ? 'stale' : isEarly ? 'early' : 'fresh',
      age: now - copy.began,
      retryIn: retryInOf(copy, now),
      freshFor: copy.freshUntil - now,
      touchDue: touchDue && copy.home === 'shared',
    };
  }

  #slide(copy: LocalCopy, now: number): void {
    const { sliding } = copy;
    if (sliding !== undefined) copy.endFreshness(Math.min(now + sliding.window, sliding.ceilingAt, sliding.endsAt));
  }

  #dropped(copy: LocalCopy, key: string, reason: DropReason, onEvict: (key: string) => void): void {
    for (const cell of copy.cells) this.#ledger.release(cell);
    if (reason === 'room') onEvict(key);
  }
}

function retryInOf({ retryAt }: LocalCopy, now: number): number {
  return retryAt === undefined ? Number.NEGATIVE_INFINITY : retryAt - now;
}
