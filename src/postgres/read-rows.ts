/** Rows of reads: what queries/read.ts answers, as the store's port says it. */
import type { Encoded } from '../kernel/codec.js';
import type { Xid } from '../kernel/snapshot.js';
import type { LoadToken, StoredEntry } from '../ports/store.js';
import { textsOf } from './arrays.js';
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
  const { token, newest, now } = parseHeader(header);
  const entries: EntryRow[] = [];
  for (const row of rows) if (row !== header) entries.push(parseRow(row, now));
  return { token, newest, next: header[3] ?? undefined, entries };
}

/** What a read could see, and when it was made. */
export interface ReadHeader {
  readonly token: LoadToken;
  readonly newest: Xid;
  /** Seconds since 1970, by the server's clock. */
  readonly now: number;
}

export function parseHeader([, snapshot, meta]: Row): ReadHeader {
  const [at = '', epoch, newest, incarnation = ''] = (meta ?? '').split(' ');
  return { token: { incarnation, snapshot: snapshot ?? '', at }, newest: Number(newest), now: Number(epoch) };
}

function parseRow([id, body, meta]: Row, now: number): EntryRow {
  const text = meta ?? '';
  const encoding = BRIEF[text.charCodeAt(0)];
  if (encoding !== undefined) {
    const entry = new BriefEntry({ encoding, body: body ?? '' }, text, now);
    return { id: id ?? '', mayHaveMissed: Number.parseInt(text.slice(XMIN_AT), 10), entry };
  }
  const json = text.indexOf('[');
  const parts = text.slice(0, json).split(' ');
  const entry = new PackedEntry(parts, now, { labels: text.slice(json), body: body ?? '' });
  return { id: id ?? '', mayHaveMissed: Number(parts[7]), entry };
}

/** An entry that unpacks what few readers ask for when it is asked for. */
class PackedEntry implements StoredEntry {
  readonly encoded: Encoded;
  readonly remaining: StoredEntry['remaining'];
  readonly sliding: number | undefined;
  readonly #parts: readonly string[];
  readonly #now: number;
  readonly #labels: string;

  constructor(parts: readonly string[], now: number, packed: { readonly labels: string; readonly body: string }) {
    const sliding = Number(parts[4]);
    this.#parts = parts;
    this.#now = now;
    this.#labels = packed.labels;
    this.encoded = decodeBody(encodingOf(packed.labels), parts[8] ?? '', packed.body);
    this.remaining = { fresh: until(parts[0], now), early: until(parts[1], now), stale: until(parts[2], now) };
    this.sliding = Number.isNaN(sliding) ? undefined : sliding;
  }

  get tags(): readonly string[] {
    return parseLabels(this.#labels)[1];
  }

  get retryIn(): number {
    return until(this.#parts[3], this.#now);
  }

  get ceiling(): number {
    return until(this.#parts[5], this.#now);
  }

  get age(): number {
    const writtenAt = Number(this.#parts[6]);
    return Number.isNaN(writtenAt) ? 0 : Math.floor((this.#now - writtenAt) * 1000);
  }
}

/** What brief metas begin with, by its code; see queries/brief.ts. */
const BRIEF: Readonly<Record<number, string | undefined>> = { 106: 'json', 115: 'superjson' };
const WRITTEN_AT = 17;
const XMIN_AT = 33;

/** An ordinary entry: it neither slides nor has an early refresh, grace or a failed load. */
class BriefEntry implements StoredEntry {
  readonly encoded: Encoded;
  readonly remaining: StoredEntry['remaining'];
  readonly #meta: string;
  readonly #now: number;

  constructor(encoded: Encoded, meta: string, now: number) {
    const fresh = wholeMs(instantAt(meta, 1) - now);
    this.encoded = encoded;
    this.remaining = { fresh, early: Infinity, stale: fresh };
    this.#meta = meta;
    this.#now = now;
  }

  get tags(): readonly string[] {
    const at = this.#meta.indexOf('{');
    return at < 0 ? NO_TAGS : parseTags(this.#meta.slice(at));
  }

  get sliding(): undefined {
    return undefined;
  }

  get retryIn(): number {
    return wholeMs(-this.#now);
  }

  get ceiling(): number {
    return Infinity;
  }

  get age(): number {
    return Math.floor((this.#now - instantAt(this.#meta, WRITTEN_AT)) * 1000);
  }
}

const NO_TAGS: readonly string[] = Object.freeze([]);

/** Seconds since 1970 from sixteen hexadecimal digits: microseconds since 2000, the largest number for infinity. */
function instantAt(text: string, from: number): number {
  let micros = 0;
  for (let at = from; at < from + 16; at += 1) {
    const code = text.charCodeAt(at);
    micros = micros * 16 + (code < 58 ? code - 48 : code - 87);
  }
  return micros > LATEST ? Infinity : micros / 1_000_000 + EPOCH_2000;
}

/** In the year 294276 PostgreSQL's calendar ends. */
const LATEST = 9.2233e18;
const EPOCH_2000 = 946_684_800;

/** Tags differ little from row to row, so the last ones are kept. */
let lastTagsText = '{}';
let lastTags = NO_TAGS;

function parseTags(text: string): readonly string[] {
  if (text === lastTagsText) return lastTags;
  lastTags = Object.freeze(textsOf(text));
  lastTagsText = text;
  return lastTags;
}

/** Whole milliseconds, rounded down but for the error of binary fractions: a lifetime of 100 ms is not 99. */
function until(epoch: string | undefined, now: number): number {
  return wholeMs(Number(epoch) - now);
}

export function wholeMs(seconds: number): number {
  return Math.floor(seconds * 1000 + 0.01);
}

type Labels = readonly [encoding: string | null, tags: readonly string[]];

/** Labels differ little from row to row, so the last ones are kept. */
let lastText = '[null]';
let lastLabels: Labels = [null, []];

function parseLabels(text: string): Labels {
  if (text === lastText) return lastLabels;
  const [encoding = null, ...tags] = JSON.parse(text) as [string | null, ...string[]];
  lastText = text;
  lastLabels = Object.freeze([encoding, Object.freeze(tags)] as const);
  return lastLabels;
}

/** The first of the labels, without the tags where that is easy: most encodings are plain words. */
function encodingOf(labels: string): string | null {
  for (const plain of ['json', 'superjson']) if (labels.startsWith(`"${plain}"`, 1)) return plain;
  return parseLabels(labels)[0];
}

function decodeBody(encoding: string | null, storedAs: string, body: string): Encoded {
  if (storedAs === 'text') return { encoding, body };
  const bytes = Buffer.from(body, 'base64');
  return { encoding, body: storedAs === 'utf16' ? bytes.toString('utf16le') : bytes };
}
