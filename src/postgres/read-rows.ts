/** Rows of reads: what queries/read.ts answers, as the store's port says it. */
import type { Encoded } from '../kernel/codec.js';
import type { Xid } from '../kernel/snapshot.js';
import type { LoadToken, StoredEntry } from '../ports/store.js';
import type { Row } from './statement.js';

export interface ReadAnswer {
  readonly token: LoadToken;
  /** The transaction of the youngest invalidation the read could see; 0 = there is none. */
  readonly newest: Xid;
  /** Of a listing: the id after which to go on, if there may be more. */
  readonly next: string | undefined;
  readonly entries: readonly EntryRow[];
}

export interface EntryRow {
  readonly id: string;
  readonly entry: StoredEntry;
  /** The oldest transaction the entry's load may have missed: what is older it has seen. */
  readonly mayHaveMissed: Xid;
}

/** @throws TypeError when the answer has no header */
export function parseReadAnswer(rows: readonly Row[]): ReadAnswer {
  const header = rows.find(([id]) => id === null);
  if (header === undefined) throw new TypeError('The answer has no header');
  const [at = '', epoch, newest, incarnation = ''] = (header[2] ?? '').split(' ');
  const now = Number(epoch);
  const entries: EntryRow[] = [];
  for (const row of rows) if (row !== header) entries.push(parseRow(row, now));
  const token = { incarnation, snapshot: header[1] ?? '', at };
  return { token, newest: Number(newest), next: header[3] ?? undefined, entries };
}

function parseRow([id, body, meta]: Row, now: number): EntryRow {
  const text = meta ?? '';
  const json = text.indexOf('[');
  const parts = text.slice(0, json).split(' ');
  const sliding = Number(parts[4]);
  const writtenAt = Number(parts[6]);
  const [encoding, tags] = parseLabels(text.slice(json));
  return {
    id: id ?? '',
    mayHaveMissed: Number(parts[7]),
    entry: {
      encoded: decodeBody(encoding, parts[8] ?? '', body ?? ''),
      tags,
      remaining: { fresh: until(parts[0], now), early: until(parts[1], now), stale: until(parts[2], now) },
      retryIn: until(parts[3], now),
      sliding: Number.isNaN(sliding) ? undefined : sliding,
      ceiling: until(parts[5], now),
      age: Number.isNaN(writtenAt) ? 0 : Math.floor((now - writtenAt) * 1000),
    },
  };
}

/** Whole milliseconds, rounded down but for the error of binary fractions: a lifetime of 100 ms is not 99. */
function until(epoch: string | undefined, now: number): number {
  return Math.floor((Number(epoch) - now) * 1000 + 0.01);
}

/** Encoding and tags differ little from row to row, so the last ones are kept. */
let lastText = '[null]';
let lastLabels: readonly [string | null, readonly string[]] = [null, []];

function parseLabels(text: string): readonly [string | null, readonly string[]] {
  if (text === lastText) return lastLabels;
  const [encoding = null, ...tags] = JSON.parse(text) as [string | null, ...string[]];
  lastText = text;
  lastLabels = Object.freeze([encoding, Object.freeze(tags)] as const);
  return lastLabels;
}

function decodeBody(encoding: string | null, storedAs: string, body: string): Encoded {
  if (storedAs === 'text') return { encoding, body };
  const bytes = Buffer.from(body, 'base64');
  return { encoding, body: storedAs === 'utf16' ? bytes.toString('utf16le') : bytes };
}
