/** A row of the memory store: an entry with the instants of its life, all in milliseconds of the injected monotonic clock. */
import type { Encoded } from '../kernel/codec.js';
import type { Remaining } from '../kernel/freshness.js';
import type { Lifetimes } from '../kernel/lifetimes.js';
import { keyName, tagName } from '../kernel/names.js';
import type { Snapshot, Xid } from '../kernel/snapshot.js';
import type { EntryWrite, StoredEntry } from '../ports/store.js';

export interface Row {
  readonly id: string;
  readonly encoded: Encoded;
  readonly tags: readonly string[];
  /** The log's names whose invalidation hides or expires it: its key's, its tags', its scopes'. */
  readonly names: readonly string[];
  /** What its load could see when it began. */
  readonly snapshot: Snapshot;
  readonly writerXid: Xid;
  readonly writtenAt: number;
  /** Whether it was set, or is the result of a load. */
  readonly origin: 'set' | 'load';
  readonly sliding: number | undefined;
  /** Where sliding ends; Infinity = nowhere. */
  readonly ceiling: number;
  readonly grace: number;
  /** From when a read starts a refresh; Infinity = never. */
  refreshAt: number;
  /** End of freshness as written and touched; `expiredAt` may come first. */
  freshUntil: number;
  /** The earliest `expire` of one of its names that it has not seen; Infinity = none so far. */
  expiredAt: number;
  /** Until when its loader is left alone. */
  retryAt: number | undefined;
}

/** Where a row comes from: the transaction that writes it, what its load could see, and the two clocks at this moment. */
export interface RowOrigin {
  readonly xid: Xid;
  readonly snapshot: Snapshot;
  readonly scopeNames: readonly string[];
  readonly now: number;
  readonly wall: number;
}

/** The log's names of what `write` writes. */
export function namesOf(write: EntryWrite, scopeNames: readonly string[]): readonly string[] {
  return [keyName(write.id), ...write.tags.map(tagName), ...scopeNames];
}

export function createRow(write: EntryWrite, origin: RowOrigin): Row {
  const { sliding, grace, early } = write.lifetimes;
  const ceiling = origin.now + absoluteLife(write.lifetimes, origin.wall);
  return {
    id: write.id,
    encoded: copyOf(write.encoded),
    tags: [...write.tags],
    names: namesOf(write, origin.scopeNames),
    snapshot: origin.snapshot,
    writerXid: origin.xid,
    writtenAt: origin.now,
    origin: write.loadMs === undefined ? 'set' : 'load',
    sliding,
    ceiling,
    grace,
    refreshAt: early === undefined ? Number.POSITIVE_INFINITY : origin.now + early,
    freshUntil: sliding === undefined ? ceiling : Math.min(origin.now + sliding, ceiling),
    expiredAt: Number.POSITIVE_INFINITY,
    retryAt: undefined,
  };
}

function absoluteLife(lifetimes: Lifetimes, wall: number): number {
  if (lifetimes.expiresAt !== undefined) return lifetimes.expiresAt - wall;
  return lifetimes.ttl ?? Number.POSITIVE_INFINITY;
}

/** Bytes are copied on the way in and on the way out: nobody who holds a buffer can change what others read. */
function copyOf(encoded: Encoded): Encoded {
  return typeof encoded.body === 'string' ? encoded : { ...encoded, body: new Uint8Array(encoded.body) };
}

/** The remaining times of a row; an `expire` ends freshness when it happened and lets grace count from there. */
export function remainingOf(row: Row, now: number): Remaining {
  const freshUntil = Math.min(row.freshUntil, row.expiredAt);
  return { fresh: freshUntil - now, early: row.refreshAt - now, stale: freshUntil + row.grace - now };
}

/** Until the absolute ceiling of sliding; Infinity for a row that does not slide. */
export function ceilingOf(row: Row, now: number): number {
  return row.sliding === undefined ? Number.POSITIVE_INFINITY : row.ceiling - now;
}

/**
 * Whether the row keeps results of older loads from being written: the result of another load does as long as it lives, whatever was
 * invalidated; what was set does even when it has ended, because an older load may have read what it replaced.
 */
export function isFence(row: Row, now: number): boolean {
  return row.origin === 'set' || row.freshUntil + row.grace > now;
}

/** A counter's row with another number: its life and its tags stay. */
export function recount(row: Row, encoded: Encoded, writerXid: Xid): Row {
  return {
    ...row,
    encoded,
    writerXid,
    origin: 'set',
    grace: 0,
    refreshAt: Number.POSITIVE_INFINITY,
    retryAt: undefined,
  };
}

/** Extends a sliding row as of now, never past its ceiling. */
export function slide(row: Row, now: number): void {
  if (row.sliding === undefined) return;
  row.freshUntil = Math.min(now + row.sliding, row.ceiling);
}

export function entryOf(row: Row, now: number): StoredEntry {
  return {
    encoded: copyOf(row.encoded),
    tags: [...row.tags],
    remaining: remainingOf(row, now),
    retryIn: row.retryAt === undefined ? 0 : row.retryAt - now,
    sliding: row.sliding,
    ceiling: ceilingOf(row, now),
    age: now - row.writtenAt,
  };
}
