/**
 * The load context: what a loader is handed, and what `cacheEntry()` returns inside a decorated method. Through it a load learns
 * why it runs and says how its result is to be kept.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { KeepsakeError } from '../errors.js';
import { parseDuration } from '../kernel/duration.js';
import type { State } from '../kernel/freshness.js';
import type { Duration } from '../kernel/policy.js';
import { checkTags } from '../kernel/tags.js';
import { Cancellation } from './cancellation.js';

/** An expired value that is still at hand while its loader runs. */
export interface StaleValue {
  readonly value: unknown;
  /** Milliseconds since it was written. */
  readonly age: number;
}

/**
 * Handed to loaders by `getOrSet` and `cached`, returned by `cacheEntry()` inside decorated methods.
 *
 * @example
 * await Cache.getOrSet('rates', async (load) => {
 *   const rates = await fetchRates({ signal: load.signal })
 *   load.ttl(rates.validFor)
 *   load.tags('rates', `source:${rates.source}`)
 *   return rates
 * }, { ttl: '1m' })
 */
export interface LoadContext {
  /** The key being loaded; undefined when the method runs uncached. */
  readonly key: string | undefined;
  /**
   * Why the load runs: nothing at hand, a stale value, or an early refresh of a fresh one. `refresh`: a handle's `refresh`, or a scope's. `put`: under
   * `@CachePut`. `uncached`: nothing will be kept.
   */
  readonly reason: 'miss' | 'stale' | 'early' | 'refresh' | 'put' | 'uncached';
  /** The value at hand, if any: stale, or still fresh when `reason` is `early`, or `refresh` by a handle. A scope's `refresh` looks at nothing. */
  readonly stale: StaleValue | undefined;
  /** What is at hand, when the load began: `dead` = nothing. `fresh` and `early` under a refresh. */
  readonly state: State;
  /** Aborts when nobody waits for the result any more, and at `loadDeadline`. */
  readonly signal: AbortSignal;
  /** Lifetime of this result instead of the policy's; milliseconds or text such as `'5m'`. */
  ttl(ttl: Duration): void;
  /** Additional tags of this result. */
  tags(...tags: string[]): void;
  /**
   * The value at hand is still the right one: it is answered and lives on as if it had been loaded anew, without being written again.
   * Return what this returns: `return load.notModified()`.
   *
   * @throws KeepsakeError `NOTHING_AT_HAND` when `stale` is undefined
   */
  notModified<T>(): T;
  /** Do not keep this result; callers still get it. */
  skip(): void;
}

/** What a load said about its result. */
export interface LoadWishes {
  readonly ttl: number | undefined;
  readonly tags: readonly string[];
  readonly skipped: boolean;
  /** Whether the value at hand was confirmed. */
  readonly notModified: boolean;
}

/** The context of one running load. */
export class RunningLoad implements LoadContext {
  readonly key: string | undefined;
  readonly reason: LoadContext['reason'];
  readonly stale: StaleValue | undefined;
  readonly #cancellation: Cancellation;
  #ttl: number | undefined;
  #tags: string[] = [];
  #skipped = false;
  #notModified = false;

  constructor(
    key: string | undefined,
    reason: LoadContext['reason'],
    stale: StaleValue | undefined,
    cancellation = new Cancellation(),
  ) {
    this.key = key;
    this.reason = reason;
    this.stale = stale;
    this.#cancellation = cancellation;
  }

  get signal(): AbortSignal {
    return this.#cancellation.signal;
  }

  /** Whether its signal has aborted, without making one. */
  get isCancelled(): boolean {
    return this.#cancellation.isCancelled;
  }

  ttl(ttl: Duration): void {
    this.#ttl = parseDuration(ttl, 'load.ttl()', { never: 'allowed' });
  }

  tags(...tags: string[]): void {
    this.#tags.push(...checkTags(tags, 'load.tags()'));
  }

  get state(): State {
    if (this.stale === undefined) return 'dead';
    return this.reason === 'early' || this.reason === 'stale' ? this.reason : 'fresh';
  }

  notModified<T>(): T {
    if (this.stale === undefined) {
      const message =
        'load.notModified() says that a value is still right, but there is none: look at `load.stale` first';
      throw new KeepsakeError('NOTHING_AT_HAND', message);
    }
    this.#notModified = true;
    return this.stale.value as T;
  }

  skip(): void {
    this.#skipped = true;
  }

  get wishes(): LoadWishes {
    return { ttl: this.#ttl, tags: this.#tags, skipped: this.#skipped, notModified: this.#notModified };
  }
}

/** The error of a load that confirms what is not there. */
export function nothingAtHand(): KeepsakeError {
  const message = 'load.notModified() says that a value is still right, but there is none: look at `load.stale` first';
  return new KeepsakeError('NOTHING_AT_HAND', message);
}

/** One load inside another: which keys of which caches are being loaded by the code now running. */
export interface Loading {
  readonly owner: object;
  /** One key, as a rule. */
  readonly keys: string | ReadonlySet<string>;
  readonly context: LoadContext;
  readonly outer: Loading | undefined;
  /** What a load started may outlive it (a timer, a connection, a listener) and stay in its context; it waits for itself no more. */
  state: 'running' | 'ended';
}

const loading = new AsyncLocalStorage<Loading | undefined>();

/**
 * Runs a loader so that code inside it finds its context, and its own key is known to be under way until it has settled. A loader may
 * throw before it returns a promise; to its callers that is a rejection like any other.
 */
export function runLoading<T>(
  owner: object,
  key: string,
  context: LoadContext,
  run: () => T | PromiseLike<T>,
): Promise<T> {
  return runWithin({ owner, keys: key, context, outer: loading.getStore(), state: 'running' }, run);
}

async function runWithin<T>(own: Loading, run: () => T | PromiseLike<T>): Promise<T> {
  try {
    return await loading.run(own, run);
  } finally {
    own.state = 'ended';
  }
}

/** The load the code now running belongs to; handed to `runTogether` where one loader runs for several of them. */
export function currentLoading(): Loading | undefined {
  return loading.getStore();
}

/** Runs one loader for several loads of one cache, which all were begun by one call: each of their keys is known to be under way in it. */
export async function runTogether<T>(
  loads: readonly (Loading | undefined)[],
  context: LoadContext,
  run: () => Promise<T>,
): Promise<T> {
  const first = loads.find((load) => load?.state === 'running') ?? loads[0];
  // Uncached outside of any load: there is nothing to be inside of.
  if (first === undefined) return await run();
  const keys = new Set(loads.flatMap((load) => (load?.state === 'running' ? keysOf(load) : [])));
  return await runWithin({ owner: first.owner, keys, context, outer: first.outer, state: 'running' }, run);
}

function keysOf({ keys }: Loading): readonly string[] {
  return typeof keys === 'string' ? [keys] : [...keys];
}

/** Whether the code now running is (inside) a load of this key of this owner: waiting for it would be waiting for oneself. */
export function isLoading(owner: object, key: string): boolean {
  for (let at = loading.getStore(); at !== undefined; at = at.outer) {
    if (at.owner === owner && holds(at, key) && at.state === 'running') return true;
  }
  return false;
}

function holds({ keys }: Loading, key: string): boolean {
  return typeof keys === 'string' ? keys === key : keys.has(key);
}

/** Runs a method that is not cached this time: a load around it is not its own, and what it says about its result is not heard. */
export function runUncached<T>(run: (context: LoadContext) => T): T {
  const context = new RunningLoad(undefined, 'uncached', undefined);
  const outer = loading.getStore();
  if (outer === undefined) return run(context);
  // Another context over the same loads: whether those still run is asked of them.
  return loading.run({ ...outer, context, outer, state: 'ended' }, () => run(context));
}

/**
 * The load context of the decorated method now running. Outside of one, or when the method runs uncached, an inert context whose
 * calls do nothing.
 *
 * @example
 * class Rates {
 *   @Cached('rates:{0}', { ttl: '1m' })
 *   async rates(source: string) {
 *     const rates = await fetchRates(source)
 *     cacheEntry().ttl(rates.validFor)
 *     return rates
 *   }
 * }
 */
export function cacheEntry(): LoadContext {
  return loading.getStore()?.context ?? new RunningLoad(undefined, 'uncached', undefined);
}
