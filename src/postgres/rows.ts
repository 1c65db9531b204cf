/** Rows: what statements that write answer, as the store's port says it. */
import type { Remaining } from '../kernel/freshness.js';
import type { Xid } from '../kernel/snapshot.js';
import type { LoadToken } from '../ports/store.js';
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

/** The second column is the snapshot, the third what else a header has. */
export function parseHeader(row: Row): Header {
  const [at = '', ...rest] = (row[2] ?? '').split(' ');
  // An incarnation has a colon; a transaction has not.
  const incarnation = rest.find((part) => part.includes(':')) ?? '';
  const xid = Number(rest.find((part) => !part.includes(':')) ?? 0);
  return { token: { incarnation, snapshot: row[1] ?? '', at }, xid };
}

/** Remaining times from text; see `writtenTimes` and queries/touch.ts. */
export function parseRemaining(text: string | null | undefined): Remaining & { readonly ceiling: number } {
  const [fresh, early, stale, ceiling = 'Infinity'] = (text ?? '').split(' ');
  return { fresh: Number(fresh), early: Number(early), stale: Number(stale), ceiling: Number(ceiling) };
}
