/**
 * Tagged parts: what SuperJSON cannot carry itself, or would carry damaged, as a pair of a tag and content that it can.
 *
 * SuperJSON walks into a `Tagged` because it is an array, and knows it from the user's arrays by its class, so the content may hold
 * dates, maps and further tagged parts. The pairs exist only between `storable` and SuperJSON; reading puts the real thing in their place.
 */
import { restoreBytes } from './bytes.js';
import { MAX_PARTS } from './plain-json.js';
import { restoreError } from './stored-error.js';

/**
 * `object`: an object with a key SuperJSON refuses (`__proto__`, `constructor`, `prototype`), as entries. `array`: an array with holes,
 * as its length and its entries. `date`: an invalid Date. `bytes`: a Buffer, typed array, DataView or ArrayBuffer. `error`: an Error.
 */
export type Tag = 'object' | 'array' | 'date' | 'bytes' | 'error';

/** A pair of tag and content. A class only so that `instanceof` finds it. */
export class Tagged extends Array<unknown> {}

/** The part that stands for something SuperJSON cannot carry. */
export function tagged(tag: Tag, content: unknown): Tagged {
  const part = new Tagged();
  part.push(tag, content);
  return part;
}

/** What a pair stands for; the inverse of what `storable` made of it. Throws a TypeError when the pair is damaged. */
export function restore(pair: unknown): unknown {
  if (!Array.isArray(pair) || pair.length !== 2) throw new TypeError('Damaged part: not a pair');
  const [tag, content]: readonly unknown[] = pair;
  switch (tag) {
    case 'object':
      return restoreObject(content);
    case 'array':
      return restoreArray(content);
    case 'date':
      return new Date(Number.NaN);
    case 'bytes':
      return restoreBytes(content);
    case 'error':
      return restoreError(content);
    default:
      throw new TypeError('Damaged part: unknown tag');
  }
}

function restoreObject(content: unknown): unknown {
  // fromEntries defines properties, it does not assign them: an own `__proto__` stays a property and pollutes nothing.
  return Object.fromEntries(entriesOf(content));
}

function restoreArray(content: unknown): unknown {
  if (!Array.isArray(content)) throw new TypeError('Damaged array');
  const [length, entries]: readonly unknown[] = content;
  if (typeof length !== 'number' || length > MAX_PARTS) throw new TypeError('Damaged array: no length');
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

function entriesOf(content: unknown): readonly (readonly [string, unknown])[] {
  if (!Array.isArray(content)) throw new TypeError('Damaged entries');
  return content.map((entry: unknown) => {
    if (!Array.isArray(entry) || typeof entry[0] !== 'string') throw new TypeError('Damaged entry');
    return [entry[0], entry[1]];
  });
}
