/** Policies: what a user says about caching one method or call (`Policy`), and what the engine works with (`ResolvedPolicy`). */
import type { Codec } from './codec.js';

/** Milliseconds as a number, or text for `ms`, combined too: `'90s'`, `'1h30m'`. */
export type Duration = number | string;

/** Which tiers an entry lives in. */
export type Tiers = 'both' | 'local' | 'shared';

/** How a value is protected from those who get it; see `isolation` of the local tier. */
export type Isolation = 'frozen' | 'cloned' | 'shared';

/** An error class, or a predicate, choosing which errors of a loader may be answered with a stale value. */
// biome-ignore lint/suspicious/noExplicitAny: a constructor's parameters are contravariant; only `any` accepts every error class.
export type ErrorClass = abstract new (...args: any[]) => Error;
export type ErrorFilter = readonly ErrorClass[] | ((error: unknown) => boolean);

/** Options that say how long an entry lives and what happens around its end. */
export interface LifetimePolicy {
  readonly ttl?: Duration | undefined;
  readonly sliding?: Duration | undefined;
  readonly expiresAt?: Date | number | undefined;
  readonly jitter?: Duration | undefined; // a duration, or a percentage such as '10%'
  readonly localTtl?: Duration | undefined;
  readonly grace?: Duration | undefined;
  readonly backoff?: Duration | undefined;
  readonly earlyTtl?: Duration | undefined; // a duration, or a percentage such as '80%'
  readonly softTimeout?: Duration | undefined;
  readonly hardTimeout?: Duration | undefined;
  readonly leaseTimeout?: Duration | undefined;
  readonly nullTtl?: Duration | undefined;
}

/** What `set`, `getOrSet` and the `defaults` of a cache take. */
export interface Policy extends LifetimePolicy {
  readonly useCase?: string | undefined;
  readonly keyType?: string | undefined;
  readonly tiers?: Tiers | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly exceptions?: ErrorFilter | undefined;
  readonly cacheNull?: boolean | undefined;
  readonly isolation?: Isolation | undefined;
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
  /** Literal tags; those built from arguments are added per call. */
  readonly tags: readonly string[];
  /** Whether this error of a loader may be answered with a stale value. */
  readonly accepts: (error: unknown) => boolean;
  readonly isolation: Isolation | undefined;
  readonly codec: Codec | undefined;
}
