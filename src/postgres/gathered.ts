/** Gathered entries: what queries/gather.ts answers, taken apart row by row as it comes. */
import type { Encoded } from '../kernel/codec.js';
import type { Remaining } from '../kernel/freshness.js';
import type { HearEarly, LoadToken, StoredEntry, StoreRead } from '../ports/store.js';
import { textsOf } from './arrays.js';
import type { RowTaker } from './executor.js';
import { SEPARATOR } from './queries/gather.js';
import { parseHeader, type ReadHeader, wholeMs } from './read-rows.js';
import type { Row } from './statement.js';

/** What a statement answers about ids. */
export class Gathering implements RowTaker {
  readonly #ids: readonly string[];
  readonly #hearEarly: HearEarly | undefined;
  #places: Places | undefined;
  #header: ReadHeader | undefined;
  /** Rows that came before the header. */
  #early: Row[] = [];
  #reads: StoreRead[] | undefined;
  #gathered = 0;
  #others: string[] = [];

  constructor(ids: readonly string[], hearEarly: HearEarly | undefined) {
    this.#ids = ids;
    this.#hearEarly = hearEarly;
  }

  /** @throws TypeError when there was no header */
  get token(): LoadToken {
    if (this.#header === undefined) throw new TypeError('The answer has no header');
    return this.#header.token;
  }

  /** Ids of entries that are there, and are yet to be read. */
  get others(): readonly string[] {
    return this.#others;
  }

  /** How many entries were gathered. */
  get gathered(): number {
    return this.#gathered;
  }

  /** Where the last one of each id stands. Made when an answer comes: meanwhile the server makes the rest of it. */
  get places(): Places {
    this.#places ??= placesOf(this.#ids);
    return this.#places;
  }

  /**
   * What was read, in the order of the ids; undefined when lists do not fit, because a value has in it what stands between them. Given away: what takes
   * rows is reached for longer than the call takes.
   */
  takeReads(): StoreRead[] | undefined {
    const reads = this.#reads;
    this.#reads = undefined;
    return reads;
  }

  begin(): void {
    this.#header = undefined;
    this.#early = [];
    this.#reads = undefined;
    this.#gathered = 0;
    this.#others = [];
  }

  take(row: Row): void {
    const [id, body] = row;
    if (this.#header !== undefined) {
      this.#takeLists(row, this.#header);
    } else if (id === null && body !== null) {
      this.#header = parseHeader(row);
      const miss: StoreRead = { token: this.#header.token, entry: undefined };
      this.#reads = this.#ids.map(() => miss);
      for (const one of this.#early) this.#takeLists(one, this.#header);
    } else {
      this.#early.push(row);
    }
  }

  #takeLists(row: Row, { token, now }: ReadHeader): void {
    if (this.#reads === undefined) return;
    const [ids, bodies, letters, ends, others, written, tags] = row;
    const found = partsOf(ids);
    const entries = entriesOf(
      {
        bodies: partsOf(bodies),
        letters: letters ?? '',
        ends: Buffer.from(ends ?? '', 'base64'),
        written: written == null ? undefined : Buffer.from(written, 'base64'),
        tags: tags == null ? undefined : partsOf(tags),
      },
      found.length,
      now,
    );
    if (entries === undefined) {
      this.#reads = undefined;
      return;
    }
    const beside = partsOf(others);
    // A column whose collation takes other texts for the same answers ids that nobody asked for: then they are read one by one.
    if (![...found, ...beside].every((id) => this.places.has(id))) {
      this.#reads = undefined;
      return;
    }
    const places = found.map((one) => this.places.get(one) ?? Number.NaN);
    for (const [i, place] of places.entries()) this.#reads[place] = new GatheredRead(token, entries[i]);
    this.#gathered += found.length;
    this.#others.push(...beside);
    this.#hearEarly?.(places, entries);
  }
}

type Places = ReadonlyMap<string, number>;

function placesOf(ids: readonly string[]): Places {
  const places = new Map<string, number>();
  for (let place = 0; place < ids.length; place += 1) places.set(ids[place] ?? '', place);
  return places;
}

function partsOf(list: string | null | undefined): readonly string[] {
  return list == null ? [] : list.split(SEPARATOR);
}

interface Lists {
  readonly bodies: readonly string[];
  readonly letters: string;
  readonly ends: Buffer;
  readonly written: Buffer | undefined;
  readonly tags: readonly string[] | undefined;
}

/** Bytes of an instant. */
const INSTANT = 8;

function entriesOf(lists: Lists, count: number, now: number): StoredEntry[] | undefined {
  const { bodies, letters, ends, written, tags } = lists;
  if (bodies.length !== count || (tags !== undefined && tags.length !== count)) return undefined;
  return bodies.map((body, i) => {
    const encoding = letters.charCodeAt(i) === LETTER_J ? 'json' : 'superjson';
    const fresh = wholeMs(secondsAt(ends, i * INSTANT) - now);
    const age = written === undefined ? 0 : wholeMs(now - secondsAt(written, i * INSTANT));
    return new GatheredEntry(encoding, body, fresh, age, tags?.[i]);
  });
}

const LETTER_J = 106;

/** Seconds since 1970 from microseconds since 2000; Infinity from the largest number. */
function secondsAt(bytes: Buffer, at: number): number {
  const high = bytes.readInt32BE(at);
  if (high === 0x7fffffff) return Infinity;
  return (high * 2 ** 32 + bytes.readUInt32BE(at + 4)) / 1_000_000 + EPOCH_2000;
}

const EPOCH_2000 = 946_684_800;

class GatheredRead implements StoreRead {
  readonly token: LoadToken;
  readonly entry: StoredEntry | undefined;

  constructor(token: LoadToken, entry: StoredEntry | undefined) {
    this.token = token;
    this.entry = entry;
  }
}

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
