/**
 * Additions: what calls on one counter come to together, and what each of them is answered. A busy counter costs one row version for all
 * of them, and each gets what it would have got alone, after those before it. Pure.
 */
import { COUNTER_BOUNDS } from '../kernel/counter.js';
import type { Xid } from '../kernel/snapshot.js';
import type { Increment, IncrementResult } from '../ports/counters.js';

/** The calls on one counter, in their order, as one addition. */
export interface Addition {
  readonly id: string;
  readonly increments: readonly Increment[];
  /** What each result is above the number that was there; undefined for one that would leave its bounds. */
  readonly sums: readonly (bigint | undefined)[];
  readonly sum: bigint;
  /** Of the first that is carried out. */
  readonly ttl: number | undefined;
  /** Where that number must be, for all results to stay within their bounds. */
  readonly least: bigint;
  readonly most: bigint;
}

/** With `from`, the number that is there as far as is known, calls that would leave their bounds are left out. */
export function additionOf(id: string, increments: readonly Increment[], from?: bigint): Addition {
  let [sum, least, most] = [0n, COUNTER_BOUNDS.least, COUNTER_BOUNDS.most];
  let first: Increment | undefined;
  const sums = increments.map((increment) => {
    const next = sum + increment.by;
    if (from !== undefined && (from + next < increment.least || from + next > increment.most)) return undefined;
    first ??= increment;
    sum = next;
    if (increment.least - sum > least) least = increment.least - sum;
    if (increment.most - sum < most) most = increment.most - sum;
    return sum;
  });
  return { id, increments, sums, sum, ttl: first?.ttl, least, most };
}

/** Whether a `bigint` of PostgreSQL holds what it adds and its bounds. */
export function isOfOneBigint({ sum, least, most }: Addition): boolean {
  return [sum, least, most].every((one) => one >= COUNTER_BOUNDS.least && one <= COUNTER_BOUNDS.most);
}

/** What the calls are answered when transaction `xid` has added it, and the number was `after` then. */
export function countedOf({ sums, sum }: Addition, after: bigint, xid: Xid): readonly IncrementResult[] {
  const before = after - sum;
  return sums.map((above) => (above === undefined ? OVERFLOW : { status: 'counted', value: before + above, xid }));
}

/** What they are answered when nothing was added. */
export function refusedOf({ increments }: Addition, reason: 'not-a-number' | 'overflow'): readonly IncrementResult[] {
  return increments.map(() => ({ status: 'refused', reason }));
}

const OVERFLOW: IncrementResult = { status: 'refused', reason: 'overflow' };
