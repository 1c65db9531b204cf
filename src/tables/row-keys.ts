/** Row keys: what keys of rows become, remembered, because making a text of a key costs more than finding its row in the local tier. */
import { type KeyShape, keyTexts } from './key-text.js';

/** A key of a row. */
export interface RowKey {
  /** Of its entry. */
  readonly entry: string;
  /** Of its columns. */
  readonly texts: readonly string[];
  /** Which call has asked for it last. */
  askedIn: number;
}

/** How many keys are remembered at least; at most twice as many. That is what the local tier holds by default. */
const GENERATION = 5_000;

/** Longer ones are not remembered: characters of an entry's key. */
const LONGEST = 256;

export class RowKeys {
  readonly #shape: KeyShape;
  readonly #entryOf: (texts: readonly string[]) => string;
  /** By keys that are equal exactly when they are the same to a Map. The younger half, and the older. */
  #recent = new Map<unknown, RowKey>();
  #older: ReadonlyMap<unknown, RowKey> = new Map();
  #calls = 0;

  constructor(shape: KeyShape, entryOf: (texts: readonly string[]) => string) {
    this.#shape = shape;
    this.#entryOf = entryOf;
  }

  /** @throws KeyError for what is no key; see `keyTexts` */
  of(key: unknown): RowKey {
    const known = this.#recent.get(key);
    if (known !== undefined) return known;
    const made = this.#older.get(key) ?? this.#make(key);
    // An object may be changed, and an equal one is another.
    if (typeof key === 'object' || made.entry.length > LONGEST) return made;
    if (this.#recent.size >= GENERATION) {
      this.#older = this.#recent;
      this.#recent = new Map();
    }
    this.#recent.set(key, made);
    return made;
  }

  /** The keys of one call, each once, in the order asked; and of each that was asked for, where it then stands. */
  distinct(keys: Iterable<unknown>): {
    readonly once: readonly RowKey[];
    readonly places: readonly number[] | 'as asked';
  } {
    const all: RowKey[] = [];
    let areDifferent = true;
    this.#calls += 1;
    for (const key of keys) {
      const one = this.of(key);
      // Different numbers are different keys, and one that is remembered is one object: no need to compare texts.
      areDifferent &&= typeof key === 'number' && one.askedIn !== this.#calls && one.entry.length <= LONGEST;
      one.askedIn = this.#calls;
      all.push(one);
    }
    areDifferent &&= all.length <= GENERATION;
    if (areDifferent || new Set(all.map(({ entry }) => entry)).size === all.length)
      return { once: all, places: 'as asked' };
    const once = new Map<string, { readonly one: RowKey; readonly place: number }>();
    for (const one of all) if (!once.has(one.entry)) once.set(one.entry, { one, place: once.size });
    return {
      once: Array.from(once.values(), ({ one }) => one),
      places: all.map(({ entry }) => once.get(entry)?.place ?? 0),
    };
  }

  #make(key: unknown): RowKey {
    const texts = keyTexts(key, this.#shape);
    return { texts, entry: this.#entryOf(texts), askedIn: 0 };
  }
}
