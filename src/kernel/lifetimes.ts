/** Lifetimes: what a store is told about one write, made from a policy. */
import type { ResolvedPolicy } from './policy.js';

/** How long a written entry is to live. Whole milliseconds from the write, decided by the store's clock. */
export interface Lifetimes {
  /** Time to freshness' end (jitter already applied); Infinity = never. With `sliding`: the absolute ceiling. Undefined = only sliding or expiresAt. */
  readonly ttl: number | undefined;
  /** Each read extends freshness to this long from the read, never past `ttl`/`expiresAt`. */
  readonly sliding: number | undefined;
  /** Absolute end of freshness, milliseconds since 1970. Exclusive with `ttl`. */
  readonly expiresAt: number | undefined;
  /** Additional time after the end of freshness in which it may be served stale; 0 = none. */
  readonly grace: number;
  /** Age from which a read starts a background refresh, counted from the write whatever `sliding` did since; undefined = none. */
  readonly early: number | undefined;
}

/** What decides the lifetimes of one write beside its policy. */
export interface LifetimesOptions {
  /** Where jitter comes from, `Math.random` or alike, in [0, 1); `'none'` for values that were given (`set`), not loaded. */
  readonly jitter: 'none' | (() => number);
  /** Whether the value is null, which `nullTtl` is for. */
  readonly isNull: boolean;
}

export function lifetimesOf(policy: ResolvedPolicy, _options: LifetimesOptions): Lifetimes {
  return { ttl: policy.ttl, sliding: policy.sliding, expiresAt: policy.expiresAt, grace: policy.grace, early: undefined };
}
