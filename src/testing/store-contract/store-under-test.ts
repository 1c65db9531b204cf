/** What the contract suite needs of a store, and the values its parts share. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Encoded } from '../../kernel/codec.js';
import { freshness, type State } from '../../kernel/freshness.js';
import type { Lifetimes } from '../../kernel/lifetimes.js';
import type {
  EntryWrite,
  FillResult,
  LoadToken,
  Store,
  StoredEntry,
  StoreOptions,
  WriteReceipt,
} from '../../ports/store.js';

/**
 * An open store, as a test gets it. Data of earlier tests may still be there: the suite uses ids, tags and names of its own in
 * each test, and invalidates only the scope names given here.
 */
export interface StoreUnderTest {
  readonly store: Store;
  /** What `store` was built with. The first scope name is its namespace's, none of `neighbour`'s. */
  readonly options: StoreOptions;
  /** Another open store of the same options over the same data, as another process would have it. */
  readonly second?: Store | undefined;
  /** An open store over the same data whose namespace is another one. */
  readonly neighbour?: Store | undefined;
  /**
   * Makes everything stored `ms` milliseconds older: moves an injected clock on, or every instant in the rows and in the log back.
   * Tokens held by the test grow older too, or `aged` is given.
   */
  advance(ms: number): Promise<void>;
  /** `token` as it would be had its load begun `ms` milliseconds earlier and seen the same. For stores whose clock cannot be moved. */
  aged?(token: LoadToken, ms: number): LoadToken;
  /** Milliseconds since 1970 by the store's clock. Default: `Date.now()`. */
  now?(): number;
  /** Releases everything; the stores may be closed already. */
  close(): Promise<void>;
}

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;

/** How far remaining times may be off: no machine, however busy, takes longer for a few statements. */
const SLACK = 50 * SECOND;

/** A text no other test uses. */
export function unique(label: string): string {
  return `${label}:${randomUUID()}`;
}

/** Lifetimes of an hour without anything else, unless told otherwise. */
export function lives(given: Partial<Lifetimes> = {}): Lifetimes {
  return { ttl: HOUR, sliding: undefined, expiresAt: undefined, grace: 0, early: undefined, ...given };
}

export interface WriteParts {
  readonly body?: string | Uint8Array;
  readonly encoding?: string | null;
  readonly tags?: readonly string[];
  readonly lifetimes?: Lifetimes;
  /** Given: the result of a load, not something that was set. */
  readonly loadMs?: number;
}

/** A write of `id`: the text `value` for an hour, unless told otherwise. */
export function entry(id: string, parts: WriteParts = {}): EntryWrite {
  const { body = 'value', encoding = 'test', tags = [], lifetimes = lives(), loadMs } = parts;
  return { id, encoded: { encoding, body }, tags, lifetimes, loadMs };
}

export function bytesOf(encoded: Encoded): Buffer {
  return Buffer.from(encoded.body);
}

/** What a read of `id` serves, as text; undefined for a miss. */
export async function textOf(store: Store, id: string): Promise<string | undefined> {
  const read = await store.read(id);
  return read.entry && bytesOf(read.entry.encoded).toString();
}

export async function stateOf(store: Store, id: string): Promise<State> {
  const read = await store.read(id);
  return read.entry === undefined ? 'dead' : freshness(read.entry.remaining);
}

/** The entry of `id`, which must be there. */
export async function found(store: Store, id: string): Promise<StoredEntry> {
  const read = await store.read(id);
  if (read.entry === undefined) throw new Error(`Expected an entry of ${id}, got a miss`);
  return read.entry;
}

/** The receipt of a fill, which must have been stored. */
export function stored(result: FillResult): WriteReceipt {
  if (result.status === 'refused') throw new Error(`Expected the fill to be stored, it was refused: ${result.reason}`);
  return result.receipt;
}

/** Asserts remaining milliseconds to be `ms`, less what a slow machine may have used up. */
export function about(actual: number, ms: number): void {
  const least = ms - SLACK;
  assert.ok(actual <= ms && actual > least, `Expected about ${ms}, got ${actual}`);
}

/** The namespace's own scope name of the store under test. */
export function namespaceOf(subject: StoreUnderTest): string {
  const name = subject.options.scopeNames[0];
  if (name === undefined) throw new Error('Expected the store under test to have a scope name');
  return name;
}

/** Texts that break careless quoting, splitting, patterns and array literals. */
export const ODD_TEXTS: readonly string[] = [
  ' ',
  'a,b',
  'a:b|c',
  '"quoted"',
  "it's",
  "'; drop table cache; --",
  '{a,b}',
  '[a]b',
  'NULL',
  'null',
  'true',
  '%',
  '_',
  'back\\slash',
  '\\',
  '$1',
  'tab\tand\nnewline',
  'ünïcødé 漢字 🐘',
  'e\u0301 and \u00e9',
  '\u200b',
  '__proto__',
  'constructor',
];
