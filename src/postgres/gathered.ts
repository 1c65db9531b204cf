/** Gathered entries: what queries/gather.ts answers, taken apart. */
import type { Encoded } from '../kernel/codec.js';
import type { Remaining } from '../kernel/freshness.js';
import type { StoredEntry } from '../ports/store.js';
import { textsOf } from './arrays.js';
import { SEPARATOR } from './queries/gather.js';
import { parseHeader, type ReadHeader, wholeMs } from './read-rows.js';
import type { Row } from './statement.js';

export interface GatheredAnswer extends ReadHeader {
  readonly ids: readonly string[];
  /** In the order of `ids`; undefined when the lists do not fit, because a value has in it what stands between them. */
  readonly entries: readonly StoredEntry[] | undefined;
  /** Ids of entries that are there, and are yet to be read. */
  readonly others: readonly string[];
}

/** @throws TypeError when the answer is not a header and lists */
export function parseGathered(rows: readonly Row[]): GatheredAnswer {
  // Of nothing the lists are null.
  const first = rows.find(([id, body]) => id === null && body !== null);
  const lists = rows.find((row) => row !== first);
  if (first === undefined || lists === undefined) throw new TypeError('The answer is not a header and lists');
  const header = parseHeader(first);
  const [ids, bodies, letters, ends, others, written, tags] = lists;
  const gathered = {
    ids: partsOf(ids),
    bodies: partsOf(bodies),
    letters: letters ?? '',
    ends: Buffer.from(ends ?? '', 'base64'),
    written: written == null ? undefined : Buffer.from(written, 'base64'),
    tags: tags == null ? undefined : partsOf(tags),
  };
  return { ...header, ids: gathered.ids, entries: entriesOf(gathered, header.now), others: partsOf(others) };
}

function partsOf(list: string | null | undefined): readonly string[] {
  return list == null ? [] : list.split(SEPARATOR);
}

interface Lists {
  readonly ids: readonly string[];
  readonly bodies: readonly string[];
  readonly letters: string;
  readonly ends: Buffer;
  readonly written: Buffer | undefined;
  readonly tags: readonly string[] | undefined;
}

/** Bytes of an instant. */
const INSTANT = 8;

function entriesOf({ ids, bodies, letters, ends, written, tags }: Lists, now: number): StoredEntry[] | undefined {
  if (bodies.length !== ids.length || (tags !== undefined && tags.length !== ids.length)) return undefined;
  const entries: StoredEntry[] = [];
  for (let i = 0; i < ids.length; i += 1) {
    const encoding = letters.charCodeAt(i) === LETTER_J ? 'json' : 'superjson';
    const fresh = wholeMs(secondsAt(ends, i * INSTANT) - now);
    const age = written === undefined ? 0 : wholeMs(now - secondsAt(written, i * INSTANT));
    entries.push(new GatheredEntry(encoding, bodies[i] ?? '', fresh, age, tags?.[i]));
  }
  return entries;
}

const LETTER_J = 106;

/** Seconds since 1970 from microseconds since 2000; Infinity from the largest number. */
function secondsAt(bytes: Buffer, at: number): number {
  const high = bytes.readInt32BE(at);
  if (high === 0x7fffffff) return Infinity;
  return (high * 2 ** 32 + bytes.readUInt32BE(at + 4)) / 1_000_000 + EPOCH_2000;
}

const EPOCH_2000 = 946_684_800;

/** An ordinary entry: it neither slides nor has an early refresh, grace or a failed load. There are many at once, so little is made before it is asked for. */
class GatheredEntry implements StoredEntry {
  readonly #encoding: string;
  readonly #body: string;
  readonly #fresh: number;
  readonly age: number;
  readonly #tags: string | undefined;

  constructor(encoding: string, body: string, fresh: number, age: number, tags: string | undefined) {
    this.#encoding = encoding;
    this.#body = body;
    this.#fresh = fresh;
    this.age = age;
    this.#tags = tags;
  }

  get encoded(): Encoded {
    return { encoding: this.#encoding, body: this.#body };
  }

  get remaining(): Remaining {
    return { fresh: this.#fresh, early: Infinity, stale: this.#fresh };
  }

  get tags(): readonly string[] {
    return this.#tags === undefined || this.#tags === '{}' ? NO_TAGS : textsOf(this.#tags);
  }

  get sliding(): undefined {
    return undefined;
  }

  get retryIn(): number {
    return 0;
  }

  get ceiling(): number {
    return Infinity;
  }
}

const NO_TAGS: readonly string[] = Object.freeze([]);
