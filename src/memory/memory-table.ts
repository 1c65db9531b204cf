/**
 * The data of memory stores: rows, the invalidation log and a counter of transactions.
 *
 * Every write is a transaction of its own that commits at once, numbered by the counter. A snapshot is `n:n:`, n being the
 * number of the next transaction: all earlier ones are visible, and none is ever running. So the validity rule of the port
 * holds word for word. (That a row's own writer counts as seen needs no code: no transaction here both writes and invalidates.)
 *
 * Memory is bounded by work done with each write (`sweep`), a few steps further through a pass over all rows each time. A log
 * record may go when nobody can need it: a load that has not seen it is past `loadDeadline` and will be refused, and a pass
 * that began after that has met every row: the ones it hides are gone, the ones it expired remember when.
 */
import { randomUUID } from 'node:crypto';
import type { Clock } from '../kernel/clock.js';
import { keyName } from '../kernel/names.js';
import { isVisible, type Xid } from '../kernel/snapshot.js';
import type { InvalidationKind, LoadToken, RefusalReason } from '../ports/store.js';
import { InvalidationLog } from './invalidation-log.js';
import type { LockTable } from './memory-locks.js';
import { isFence, type Row, type RowOrigin, remainingOf } from './row.js';

export interface MemoryTableOptions {
  readonly clock: Clock;
  /** Milliseconds after which a load's result is refused. */
  readonly loadDeadline: number;
  /** Most rows kept; Infinity = no bound. */
  readonly maxEntries: number;
}

/** Rows and log names looked at for every row or name written: above 1, so that sweeping outruns writing. */
const SWEPT_PER_WRITE = 8;

export class MemoryTable {
  /** Names this very table: a token of another one proves nothing here. */
  readonly incarnation: string = randomUUID();
  /** Who holds which name. */
  readonly locks: LockTable = { held: new Map(), lastFence: 0 };
  readonly #clock: Clock;
  readonly #loadDeadline: number;
  readonly #maxEntries: number;
  /** By id, in the order in which they were written. */
  readonly #rows = new Map<string, Row>();
  readonly #log = new InvalidationLog();
  #nextXid: Xid = 1;
  /** The youngest writer whose row was evicted: it still fences older loads. */
  #evictedXid: Xid | undefined;
  /** The sweep under way: where it is, and when it began. */
  #pass: { readonly rows: Iterator<Row>; readonly began: number } | undefined;

  constructor(options: MemoryTableOptions) {
    this.#clock = options.clock;
    this.#loadDeadline = options.loadDeadline;
    this.#maxEntries = options.maxEntries;
  }

  /** How much is kept: rows, and records in the log. */
  get size(): { readonly rows: number; readonly records: number } {
    return { rows: this.#rows.size, records: this.#log.size };
  }

  /** The ids of all rows, dead ones included, in the order in which they were written. */
  ids(): Iterable<string> {
    return this.#rows.keys();
  }

  /** What a reader can see at this moment. */
  token(): LoadToken {
    const xid = this.#nextXid;
    return { incarnation: this.incarnation, snapshot: `${xid}:${xid}:`, at: String(this.#clock.monotonic()) };
  }

  /** Begins (and commits) a transaction: the origin of a row written "as of now". */
  begin(scopeNames: readonly string[]): RowOrigin {
    const { snapshot } = this.token();
    const xid = this.#nextXid++;
    return { xid, snapshot, scopeNames, now: this.#clock.monotonic(), wall: this.#clock.wall() };
  }

  /** The servable row of `id`: fresh or stale, and not hidden. Its `expiredAt` is up to date. */
  find(id: string): Row | undefined {
    const row = this.#rows.get(id);
    return row !== undefined && this.#settle(row) === 'servable' ? row : undefined;
  }

  /** Why the result of a load that began at `token` must not be written under `id`, if so. */
  refusal(id: string, names: readonly string[], token: LoadToken): RefusalReason | undefined {
    if (token.incarnation !== this.incarnation) return 'incarnation';
    const now = this.#clock.monotonic();
    // Before the log is asked: what older loads have not seen may have been compacted away.
    if (now - Number(token.at) > this.#loadDeadline) return 'deadline';
    if (this.#log.unseen(names, token.snapshot) !== undefined) return 'invalidated';
    const row = this.#rows.get(id);
    const fence = row !== undefined && isFence(row, now) ? row.writerXid : this.#evictedXid;
    return fence === undefined || isVisible(fence, token.snapshot) ? undefined : 'newer';
  }

  put(row: Row): void {
    // Removed first, so that it moves to the end: eviction relies on the order.
    this.#rows.delete(row.id);
    this.#rows.set(row.id, row);
    this.sweep(SWEPT_PER_WRITE);
    this.#evict();
  }

  /** Logs the invalidation of the key of `id` and removes its row. */
  remove(id: string): Xid {
    const xid = this.invalidate([keyName(id)], 'delete');
    this.#rows.delete(id);
    return xid;
  }

  invalidate(names: readonly string[], kind: InvalidationKind): Xid {
    const xid = this.#nextXid++;
    this.#log.append(names, { xid, kind, at: this.#clock.monotonic() });
    this.sweep(SWEPT_PER_WRITE * names.length);
    return xid;
  }

  /** Goes on with the pass over all rows by up to `limit` of them, and drops up to `limit` names from the log. */
  sweep(limit: number): 'finished' | 'unfinished' {
    const pass = this.#pass ?? { rows: this.#rows.values(), began: this.#clock.monotonic() };
    this.#pass = pass;
    let rows: 'finished' | 'unfinished' = 'unfinished';
    for (let visited = 0; visited < limit; visited += 1) {
      const next = pass.rows.next();
      if (next.done === true) {
        this.#pass = undefined;
        this.#log.settle(pass.began - this.#loadDeadline);
        rows = 'finished';
        break;
      }
      this.#settle(next.value);
    }
    return this.#log.compact(limit) === 'finished' ? rows : 'unfinished';
  }

  /** Writes into a row what the log says about it, and removes it once it serves nobody and fences nobody. */
  #settle(row: Row): 'servable' | 'hidden' {
    const now = this.#clock.monotonic();
    const unseen = this.#log.unseen(row.names, row.snapshot);
    if (unseen?.kind === 'expire') row.expiredAt = Math.min(row.expiredAt, unseen.at);
    if (unseen?.kind !== 'delete' && remainingOf(row, now).stale > 0) return 'servable';
    const fencesNobody = !isFence(row, now) || now - row.writtenAt > this.#loadDeadline;
    if (fencesNobody) this.#rows.delete(row.id);
    return 'hidden';
  }

  /**
   * Removes the rows written longest ago while there are too many. One mark replaces all their fences: until the loads that
   * began before it have ended, they are refused for every missing key. They are the ones that ran while the whole table
   * was rewritten, and a mark per key would make the bound worthless.
   */
  #evict(): void {
    for (const row of this.#rows.values()) {
      if (this.#rows.size <= this.#maxEntries) return;
      this.#rows.delete(row.id);
      this.#evictedXid = row.writerXid;
    }
  }
}
