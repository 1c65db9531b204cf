/**
 * The counters port: numbers that many processes change at once, each in one atomic step. A counter is an entry whose value is its number in
 * decimal digits; it lives in the shared tier only.
 *
 * Ids arrive as the store's ids. Methods reject with StoreError when the store cannot answer.
 */
import type { Xid } from '../kernel/snapshot.js';

/** What is to be added, and within which bounds the number must stay. */
export interface Increment {
  /** May be negative, or 0. */
  readonly by: bigint;
  /** Milliseconds that a counter which begins with this lives; undefined = until it is deleted. One that is there keeps its own. */
  readonly ttl: number | undefined;
  readonly least: bigint;
  readonly most: bigint;
}

/** `not-a-number`: the entry is fresh and holds something else. `overflow`: the result would leave the bounds. Nothing was changed. */
export type IncrementResult =
  | { readonly status: 'counted'; readonly value: bigint; readonly xid: Xid }
  | { readonly status: 'refused'; readonly reason: 'not-a-number' | 'overflow' };

export interface Counters {
  /**
   * Adds to the number under `id`, which is 0 where there is no fresh entry. Fresh numbers that were written as JSON, or by other programs,
   * are counters from then on.
   */
  increment(id: string, increment: Increment): Promise<IncrementResult>;
}
