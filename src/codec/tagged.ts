/**
 * Tagged parts: what SuperJSON cannot carry itself, or would carry damaged, as a pair of a tag and content that it can.
 *
 * SuperJSON walks into a `Tagged` because it is an array, and knows it from the user's arrays by its class, so the content may hold
 * dates, maps and further tagged parts. The pairs exist only between `storable` and SuperJSON; reading puts the real thing in their place.
 */
import { restoreBytes } from './bytes.js';
import type { ClassRegistry } from './class-forms.js';
import { MAX_PARTS } from './plain-json.js';
import { restoreError } from './stored-error.js';

/**
 * `object`: an object with a key SuperJSON refuses (`__proto__`, `constructor`, `prototype`), as entries. `array`: an array with holes,
 * as its length and its entries. `date`: an invalid Date. `bytes`: a Buffer, typed array, DataView or ArrayBuffer. `error`: an Error.
 * `class`: an instance of a registered class, as its registered name and its data.
 */
export type Tag = 'object' | 'array' | 'date' | 'bytes' | 'error' | 'class';

/** A pair of tag and content. A class only so that `instanceof` finds it. */
export class Tagged extends Array<unknown> {}

/** The part that stands for something SuperJSON cannot carry. */
export function tagged(tag: Tag, content: unknown): Tagged {
  const part = new Tagged();
  part.push(tag, content);
  return part;
}

/** Puts the parts of one decoded value together; for each value a new one. */
export class Restorer {
  readonly #classes: ClassRegistry;
  /** Holes cost memory and no bytes: without a bound for all of them together a small body could exhaust the process. */
  #holesLeft = MAX_PARTS;

  constructor(classes: ClassRegistry) {
    this.#classes = classes;
  }

  /** What a pair stands for; the inverse of what `storable` made of it. Throws when the pair is damaged. */
  restore(pair: unknown): unknown {
    const [tag, content] = pairOf(pair);
    switch (tag) {
      case 'object':
        return restoreObject(content);
      case 'array':
        return this.#array(content);
      case 'date':
        return new Date(Number.NaN);
      case 'bytes':
        return restoreBytes(content);
      case 'error':
        return restoreError(content);
      case 'class':
        return this.#classes.restore(...pairOf(content));
      default:
        throw new TypeError('Damaged part: unknown tag');
    }
  }

  #array(content: unknown): unknown {
    const [length, entries] = pairOf(content);
    if (typeof length !== 'number' || !(length >= 0 && length <= this.#holesLeft))
      throw new TypeError('Damaged array: no length');
    this.#holesLeft -= length;
    const array: unknown[] = [];
    array.length = length;
    for (const [index, value] of entriesOf(entries)) {
      const position = Number(index);
      if (!Number.isInteger(position) || position < 0 || position >= length)
        throw new TypeError('Damaged array: position outside of it');
      array[position] = value;
    }
    return array;
  }
}

function pairOf(pair: unknown): readonly [unknown, unknown] {
  if (!Array.isArray(pair) || pair.length !== 2) throw new TypeError('Damaged part: not a pair');
  return [pair[0], pair[1]];
}

function restoreObject(content: unknown): unknown {
  // fromEntries defines properties, it does not assign them: an own `__proto__` stays a property and pollutes nothing.
  return Object.fromEntries(entriesOf(content));
}

function entriesOf(content: unknown): readonly (readonly [string, unknown])[] {
  if (!Array.isArray(content)) throw new TypeError('Damaged entries');
  return content.map((entry: unknown) => {
    if (!Array.isArray(entry) || typeof entry[0] !== 'string') throw new TypeError('Damaged entry');
    return [entry[0], entry[1]];
  });
}
