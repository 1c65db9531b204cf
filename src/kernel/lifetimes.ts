/** Lifetimes: what a store is told about one write, made from a policy. */
import { earlyAge } from './early-refresh.js';
import { jittered } from './jitter.js';
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
  /** Where jitter comes from: `Math.random`, or numbers in [0, 1). `'none'` for values that were given (`set`), not loaded. */
  readonly jitter: 'none' | (() => number);
  /** Whether the value is null; `nullTtl`, when set, then stands for `ttl` and `expiresAt`. */
  readonly isNull: boolean;
}

/**
 * The lifetimes of one write. Only a finite ttl is jittered: an instant means that instant, and a sliding window is
 * spread by its readers.
 *
 * @example lifetimesOf(policy, { jitter: Math.random, isNull: false }) // { ttl: 563_210, early: 450_568, ... }
 */
export function lifetimesOf(policy: ResolvedPolicy, options: LifetimesOptions): Lifetimes {
  const nullTtl = options.isNull ? policy.nullTtl : undefined;
  const given = nullTtl ?? policy.ttl;
  const ttl =
    options.jitter === 'none' || given === undefined || given === Infinity
      ? given
      : jittered(given, policy.jitter, options.jitter);
  const { sliding, grace } = policy;
  return {
    ttl,
    sliding,
    expiresAt: nullTtl === undefined ? policy.expiresAt : undefined,
    grace,
    early: policy.early === undefined ? undefined : earlyAge(policy.early, { ttl: given, sliding }, ttl),
  };
}
