/**
 * Entries as parameters of a statement: arrays, one a column, and all values in one piece; see queries/entry-input.ts.
 */
import type { Encoded } from '../kernel/codec.js';
import type { EntryWrite } from '../ports/store.js';
import { numberArray, textArray } from './arrays.js';
import { type Parameter, Pieces } from './statement.js';

/** How a body is stored: text as UTF-8 where that can carry it, else as UTF-16. */
type StoredAs = 'text' | 'bytes' | 'utf16';

/** `$1` to `$13`. */
export function entryParameters(writes: readonly EntryWrite[]): Parameter[] {
  const bodies = writes.map(({ encoded }) => storable(encoded));
  const values = new Pieces(bodies.map(({ piece }) => piece));
  let end = 1; // positions in SQL count from 1
  const firsts = values.lengths.map((length) => {
    const first = end;
    end += length;
    return first;
  });
  const lifetimes = writes.map((write) => write.lifetimes);
  return [
    textArray(writes.map(({ id }) => id)),
    values,
    numberArray(firsts),
    numberArray(values.lengths),
    textArray(writes.map(({ encoded }) => encoded.encoding ?? undefined)),
    textArray(bodies.map(({ storedAs }) => storedAs)),
    textArray(writes.map(({ tags }) => (tags.length === 0 ? undefined : textArray(tags)))),
    numberArray(lifetimes.map(({ ttl }) => bounded(ttl))),
    numberArray(lifetimes.map(({ expiresAt }) => bounded(expiresAt))),
    numberArray(lifetimes.map(({ sliding }) => finite(sliding))),
    numberArray(lifetimes.map(({ grace }) => bounded(grace))),
    numberArray(lifetimes.map(({ early }) => bounded(early))),
    numberArray(writes.map(({ loadMs }) => loadMs)),
  ];
}

/** One entry as `$1` to `$11` of a statement of its own: see `entryAlone` in queries/entry-input.ts. */
export function parametersAlone({ id, encoded, tags, lifetimes, loadMs }: EntryWrite): Parameter[] {
  const { piece, storedAs } = storable(encoded);
  const { ttl, expiresAt, sliding, grace, early } = lifetimes;
  return [
    id,
    new Pieces([piece]),
    encoded.encoding ?? null,
    storedAs,
    tags.length === 0 ? null : textArray(tags),
    bounded(ttl) ?? null,
    bounded(expiresAt) ?? null,
    finite(sliding) ?? null,
    bounded(grace) ?? null,
    bounded(early) ?? null,
    loadMs ?? null,
  ];
}

/** Three thousand years in milliseconds: beyond it an instant may not fit a timestamp, and nobody will notice. */
const FOREVER = 1e14;

/** A window has to end. */
function finite(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.min(ms, FOREVER);
}

function bounded(ms: number | undefined): number | undefined {
  return ms !== undefined && ms > FOREVER ? Number.POSITIVE_INFINITY : ms;
}

/** A class and not a literal, so that it dies young: see docs/design-decisions.md. */
class Storable {
  readonly piece: string | Uint8Array;
  readonly storedAs: StoredAs;

  constructor(piece: string | Uint8Array, storedAs: StoredAs) {
    this.piece = piece;
    this.storedAs = storedAs;
  }
}

function storable({ body }: Encoded): Storable {
  if (typeof body !== 'string') return new Storable(body, 'bytes');
  // PostgreSQL's text knows no NUL, and UTF-8 no lone surrogates.
  if (body.includes('\0') || !body.isWellFormed()) return new Storable(Buffer.from(body, 'utf16le'), 'utf16');
  return new Storable(body, 'text');
}
