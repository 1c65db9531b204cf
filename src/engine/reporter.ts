/**
 * The reporter: where everything the engine does becomes an event for observers and a number for `stats()`. An event is built only
 * when somebody listens.
 */
import { KeepsakeError } from '../errors.js';
import type { BypassReason, CacheEvent, ErrorEvent, NotStoredReason, Tier } from '../kernel/events.js';
import type { Logger, Observer } from '../ports/observer.js';
import { Audience } from './audience.js';

/** What an event is about. */
export interface Subject {
  readonly key: string | undefined;
  readonly useCase?: string | undefined;
  readonly keyType?: string | undefined;
}

/** Numbers since the cache was made. `calls` = fresh + early + stale + misses + bypassed + those under way. */
export interface Counters {
  calls: number;
  fresh: number;
  early: number;
  stale: number;
  misses: number;
  bypassed: number;
  localHits: number;
  sharedHits: number;
  loads: number;
  loadsSucceeded: number;
  loadsFailed: number;
  loadsAbandoned: number;
  stored: number;
  notStored: number;
  invalidations: number;
  evictions: number;
  softTimeouts: number;
  hardTimeouts: number;
  fallbacks: number;
  eventsDropped: number;
  errors: number;
}

/** A warning of one code is repeated at most this often. */
const WARN_EVERY_MS = 60_000;

type Unsent<E> = E extends CacheEvent ? Omit<E, keyof Subject | 'cache'> : never;

export class Reporter {
  readonly counters: Counters = {
    calls: 0,
    fresh: 0,
    early: 0,
    stale: 0,
    misses: 0,
    bypassed: 0,
    localHits: 0,
    sharedHits: 0,
    loads: 0,
    loadsSucceeded: 0,
    loadsFailed: 0,
    loadsAbandoned: 0,
    stored: 0,
    notStored: 0,
    invalidations: 0,
    evictions: 0,
    softTimeouts: 0,
    hardTimeouts: 0,
    fallbacks: 0,
    eventsDropped: 0,
    errors: 0,
  };
  readonly #cache: string;
  /** Who hears of it. */
  readonly audience: Audience;
  readonly #logger: Logger;
  readonly #warned = new Map<string, number>();
  readonly #now: () => number;

  constructor(options: { cache: string; observers: readonly Observer[]; logger: Logger; now: () => number }) {
    this.#cache = options.cache;
    this.#logger = options.logger;
    const onError = (error: unknown): void => this.warn('observer', `an observer threw: ${messageOf(error)}`);
    this.audience = new Audience(
      options.observers.map((observer) => (event) => observer.onEvent(event)),
      onError,
    );
    this.#now = options.now;
  }

  /** Milliseconds now, if anybody will want to know how long something took. */
  start(): number {
    return this.audience.isThere ? this.#now() : 0;
  }

  /** Milliseconds since then; 0 when nobody wanted to know at that time. */
  #since(started: number): number {
    return started === 0 ? 0 : this.#now() - started;
  }

  hit(subject: Subject, tier: Tier, state: 'fresh' | 'early' | 'stale', started: number): void {
    this.counters[state] += 1;
    this.counters[tier === 'local' ? 'localHits' : 'sharedHits'] += 1;
    if (!this.audience.isThere) return;
    const { key, useCase, keyType } = subject;
    const durationMs = this.#since(started);
    // Written out: of the events of a hit, copying one object into another would be the greater part.
    this.audience.tell({ type: 'hit', tier, state, durationMs, cache: this.#cache, key, useCase, keyType });
  }

  /** Fresh hits of different keys, when there is nobody to tell of each. */
  uneventfulHits(tier: Tier, count: number): void {
    this.counters.fresh += count;
    this.counters[tier === 'local' ? 'localHits' : 'sharedHits'] += count;
  }

  miss(subject: Subject, started: number): void {
    this.counters.misses += 1;
    if (this.audience.isThere) this.#send(subject, { type: 'miss', durationMs: this.#since(started) });
  }

  bypass(subject: Subject, reason: BypassReason): void {
    this.counters.bypassed += 1;
    this.#send(subject, { type: 'bypass', reason });
  }

  loadStart(subject: Subject, background: boolean): void {
    this.counters.loads += 1;
    this.#send(subject, { type: 'loadStart', background });
  }

  loadEnd(
    subject: Subject,
    background: boolean,
    outcome: 'succeeded' | 'failed' | 'abandoned',
    durationMs: number,
    error?: unknown,
  ): void {
    if (outcome === 'succeeded') this.counters.loadsSucceeded += 1;
    else if (outcome === 'failed') this.counters.loadsFailed += 1;
    else this.counters.loadsAbandoned += 1;
    this.#send(subject, { type: 'loadEnd', background, outcome, durationMs, error });
  }

  stored(
    subject: Subject,
    tiers: 'both' | 'local' | 'shared',
    { bytes: valueBytes, encodeMs }: { readonly bytes: number; readonly encodeMs: number },
    what: 'value' | 'error' | 'lifetime' = 'value',
  ): void {
    this.counters.stored += 1;
    this.#send(subject, { type: 'write', what, tiers, valueBytes, encodeMs });
  }

  notStored(subject: Subject, reason: NotStoredReason): void {
    this.counters.notStored += 1;
    this.#send(subject, { type: 'notStored', reason });
  }

  invalidated(
    subject: Subject,
    kind: 'delete' | 'expire' | 'clear',
    tags: readonly string[],
    entity?: readonly string[],
  ): void {
    this.counters.invalidations += 1;
    this.#send(subject, { type: 'invalidate', kind, tags, entity });
  }

  evicted(key: string): void {
    this.counters.evictions += 1;
    this.#send({ key }, { type: 'evict' });
  }

  fallback(subject: Subject, error: unknown): void {
    this.counters.fallbacks += 1;
    this.#send(subject, { type: 'fallback', error });
  }

  timeout(subject: Subject, limit: 'soft' | 'hard'): void {
    this.counters[limit === 'soft' ? 'softTimeouts' : 'hardTimeouts'] += 1;
    this.#send(subject, { type: 'timeout', limit });
  }

  /** The store is left alone from now on, or asked again. */
  breaker(state: 'open' | 'closed'): void {
    this.#send({ key: undefined }, { type: 'breaker', state });
    if (state === 'open')
      this.warn(
        'breaker',
        'the store has failed several times in a row: calls go on without it until it answers again',
      );
  }

  /** Something failed and the cache goes on without it: counted, told to observers, and warned about now and then. */
  error(subject: Subject, operation: ErrorEvent['operation'], error: unknown): void {
    this.counters.errors += 1;
    const code = error instanceof KeepsakeError ? error.code : undefined;
    this.#send(subject, { type: 'error', operation, code, error });
    this.warn(`${operation}:${code ?? 'error'}`, `${operation} failed: ${messageOf(error)}`);
  }

  /** Warns, at most once a minute for each `topic`. */
  warn(topic: string, message: string): void {
    const now = this.#now();
    const last = this.#warned.get(topic);
    if (last !== undefined && now - last < WARN_EVERY_MS) return;
    this.#warned.set(topic, now);
    // When it fails there is nobody left to tell.
    this.#asGuest(
      () => this.#logger.warn(`keepsake (${this.#cache}): ${message}`),
      () => undefined,
    );
  }

  /** Calls an observer or a logger: guests, whose failure harms nobody. An asynchronous one fails later, and is heard as well. */
  #asGuest(call: () => unknown, onError: (error: unknown) => void): void {
    try {
      const result = call();
      if (result instanceof Promise) result.catch(onError);
    } catch (error) {
      onError(error);
    }
  }

  #send(subject: Subject, event: Unsent<CacheEvent>): void {
    if (!this.audience.isThere) return;
    const { key, useCase, keyType } = subject;
    this.audience.tell({ ...event, cache: this.#cache, key, useCase, keyType });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
