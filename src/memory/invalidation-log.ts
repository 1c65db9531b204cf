/**
 * The invalidation log of the memory store: which names were invalidated by which transactions.
 *
 * Transactions here begin and commit in one step, so a snapshot sees exactly those numbered before it. Two things follow
 * that PostgreSQL's log cannot use: a `delete` makes every earlier record of its name superfluous (who has not seen them
 * has not seen it either), and the unseen records of a name are always a suffix of its list, found by bisection.
 */
import { isVisible, type Snapshot, type Xid } from '../kernel/snapshot.js';
import type { InvalidationKind } from '../ports/store.js';

/** One invalidation of one name: by which transaction, how hard, and at which monotonic millisecond. */
export interface Invalidation {
  readonly xid: Xid;
  readonly kind: InvalidationKind;
  readonly at: number;
}

export class InvalidationLog {
  /** Per name in the order of transactions; a `delete` is always first. The names stand in the order of their last record. */
  readonly #records = new Map<string, Invalidation[]>();
  /** Records older than this monotonic millisecond concern no row and no load any more. */
  #settledBefore = Number.NEGATIVE_INFINITY;

  /** How many records are kept. */
  get size(): number {
    let size = 0;
    for (const records of this.#records.values()) size += records.length;
    return size;
  }

  append(names: readonly string[], invalidation: Invalidation): void {
    for (const name of names) {
      const records = invalidation.kind === 'delete' ? [] : this.#unsettled(name);
      records.push(invalidation);
      // Removed first, so that it moves to the end: compaction relies on the order of the names.
      this.#records.delete(name);
      this.#records.set(name, records);
    }
  }

  /**
   * What someone who holds `snapshot` has not seen about `names`: a `delete` if there is one, else the earliest `expire`,
   * because an entry's freshness ended at the first of them.
   */
  unseen(names: readonly string[], snapshot: Snapshot): Invalidation | undefined {
    let earliest: Invalidation | undefined;
    for (const name of names) {
      const records = this.#records.get(name);
      const first = records && firstUnseen(records, snapshot);
      if (first?.kind === 'delete') return first;
      if (first !== undefined && (earliest === undefined || first.at < earliest.at)) earliest = first;
    }
    return earliest;
  }

  /** Declares records older than the monotonic millisecond `before` superfluous; `compact` and later appends drop them. */
  settle(before: number): void {
    this.#settledBefore = before;
  }

  /** Drops up to `limit` names whose last record is settled. `finished` when no such name is left. */
  compact(limit: number): 'finished' | 'unfinished' {
    let dropped = 0;
    for (const [name, records] of this.#records) {
      const last = records.at(-1);
      if (last !== undefined && last.at >= this.#settledBefore) return 'finished';
      if (dropped === limit) return 'unfinished';
      this.#records.delete(name);
      dropped += 1;
    }
    return 'finished';
  }

  /** The records of a name that still count; a name expired again and again never reaches `compact`. */
  #unsettled(name: string): Invalidation[] {
    const records = this.#records.get(name) ?? [];
    const first = records[0];
    if (first === undefined || first.at >= this.#settledBefore) return records;
    const kept = records.findIndex((record) => record.at >= this.#settledBefore);
    return kept === -1 ? [] : records.slice(kept);
  }
}

function firstUnseen(records: readonly Invalidation[], snapshot: Snapshot): Invalidation | undefined {
  let low = 0;
  let high = records.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const record = records[middle];
    if (record !== undefined && isVisible(record.xid, snapshot)) low = middle + 1;
    else high = middle;
  }
  return records[low];
}
