/** Rows: what statements answer, as the store's port says it. */
import type { Encoded } from '../kernel/codec.js';
import type { Remaining } from '../kernel/freshness.js';
import type { Xid } from '../kernel/snapshot.js';
import type { LoadToken, StoredEntry } from '../ports/store.js';
import type { Row } from './statement.js';

/**
 * The first row: the token, and the transaction if the statement had one. An empty incarnation = the boot table is
 * empty.
 */
export interface Header {
  readonly token: LoadToken;
  readonly xid: Xid;
}

/** The first row of an answer and the others by their number, which is the position of their input, from 1. */
export interface Answer {
  readonly header: Header;
  readonly rows: readonly (Row | undefined)[];
}

/** Sorts an answer of `count` inputs by their positions. */
export function parseAnswer(answer: readonly Row[], count: number): Answer {
  const rows: (Row | undefined)[] = new Array(count).fill(undefined);
  let header: Header | undefined;
  for (const row of answer) {
    const n = Number(row[0]);
    if (n === 0) header = parseHeader(row);
    else rows[n - 1] = row;
  }
  if (header === undefined) throw new TypeError('The answer has no header');
  return { header, rows };
}

function parseHeader(row: Row): Header {
  const [at = '', ...rest] = (row[2] ?? '').split(' ');
  // An incarnation has a colon; a transaction has not.
  const incarnation = rest.find((part) => part.includes(':')) ?? '';
  const xid = Number(rest.find((part) => !part.includes(':')) ?? 0);
  return { token: { incarnation, snapshot: row[1] ?? '', at }, xid };
}

/** An entry from its `body` and `meta`; see queries/read.ts. */
export function parseEntry(row: Row): StoredEntry {
  const body = row[1] ?? '';
  const meta = row[2] ?? '';
  const json = meta.indexOf('[');
  const parts = meta.slice(0, json).split(' ');
  const sliding = Number(parts[4]);
  const [encoding, tags] = parseLabels(meta.slice(json));
  return {
    encoded: decodeBody(encoding, parts[7] ?? '', body),
    tags,
    remaining: { fresh: Number(parts[0]), early: Number(parts[1]), stale: Number(parts[2]) },
    retryIn: Number(parts[3]),
    sliding: Number.isNaN(sliding) ? undefined : sliding,
    ceiling: Number(parts[5]),
    age: Number(parts[6]),
  };
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

/** Remaining times from text; see `writtenTimes` and queries/touch.ts. */
export function parseRemaining(text: string | null | undefined): Remaining & { readonly ceiling: number } {
  const [fresh, early, stale, ceiling = 'Infinity'] = (text ?? '').split(' ');
  return { fresh: Number(fresh), early: Number(early), stale: Number(stale), ceiling: Number(ceiling) };
}
