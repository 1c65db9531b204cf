/**
 * Entries as parameters of a statement: arrays, one a column, and all values in one piece; see queries/entry-input.ts.
 */
import type { Encoded } from '../kernel/codec.js';
import type { EntryWrite } from '../ports/store.js';
import { numberArray, textArray } from './arrays.js';
import type { Parameter } from './statement.js';

/** How a body is stored: text as UTF-8 where that can carry it, else as UTF-16. */
type StoredAs = 'text' | 'bytes' | 'utf16';

/** `$1` to `$13`. */
export function entryParameters(writes: readonly EntryWrite[]): Parameter[] {
  const bodies = writes.map(({ encoded }) => encodeBody(encoded));
  let end = 1; // positions in SQL count from 1
  const firsts = bodies.map(({ bytes }) => {
    const first = end;
    end += bytes.length;
    return first;
  });
  const lifetimes = writes.map((write) => write.lifetimes);
  return [
    textArray(writes.map(({ id }) => id)),
    Buffer.concat(bodies.map(({ bytes }) => bytes)),
    numberArray(firsts),
    numberArray(bodies.map(({ bytes }) => bytes.length)),
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
  const { bytes, storedAs } = encodeBody(encoded);
  const { ttl, expiresAt, sliding, grace, early } = lifetimes;
  return [
    id,
    Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
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

function encodeBody({ body }: Encoded): { readonly bytes: Uint8Array; readonly storedAs: StoredAs } {
  if (typeof body !== 'string') return { bytes: body, storedAs: 'bytes' };
  // PostgreSQL's text knows no NUL, and UTF-8 no lone surrogates.
  if (body.includes('\0') || !body.isWellFormed()) return { bytes: Buffer.from(body, 'utf16le'), storedAs: 'utf16' };
  return { bytes: Buffer.from(body, 'utf8'), storedAs: 'text' };
}
