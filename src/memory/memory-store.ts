/**
 * The memory store: the shared tier of a single process, for tests, demos and programs without a database.
 * It keeps every rule of the port; what it does not do is share anything with other processes, or outlive its own.
 */
import { StoreError } from '../errors.js';
import type { Clock, Timer } from '../kernel/clock.js';
import { counterOf, encodeCounter } from '../kernel/counter.js';
import { refuse } from '../kernel/expectation.js';
import type { Remaining } from '../kernel/freshness.js';
import { isVisible } from '../kernel/snapshot.js';
import type { Counters, Increment, IncrementResult } from '../ports/counters.js';
import type { Leases } from '../ports/lease.js';
import type { Locks } from '../ports/locks.js';
import type {
  EntryWrite,
  FillResult,
  InvalidationKind,
  InvalidationReceipt,
  ListPage,
  ListRequest,
  LoadToken,
  Postponed,
  Store,
  StoreOptions,
  StoreRead,
  WriteReceipt,
} from '../ports/store.js';
import { listRows } from './list-rows.js';
import { MemoryLocks } from './memory-locks.js';
import { MemoryTable } from './memory-table.js';
import { ceilingOf, createRow, entryOf, namesOf, type RowOrigin, recount, remainingOf, slide } from './row.js';

export interface MemoryStoreOptions extends StoreOptions {
  readonly clock: Clock;
  /** Most entries kept, a positive integer; beyond it those written longest ago are evicted. Default: no bound. */
  readonly maxEntries?: number | undefined;
}

/** Sweeping goes along with writing; the timer is for a store nobody writes to any more. Milliseconds, and rows a time. */
const SWEEP_EVERY = 60_000;
const SWEEP_AGAIN = 100;
const SWEEP_BATCH = 1000;

/**
 * Creates a store that lives in this process's memory.
 *
 * @throws ConfigurationError (`INVALID_OPTION`) when `maxEntries` is not a positive integer.
 * @example createMemoryStore({ clock: systemClock, scopeNames: [namespaceName('app'), EVERYTHING], loadDeadline: 600_000 })
 */
export function createMemoryStore(options: MemoryStoreOptions): Store {
  const { clock, loadDeadline, scopeNames, maxEntries } = options;
  if (maxEntries !== undefined && !(Number.isSafeInteger(maxEntries) && maxEntries > 0)) {
    throw refuse({ option: 'maxEntries', expected: 'a positive integer', got: maxEntries, code: 'INVALID_OPTION' });
  }
  const table = new MemoryTable({ clock, loadDeadline, maxEntries: maxEntries ?? Number.POSITIVE_INFINITY });
  return new MemoryStore(table, { clock, scopeNames });
}

/** The port over a table; several stores over one table stand for several processes. */
export class MemoryStore implements Store {
  readonly kind = 'memory';
  readonly leases: Leases | undefined;
  readonly locks: Locks;
  readonly counters: Counters = { increment: (id, increment) => this.#run(() => this.#increment(id, increment)) };
  readonly #table: MemoryTable;
  readonly #clock: Clock;
  readonly #scopeNames: readonly string[];
  #status: 'open' | 'closed' = 'open';
  #sweepTimer: Timer | undefined;

  constructor(
    table: MemoryTable,
    options: { readonly clock: Clock; readonly scopeNames: readonly string[]; readonly leases?: Leases },
  ) {
    this.leases = options.leases;
    this.locks = new MemoryLocks(table.locks, options.clock);
    this.#table = table;
    this.#clock = options.clock;
    this.#scopeNames = [...options.scopeNames];
  }

  open(): Promise<void> {
    return this.#run(() => this.#sweepIn(SWEEP_EVERY));
  }

  close(): Promise<void> {
    this.#status = 'closed';
    this.#sweepTimer?.cancel();
    return Promise.resolve();
  }

  read(id: string): Promise<StoreRead> {
    return this.#run(() => {
      const row = this.#table.find(id);
      return { token: this.#table.token(), entry: row && entryOf(row, this.#clock.monotonic()) };
    });
  }

  fill(write: EntryWrite, token: LoadToken): Promise<FillResult> {
    return this.#run(() => {
      const reason = this.#table.refusal(write.id, namesOf(write, this.#scopeNames), token);
      if (reason !== undefined) return { status: 'refused', reason };
      const transaction = this.#table.begin(this.#scopeNames);
      return { status: 'stored', receipt: this.#write(write, { ...transaction, snapshot: token.snapshot }) };
    });
  }

  /** There is no other process to tell. */
  put(write: EntryWrite, token: LoadToken): Promise<FillResult> {
    return this.fill(write, token);
  }

  extend(write: EntryWrite, token: LoadToken): Promise<FillResult> {
    return this.#run(() => {
      const reason = this.#table.refusal(write.id, namesOf(write, this.#scopeNames), token);
      const encoded = this.#table.find(write.id)?.encoded;
      if (reason !== undefined || encoded === undefined) return { status: 'refused', reason: reason ?? 'newer' };
      const transaction = this.#table.begin(this.#scopeNames);
      const origin = { ...transaction, snapshot: token.snapshot };
      return { status: 'stored', receipt: this.#write({ ...write, encoded }, origin) };
    });
  }

  set(write: EntryWrite): Promise<WriteReceipt> {
    return this.#run(() => this.#write(write, this.#table.begin(this.#scopeNames)));
  }

  setIfAbsent(write: EntryWrite): Promise<WriteReceipt | undefined> {
    return this.#run(() => {
      const row = this.#table.find(write.id);
      if (row !== undefined && remainingOf(row, this.#clock.monotonic()).fresh > 0) return undefined;
      return this.#write(write, this.#table.begin(this.#scopeNames));
    });
  }

  list(request: ListRequest): Promise<ListPage> {
    return this.#run(() => listRows(this.#table, request, this.#clock.monotonic()));
  }

  delete(id: string): Promise<InvalidationReceipt & { readonly existed: boolean }> {
    return this.#run(() => {
      const existed = this.#table.find(id) !== undefined;
      return { existed, xid: this.#table.remove(id) };
    });
  }

  invalidate(names: readonly string[], kind: InvalidationKind): Promise<InvalidationReceipt> {
    return this.#run(() => ({ xid: this.#table.invalidate(names, kind) }));
  }

  touch(id: string): Promise<Remaining | undefined> {
    return this.#run(() => {
      const now = this.#clock.monotonic();
      const row = this.#table.find(id);
      // An expired row is not fresh, and so no touch revives it.
      if (row === undefined || remainingOf(row, now).fresh <= 0) return undefined;
      slide(row, now);
      return remainingOf(row, now);
    });
  }

  postpone(id: string, ms: number, token: LoadToken, what: Postponed): Promise<void> {
    return this.#run(() => {
      const row = this.#table.find(id);
      const isSameRow =
        row !== undefined && token.incarnation === this.#table.incarnation && isVisible(row.writerXid, token.snapshot);
      if (!isSameRow) return;
      const until = this.#clock.monotonic() + ms;
      if (what === 'load') row.retryAt = until;
      else row.refreshAt = Math.max(row.refreshAt, until);
    });
  }

  #increment(id: string, { by, ttl, least, most }: Increment): IncrementResult {
    const now = this.#clock.monotonic();
    const found = this.#table.find(id);
    const row = found !== undefined && remainingOf(found, now).fresh > 0 ? found : undefined;
    const before = row === undefined ? 0n : counterOf(row.encoded);
    if (before === undefined) return { status: 'refused', reason: 'not-a-number' };
    const value = before + by;
    if (value < least || value > most) return { status: 'refused', reason: 'overflow' };
    const origin = this.#table.begin(this.#scopeNames);
    const lifetimes = { ttl: ttl ?? Infinity, sliding: undefined, expiresAt: undefined, grace: 0, early: undefined };
    const written: EntryWrite = { id, encoded: encodeCounter(value), tags: [], lifetimes, loadMs: undefined };
    this.#table.put(row === undefined ? createRow(written, origin) : recount(row, written.encoded, origin.xid));
    return { status: 'counted', value, xid: origin.xid };
  }

  #write(write: EntryWrite, origin: RowOrigin): WriteReceipt {
    const token = this.#table.token();
    const row = createRow(write, origin);
    this.#table.put(row);
    const { now, xid } = origin;
    return { remaining: remainingOf(row, now), ceiling: ceilingOf(row, now), token, xid };
  }

  /** Every method answers through a promise and never throws, as a store across a network would. */
  async #run<T>(action: () => T): Promise<T> {
    if (this.#status === 'closed') throw new StoreError('The memory store is closed', { outcome: 'failed' });
    return action();
  }

  #sweepIn(ms: number): void {
    this.#sweepTimer?.cancel();
    this.#sweepTimer = this.#clock.schedule(ms, () => {
      this.#sweepIn(this.#table.sweep(SWEEP_BATCH) === 'finished' ? SWEEP_EVERY : SWEEP_AGAIN);
    });
  }
}
