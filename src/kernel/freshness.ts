/** Freshness: the one place that decides what an entry's remaining times mean. */

/** `fresh`: serve. `early`: serve and refresh in the background. `stale`: serve only if loading fails. `dead`: never serve. */
export type State = 'fresh' | 'early' | 'stale' | 'dead';

/** How long each phase of an entry still lasts, in milliseconds from one common instant; `Infinity` = never ends, 0 or less = over. */
export interface Remaining {
  /** Until it is no longer fresh. */
  readonly fresh: number;
  /** Until a read also starts a background refresh; `Infinity` = none. */
  readonly early: number;
  /** Until it may no longer be served stale; never less than `fresh`. */
  readonly stale: number;
}

/**
 * The state of an entry `elapsed` milliseconds after its remaining times were taken.
 *
 * @example freshness({ fresh: 100, early: 70, stale: 500 }, 80) // 'early'
 */
export function freshness(remaining: Remaining, elapsed = 0): State {
  if (elapsed < remaining.fresh) return elapsed < remaining.early ? 'fresh' : 'early';
  return elapsed < remaining.stale ? 'stale' : 'dead';
}
