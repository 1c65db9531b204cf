/**
 * The store port: what the engine needs of the shared tier. Implementations batch on their own, decide lifetimes on their own
 * clock, and hold the validity rule:
 *
 * An entry remembers the snapshot its load began under; an invalidation remembers the transaction that made it. An entry is valid
 * exactly when every invalidation of its key, its tags and its namespace is visible in that snapshot.
 *
 * All ids, tags and names arrive already qualified and cut (kernel/names). Every method rejects with StoreError when the store
 * cannot answer, and with nothing else.
 */

import type { Encoded } from '../kernel/codec.js';
import type { Remaining } from '../kernel/freshness.js';
import type { Lifetimes } from '../kernel/lifetimes.js';
import type { Snapshot, Xid } from '../kernel/snapshot.js';
import type { Counters } from './counters.js';
import type { Leases } from './lease.js';
import type { Locks } from './locks.js';
import type { Transactions } from './transactions.js';

export type { Lifetimes };

/**
 * What a load carries from its beginning to its end: under which incarnation of the store it began, what it could see, and when,
 * by the store's own clock (opaque to the engine).
 */
export interface LoadToken {
  readonly incarnation: string;
  readonly snapshot: Snapshot;
  readonly at: string;
}

/** An entry as the shared tier holds it, valid at the moment of the read. Times are milliseconds from that moment. */
export interface StoredEntry {
  readonly encoded: Encoded;
  /** Tags as stored (kernel/names `storedTag`). */
  readonly tags: readonly string[];
  /** Remaining times; an `expire` of a name of the entry is already counted in. */
  readonly remaining: Remaining;
  /** Until the loader may be tried again after a failure; 0 or less = now. */
  readonly retryIn: number;
  /** The sliding window, or undefined when reads do not extend freshness. */
  readonly sliding: number | undefined;
  /** Until the absolute ceiling of sliding; Infinity = none. */
  readonly ceiling: number;
  /** Since it was written. */
  readonly age: number;
}

export interface StoreRead {
  /** What this read could see: proof of validity for a hit, the load's token on a miss. One object per batch. */
  readonly token: LoadToken;
  /** Undefined when there is no row, it is dead, or an invalidation hides it. */
  readonly entry: StoredEntry | undefined;
  /** Where readers keep what they made of the entry, when several may have been given this very read; nothing of the store's. */
  readonly shared?: { memo: unknown } | undefined;
}

/** How much of entries is read. */
export type ReadDetail = 'whole' | 'values';

/** Hears of entries before all of them are there: at which of the ids they stand, and what they are. */
export type HearEarly = (places: readonly number[], entries: readonly StoredEntry[]) => void;

export interface EntryWrite {
  readonly id: string;
  readonly encoded: Encoded;
  readonly tags: readonly string[];
  readonly lifetimes: Lifetimes;
  /** How long the loader took, in milliseconds; undefined for a plain set. */
  readonly loadMs: number | undefined;
}

/** What a write that was carried out left behind: remaining times by the store's clock, and what the write could see. */
export interface WriteReceipt {
  readonly remaining: Remaining;
  /** Until the absolute ceiling of sliding; Infinity = none. */
  readonly ceiling: number;
  readonly token: LoadToken;
  /** The writing transaction: a later message about it is about this very write. */
  readonly xid: Xid;
}

/**
 * Why a fill was refused. `invalidated`: a name of it was invalidated after the load began. `newer`: someone set the key meanwhile.
 * `deadline`: the load took longer than `loadDeadline`. `incarnation`: the store is not the one the load began under.
 */
export type RefusalReason = 'invalidated' | 'newer' | 'deadline' | 'incarnation';

export type FillResult =
  | { readonly status: 'stored'; readonly receipt: WriteReceipt }
  | { readonly status: 'refused'; readonly reason: RefusalReason };

/** `delete`: never served again. `expire`: no longer fresh, may be served stale within its grace. */
export type InvalidationKind = 'delete' | 'expire';

/** What is put off after a load that was in vain. */
export type Postponed = 'load' | 'refresh';

/** The transaction that logged an invalidation. */
export interface InvalidationReceipt {
  readonly xid: Xid;
}

/** A part of the entries, in the order of ids: by the bytes of their UTF-8. */
export interface IdRange {
  /** The first id that may belong to it. */
  readonly from: string;
  /** The first one after it that does not. */
  readonly below: string;
  /** A pattern of SQL's LIKE that ids of it match; `\\` before a character makes it stand for itself. */
  readonly like: string;
}

/** Which entries to list, and how many at most. */
export interface ListRequest extends IdRange {
  /** Begin after this id; an empty text = at the beginning. */
  readonly after: string;
  /** Most ids looked at, matching or not. */
  readonly limit: number;
  /** Most bytes of bodies; one entry is listed however large it is. */
  readonly maxBytes: number;
  /** `left out`: empty bodies, for who wants the ids. */
  readonly bodies: 'included' | 'left out';
}

/** Some entries, in the order of their ids. */
export interface ListPage {
  /** What the listing could see. */
  readonly token: LoadToken;
  /** Those that may be served: valid, fresh or stale. Maybe none, although more follow. */
  readonly entries: readonly { readonly id: string; readonly entry: StoredEntry }[];
  /** The id after which to go on; undefined when there are no more. */
  readonly next: string | undefined;
}

/** What a sweep did. */
export interface SweepReport {
  /**
   * `finished`: every entry was looked at. `interrupted`: not every one, because somebody held on to a row, or the store is closing; the
   * next sweep goes on. `elsewhere`: another process is sweeping, so this one has done nothing.
   */
  readonly outcome: 'finished' | 'interrupted' | 'elsewhere';
  /** Entries looked at. */
  readonly entries: number;
  /** Dead entries removed. */
  readonly removed: number;
  /** Entries into which it was written what the log says of them. */
  readonly settled: number;
  /** Rows of the log removed. */
  readonly compacted: number;
  /** Living entries removed because there were too many. */
  readonly evicted: number;
}

export interface Store {
  /** The right to load, shared by all processes over this store. Undefined: there are no others. */
  readonly leases?: Leases | undefined;

  /** Invalidations inside of the application's own transactions. Undefined: the store is in none of its databases. */
  readonly transactions?: Transactions | undefined;

  /** Numbers changed in one step. Undefined: the store has none. */
  readonly counters?: Counters | undefined;

  /** Locks over all processes of this store. Undefined: the store has none. */
  readonly locks?: Locks | undefined;

  /**
   * `own`: every call ends by the timeouts the store was made with, by itself. Undefined: the engine sets a timer over each.
   */
  readonly deadlines?: 'own' | undefined;

  /** Longest id it takes, in bytes, once it is open. Undefined: that of kernel/names. */
  readonly maxIdBytes?: number | undefined;

  /** Which implementation this is, for events and statistics: `postgres`, `memory`, ... */
  readonly kind: string;

  /** Connects, checks and prepares. Rejects with ConfigurationError for what waiting cannot mend, with StoreError when unreachable. May be called again after a StoreError. */
  open(): Promise<void>;

  /** Waits for what was begun, then releases everything. Calls after it reject. */
  close(): Promise<void>;

  /** Reads one entry; concurrent reads share a statement. */
  read(id: string): Promise<StoreRead>;

  /**
   * Reads entries with different ids, at most a thousand, in their order. Undefined: they are read one by one, at the same time.
   *
   * @param detail `values`: the caller will not ask for the entries' tags and age, which may be empty and 0 then. Default `whole`.
   * @param hearEarly may be told of entries as they come, so that they are decoded while the rest is under way; not of all of them, and not
   *   at all where they come together. What counts is the answer: the very entries heard of, or others. Does not throw.
   */
  readMany?(ids: readonly string[], detail?: ReadDetail, hearEarly?: HearEarly): Promise<readonly StoreRead[]>;

  /** Publishes a load's result, unless something happened to it since `token`. Silent: other processes are not told. */
  fill(write: EntryWrite, token: LoadToken): Promise<FillResult>;

  /**
   * Publishes what a change has returned, under the token from before it; refused as a fill is. Other processes are told. Undefined: the
   * engine makes the key invalid instead.
   */
  put?(write: EntryWrite, token: LoadToken): Promise<FillResult>;

  /**
   * Publishes that a load has found the stored value to be the right one still: everything of `write` but its value, under the token with
   * which that value was read. Refused as a fill is; a value that is not there any more as `newer`. Undefined: the value is filled again.
   */
  extend?(write: EntryWrite, token: LoadToken): Promise<FillResult>;

  /** Writes as of now; the last committer wins, and older loads of the key are refused afterwards. */
  set(write: EntryWrite): Promise<WriteReceipt>;

  /** The same, unless a fresh entry is there: one atomic step, whoever else does the same. Undefined when there is one, and nothing was written. */
  setIfAbsent(write: EntryWrite): Promise<WriteReceipt | undefined>;

  /** Lists entries of a range, as far as the bounds of the request go. */
  list(request: ListRequest): Promise<ListPage>;

  /** Logs the invalidation of the entry's key and removes it. `existed`: a servable (fresh or stale) entry was there. */
  delete(id: string): Promise<InvalidationReceipt & { readonly existed: boolean }>;

  /** Logs an invalidation of each name; O(1) per name, whatever carries it. Never called with an empty list. */
  invalidate(names: readonly string[], kind: InvalidationKind): Promise<InvalidationReceipt>;

  /** Extends a sliding entry as of now. Undefined when there is no fresh entry; else its new remaining times. */
  touch(id: string): Promise<Remaining | undefined>;

  /**
   * Puts off what would be due for this entry until `ms` from now, cluster-wide: `load`, every load of it (`retryIn`); `refresh`, its early
   * refresh alone (`remaining.early`, if it has one). No-op when there is no entry, or it was rewritten since `token`.
   */
  postpone(id: string, ms: number, token: LoadToken, what: Postponed): Promise<void>;

  /** Tells whoever listens to it what a cache does; texts of at most 7999 bytes. Undefined: there is nobody. */
  publish?(messages: readonly string[]): Promise<void>;

  /** Removes what is dead, all of it. Undefined: the store needs no sweeping. */
  sweep?(): Promise<SweepReport>;
}

/** What every store is built with. */
export interface StoreOptions {
  /** The log's names that hide every entry of this cache: its namespace's and the whole table's. */
  readonly scopeNames: readonly string[];
  /** Milliseconds after which a load's result is refused. */
  readonly loadDeadline: number;
}
