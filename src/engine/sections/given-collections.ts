/** Checks of collections that users give: what is no collection fails with a word about what is wanted. */
import { refuse } from '../../kernel/expectation.js';

/**
 * Keys as an array. What a key may be is checked where it is used.
 *
 * @throws ConfigurationError `INVALID_OPTION` for a text, whose characters would be taken for keys, and for what cannot be iterated
 */
export function requireKeys(keys: unknown, subject: string): readonly string[] {
  if (typeof keys === 'string' || !isIterable(keys))
    throw wrong('keys', 'an array or another iterable of keys', keys, subject);
  return [...keys] as readonly string[];
}

/**
 * Pairs as an array.
 *
 * @throws ConfigurationError `INVALID_OPTION`
 */
export function requireEntries(entries: unknown, subject: string): readonly (readonly [string, unknown])[] {
  const expected = 'a Map or pairs of key and value (of an object: Object.entries)';
  if (typeof entries === 'string' || !isIterable(entries)) throw wrong('entries', expected, entries, subject);
  return [...entries].map((pair, i) => {
    if (!Array.isArray(pair) || pair.length !== 2)
      throw wrong(`entries[${i}]`, 'a pair of key and value', pair, subject);
    const [key, value] = pair as readonly unknown[];
    return [key as string, value];
  });
}

function isIterable(given: unknown): given is Iterable<unknown> {
  return typeof given === 'object' && given !== null && Symbol.iterator in given;
}

function wrong(option: string, expected: string, got: unknown, subject: string): Error {
  return refuse({ option, expected, got, subject, code: 'INVALID_OPTION' });
}
