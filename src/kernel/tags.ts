/** Tags and other texts of policies: what they may be. */
import { refuse } from './expectation.js';

/** The most different tags one entry may carry: each is a point in the probe of every read of its batch. */
export const MAX_TAGS = 64;

/**
 * Checked tags, each once, in the order given.
 *
 * @param subject whose tags they are, for the message: a use case, `load.tags()`
 * @param most how many different ones are allowed: {@link MAX_TAGS} for an entry (default), `Infinity` for an invalidation
 * @throws ConfigurationError `INVALID_POLICY` for anything but an array of non-empty, well-formed texts without NUL
 * @example checkTags(['products', 'products'], 'load.tags()') // ['products']
 */
export function checkTags(input: unknown, subject: string, most: number = MAX_TAGS): readonly string[] {
  if (!Array.isArray(input))
    throw refuse({ option: 'tags', expected: "an array of texts such as ['products']", got: input, subject });
  const tags = new Set<string>();
  for (const [index, tag] of input.entries()) tags.add(checkText(tag, `tags[${index}]`, subject));
  if (tags.size > most)
    throw refuse({ option: 'tags', expected: `at most ${most} different tags`, got: input, subject });
  return Object.freeze([...tags]);
}

/**
 * A text that PostgreSQL can store and give back: not empty, no NUL, no lone surrogates (they would all become one character).
 *
 * @throws ConfigurationError `INVALID_POLICY`
 */
export function checkText(input: unknown, option: string, subject: string): string {
  if (typeof input !== 'string' || input === '' || input.includes('\0') || !input.isWellFormed()) {
    throw refuse({ option, expected: 'a non-empty text without NUL and lone surrogates', got: input, subject });
  }
  return input;
}
