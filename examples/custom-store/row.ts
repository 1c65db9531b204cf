/** What the store keeps of an entry. Instants are milliseconds since 1970, undefined = never; everything survives JSON. */
import { type EntryWrite, keyName, type StoredEntry, tagName } from 'keepsake';

export interface Row {
  readonly id: string;
  readonly body: string;
  readonly encoding: string | null;
  readonly tags: readonly string[];
  /** The number of the first write that its load could not see. */
  readonly sees: number;
  /** The number of the write that wrote it. */
  readonly writer: number;
  readonly origin: 'set' | 'load';
  readonly writtenAt: number;
  readonly sliding?: number | undefined;
  readonly ceiling?: number | undefined;
  readonly grace: number;
  readonly earlyAt?: number | undefined;
  readonly freshUntil?: number | undefined;
  readonly retryAt?: number | undefined;
}

export interface Origin {
  readonly sees: number;
  readonly writer: number;
  readonly now: number;
}

export function rowOf(write: EntryWrite, { sees, writer, now }: Origin): Row {
  const { id, encoded, tags, loadMs } = write;
  const { ttl = Infinity, sliding, expiresAt, grace, early } = write.lifetimes;
  const ceiling = expiresAt ?? (ttl === Infinity ? undefined : now + ttl);
  return {
    ...{ id, body: Buffer.from(encoded.body).toString('base64'), encoding: encoded.encoding, tags: [...tags] },
    ...{ sees, writer, origin: loadMs === undefined ? 'set' : 'load', writtenAt: now },
    ...{ sliding, ceiling, grace, earlyAt: early === undefined ? undefined : now + early },
    freshUntil: sliding === undefined ? ceiling : Math.min(now + sliding, ceiling ?? Infinity),
  };
}

/** What an invalidation of the row must be called to hit it. */
export function namesOf({ id, tags }: Pick<Row, 'id' | 'tags'>, scopeNames: readonly string[]): readonly string[] {
  return [keyName(id), ...tags.map(tagName), ...scopeNames];
}

/** As a touch leaves it: fresh for its window from now, never past its ceiling. */
export function touched(row: Row, now: number): Row {
  if (row.sliding === undefined) return row;
  return { ...row, freshUntil: Math.min(now + row.sliding, row.ceiling ?? Infinity) };
}

/** As it was once it expired: freshness ended then, and grace counts from there. */
export function expired(row: Row, at: number): Row {
  return { ...row, freshUntil: Math.min(row.freshUntil ?? Infinity, at) };
}

/** As it is served. */
export function entryOf(row: Row, now: number): StoredEntry {
  const { freshUntil = Infinity, earlyAt = Infinity, ceiling = Infinity, sliding } = row;
  return {
    encoded: { body: Buffer.from(row.body, 'base64'), encoding: row.encoding },
    tags: row.tags,
    remaining: { fresh: freshUntil - now, early: earlyAt - now, stale: freshUntil + row.grace - now },
    retryIn: row.retryAt === undefined ? 0 : row.retryAt - now,
    sliding,
    ceiling: sliding === undefined ? Infinity : ceiling - now,
    age: now - row.writtenAt,
  };
}
