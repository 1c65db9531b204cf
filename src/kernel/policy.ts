/** Policies: what a user says about caching one method or call (`Policy`), and what the engine works with (`ResolvedPolicy`). */
import type { Codec } from './codec.js';
import type { Entity, ParsedEntity } from './entity.js';
import type { Ramp } from './ramp.js';

/**
 * Milliseconds as a number, or text for `ms`, combined too: `'90s'`, `'1h30m'`, `'1d 12h'`. Where an option says so, 0 (none, at
 * once) and `Infinity` (never, without limit) are durations; negatives and NaN never are. At most ten thousand years, rounded to
 * whole milliseconds.
 *
 * Trap: units ignore case, as in `ms`, so `'1M'` is a minute; there is no unit for months. A number is milliseconds, never seconds.
 */
export type Duration = number | string;

/** Which tiers an entry lives in. */
export type Tiers = 'both' | 'local' | 'shared';

/** How new the answer of a read must be; see `consistency` of a policy. */
export type Consistency = 'eventual' | 'strong';

/** How a value is protected from those who get it; see `isolation` of the local tier. */
export type Isolation = 'frozen' | 'cloned' | 'shared';

/** An error class, abstract ones included. */
export type ErrorClass = abstract new (...args: never[]) => Error;

/** Which errors of a loader may be answered with a stale value: instances of these classes, or those a predicate answers `true` for. */
export type ErrorFilter = readonly ErrorClass[] | ((error: unknown) => boolean);

/** Errors that are kept like values: what `cacheErrors` takes. */
export interface CachedErrors {
  /** Errors of exactly these classes; those of a class that extends one of them are not meant. Found again by the class's name. */
  readonly classes: readonly ErrorClass[];
  /** Time until the loader is tried again. A positive, finite {@link Duration}. */
  readonly ttl: Duration;
}

/** The same, checked: classes by their names, the ttl in milliseconds. */
export interface ParsedCachedErrors {
  readonly classes: ReadonlyMap<string, ErrorClass>;
  readonly ttl: number;
}

/** Options that say how long an entry lives and what happens around its end. */
export interface LifetimePolicy {
  /**
   * Time from the write (not from the beginning of the load) until the entry is no longer fresh. A {@link Duration}; `Infinity` = never.
   *
   * Default: none; one of `ttl`, `sliding` and `expiresAt` is required. Excludes `expiresAt`; beside `sliding` it is the ceiling. A later
   * layer's `ttl` replaces an earlier one's `expiresAt`, and the other way round. Loaded entries live a little shorter, see `jitter`.
   */
  readonly ttl?: Duration | undefined;

  /**
   * Each read extends freshness to this long from the read, never past `ttl` or `expiresAt`. A finite, positive {@link Duration}.
   *
   * Default: none. At most `ttl`. Reads renew it only once a quarter of the window has passed, in batches, off the read's path.
   *
   * Trap: without a ceiling an entry that is read all the time never expires; give `ttl`, or `earlyTtl`, unless tags invalidate it.
   */
  readonly sliding?: Duration | undefined;

  /**
   * The instant at which the entry is no longer fresh: a `Date` or milliseconds since 1970, compared with the store's clock. Excludes `ttl`.
   *
   * Default: none. Not jittered. An instant in the past makes an entry that is expired when it is written.
   *
   * Trap: in a decorator it is evaluated once, when the class is defined. For "until midnight" give it per call, or use `load.ttl()`.
   */
  readonly expiresAt?: Date | number | undefined;

  /**
   * Random shortening of `ttl`, so that entries written together do not expire together: a percentage of the ttl from `'0%'` to `'50%'`,
   * however long that is, or the longest shortening as a {@link Duration}, which takes half of a shorter ttl at most. 0 = none.
   *
   * Default: 10 % of the ttl, 60 s at most. Only loaded entries with a finite ttl are jittered, never those of `set`; `earlyTtl` is scaled along.
   *
   * Trap: `'10%'` said explicitly knows no 60 s bound: of 30 days it takes up to three.
   */
  readonly jitter?: Duration | undefined;

  /**
   * Longest life of a copy in the local tier, a positive {@link Duration}; `Infinity` = as long as the entry.
   *
   * Default: `Infinity`. A copy never outlives the shared entry's remaining time, nor `local.ttl` of the cache, whatever this says. Excludes `tiers: 'shared'`.
   *
   * Trap: it is no staleness bound after an invalidation; that is `localLease` of the cache.
   */
  readonly localTtl?: Duration | undefined;

  /**
   * ADDITIONAL time after expiry in which the entry may be served stale: when its loader fails with an error that `exceptions` accepts, or
   * takes longer than `softTimeout`. A {@link Duration}, 0 = none, `Infinity` = for as long as the entry is kept.
   *
   * Default: 0; 24 h under `@Failover`. An entry occupies the store for its ttl and its grace together. Deleted and invalidated entries have none.
   */
  readonly grace?: Duration | undefined;

  /**
   * After a failed load with a stale value at hand: how long before the loader is tried again, by any process; until then the stale value is
   * served at once. A finite {@link Duration}, 0 = try at every read. Counted from the failure.
   *
   * Default: 30 s. Without `grace` it has no effect.
   */
  readonly backoff?: Duration | undefined;

  /**
   * Age from which a read also starts one refresh in the background: a positive {@link Duration}, or a percentage between `'0%'` and
   * `'100%'`; `Infinity` = none, which takes back what an earlier layer set.
   *
   * Default: none; `'80%'` under `@Early`. A percentage is one of `ttl`, or, where there is no finite one, of `sliding`; with `expiresAt`
   * alone only a duration works. Shorter than `ttl`. Ages count from the write for sliding entries too: a touch does not put the refresh off.
   *
   * Trap: an entry nobody reads between this age and its end is not refreshed; it expires.
   */
  readonly earlyTtl?: Duration | undefined;

  /**
   * How long a caller waits for the loader before it takes a stale value, if there is one; the load goes on in the background. A
   * {@link Duration}; 0 = take it at once (stale while revalidating), `Infinity` = none. Counted from the caller's own call.
   *
   * Default: `Infinity`. Shorter than `hardTimeout`.
   *
   * Trap: without `grace` there is never a stale value, and it has no effect.
   */
  readonly softTimeout?: Duration | undefined;

  /**
   * How long a caller waits for the loader before its call rejects with `LoadTimeoutError`, or is answered stale where `exceptions`
   * accepts that error (as it does by default). A positive {@link Duration}, `Infinity` = none. Counted from the caller's own call.
   *
   * Default: `Infinity`. The loader's `load.signal` aborts once every caller has given up.
   *
   * Trap: a loader that ignores the signal goes on; the next caller joins it rather than starting a second one.
   */
  readonly hardTimeout?: Duration | undefined;

  /**
   * How long a caller waits for another process's load of the same key before it loads by itself. A {@link Duration}; 0 = does not
   * wait, `Infinity` = for as long as that load is alive.
   *
   * Default: 30 s. Longer than the loader usually takes, or the origin gets one load per process after all.
   */
  readonly leaseTimeout?: Duration | undefined;

  /**
   * Stands for `ttl` and `expiresAt` when the value is `null`: "not found" is often worth a shorter life. A positive {@link Duration}, `Infinity` = never expires.
   *
   * Default: none, nulls live as long as other values. Excludes `cacheNull: false`. `sliding` still applies, up to this long from the write.
   */
  readonly nullTtl?: Duration | undefined;
}

/**
 * What `set`, `getOrSet` and the `defaults` of a cache take. Undefined always means "not set". A misspelt option is refused.
 *
 * @example { ttl: '10m', grace: '24h', tags: ['products'] }
 */
export interface Policy extends LifetimePolicy {
  /**
   * Stable name of what is cached: the label of its metrics and events. A text of 1 to 256 characters.
   *
   * Default: none; class and method (`UserService.user`) under a decorator.
   *
   * Trap: in minified builds class names change with every build; name the use case there.
   */
  readonly useCase?: string | undefined;

  /** Name of the kind of key, a second label of metrics and events (`user`, `order`). A text of 1 to 256 characters. Default: none. */
  readonly keyType?: string | undefined;

  /**
   * Which tiers the entry lives in: `'both'`, `'local'` (this process alone: no database, no invalidation from elsewhere) or `'shared'`
   * (every read asks the store). Default: `'both'`. `'shared'` excludes `localTtl`.
   */
  readonly tiers?: Tiers | undefined;

  /**
   * How new an answer must be. `'strong'`: a call that begins after an invalidation has committed, in any process, never answers what was
   * true before it. It passes over the local tier, and over loads that began before the call. What it loads is kept as usual.
   *
   * Default: `'eventual'`: other processes' invalidations are heard within milliseconds, and within `localLease` whatever happens. Strong
   * calls cost a query each. While the store cannot be asked they run the loader. Excludes `tiers: 'local'`.
   *
   * Trap: it is about invalidations. Where `grace` allows a stale value for a failed load, a strong call takes it too.
   */
  readonly consistency?: Consistency | undefined;

  /**
   * Labels; invalidating one invalidates every entry that carries it. Non-empty texts without NUL and lone surrogates, at most 64 different
   * ones; those above 512 UTF-8 bytes are stored hashed. Repeated ones count once.
   *
   * Default: none. Tags of a later layer stand alone, they are not added to an earlier one's; `load.tags()` adds.
   */
  readonly tags?: readonly string[] | undefined;

  /**
   * Which errors of the loader may be answered with a stale value: an array of error classes, or a predicate.
   *
   * Default: any, `LoadTimeoutError` included, but our other errors, ReferenceError, SyntaxError and a TypeError without `cause` (`fetch` fails
   * with one that has it). Without `grace` it has no effect. `[]` accepts none.
   *
   * Trap: a predicate must answer `true` itself; a promise of it is not accepted, and one that throws accepts nothing.
   */
  readonly exceptions?: ErrorFilter | undefined;

  /**
   * The one thing the entry is about: a type, and its id in one or several parts, such as `['user', 42]`. `invalidateEntity('user', 42)`
   * invalidates every entry of that entity, whatever made it. In decorators parts are a placeholder (`['user', '{id}']`) or a text.
   *
   * Default: none. Its type stands for `keyType`, unless that is given. No tag of yours can be taken for it.
   */
  readonly entity?: Entity | undefined;

  /**
   * What callers get when the loader fails and there is nothing stale: a value, or a function of the error and the method's arguments,
   * which may be asynchronous. Only for errors that `exceptions` accepts; a call that was cancelled rejects all the same.
   *
   * Default: none, callers get the error. It is never stored: the next call tries again. A value is copied for each caller.
   *
   * Trap: it also answers for a loader that is too slow (`hardTimeout`), since `exceptions` accepts that by default.
   */
  readonly fallback?: unknown;

  /**
   * Which errors of the loader are kept like values, for a short life of their own: `{ classes: [NotFoundError], ttl: '30s' }`. Until then calls reject
   * with an equal error, and the loader is left alone. Tags apply; `grace`, `sliding` and `earlyTtl` do not.
   *
   * Default: none. Errors of exactly these classes, no subclasses. Kept are class, name, message, cause and own properties that are primitives; no
   * stack, no objects, no private fields. An error that `exceptions` accepts while there is a stale value is answered with that, and not kept.
   *
   * Trap: classes are found again by their names, which minifiers change: then the entry is a miss.
   */
  readonly cacheErrors?: CachedErrors | undefined;

  /**
   * Which results are not kept: a predicate of the value and the method's arguments that answers `true` for them. Callers get the value all the same.
   *
   * Default: none. Asked once a load. One that throws is reported, and keeps nothing.
   */
  readonly unless?: ((value: never, ...args: never[]) => boolean) | undefined;

  /** Whether `null` is stored, as a value like any other. Default: `true`. `undefined` never is stored and means "miss". `false` excludes `nullTtl`. */
  readonly cacheNull?: boolean | undefined;

  /**
   * For which share of the keys each tier is on, in percent from 0 to 100, by a stable hash of the key: raising it adds keys and never
   * reshuffles them. For keys that have neither tier the method runs as if it were not cached.
   *
   * Default: 100 for both; a layer that names one tier leaves the other as it is. Meant for `policyProvider`, which changes it while the program runs.
   */
  readonly ramp?: Ramp | undefined;

  /** How a value is protected from those who get it, in either tier. Default: that of the local tier (`'frozen'`). */
  readonly isolation?: Isolation | undefined;

  /**
   * How the value becomes bytes in the shared tier. Default: that of the cache.
   *
   * Trap: entries written with another codec are misses, counted as errors, until they are loaded again.
   */
  readonly codec?: Codec | undefined;
}

/** How jitter shortens a ttl: by at most `share` of it, and at most `most` milliseconds. */
export interface Jitter {
  readonly share: number;
  readonly most: number;
}

/** When an entry turns early: at an age in milliseconds, or at a share of its ttl. */
export type EarlyPoint = { readonly age: number } | { readonly share: number };

/** A policy with every duration in milliseconds, every default filled in and every contradiction refused. */
export interface ResolvedPolicy {
  readonly useCase: string | undefined;
  readonly keyType: string | undefined;
  /** Infinity = never expires. Undefined when only `sliding` or `expiresAt` is given. */
  readonly ttl: number | undefined;
  readonly sliding: number | undefined;
  /** Milliseconds since 1970. */
  readonly expiresAt: number | undefined;
  readonly jitter: Jitter;
  /** Longest life of a local copy; Infinity = as long as the entry. */
  readonly localTtl: number;
  readonly grace: number;
  readonly backoff: number;
  readonly early: EarlyPoint | undefined;
  /** Infinity = none. */
  readonly softTimeout: number;
  /** Infinity = none. */
  readonly hardTimeout: number;
  readonly leaseTimeout: number;
  readonly nullTtl: number | undefined;
  readonly cacheNull: boolean;
  readonly tiers: Tiers;
  readonly consistency: Consistency;
  /** Literal tags; those built from arguments are added per call. */
  readonly tags: readonly string[];
  /** Whether this error of a loader may be answered with a stale value. */
  readonly accepts: (error: unknown) => boolean;
  readonly isolation: Isolation | undefined;
  /** Undefined = every key, in both tiers. */
  readonly ramp: Ramp | undefined;
  readonly codec: Codec | undefined;
  /** Its tag is among `tags`. */
  readonly entity: ParsedEntity | undefined;
  /** What stands for a value when loading failed and nothing is at hand. */
  readonly fallback: ((error: unknown, args: readonly unknown[]) => unknown) | undefined;
  readonly cacheErrors: ParsedCachedErrors | undefined;
  /** Whether a result is one that is not kept. */
  readonly unless: ((value: unknown, args: readonly unknown[]) => boolean) | undefined;
}
