/** Tags: what a tag may be. */
import { refuse } from './expectation.js';

/** The most tags one entry may carry: each costs a point in the probe of every read. */
export const MAX_TAGS = 64;

/**
 * Checked tags, each once, in the order given.
 *
 * @param most how many are allowed; `Infinity` for an invalidation, {@link MAX_TAGS} for an entry
 * @throws ConfigurationError `INVALID_POLICY` for anything but an array of non-empty, well-formed texts without NUL
 */
export function parseTags(input: unknown, subject: string, most: number = MAX_TAGS): readonly string[] {
  if (!Array.isArray(input)) throw refuse({ option: 'tags', expected: "an array of texts such as ['products']", got: input, subject });
  const tags = new Set<string>();
  for (const [index, tag] of input.entries()) tags.add(parseText(tag, `tags[${index}]`, subject));
  if (tags.size > most) throw refuse({ option: 'tags', expected: `at most ${most} different tags`, got: input, subject });
  return [...tags];
}

/** A text that PostgreSQL can store: not empty, without NUL, without lone surrogates. */
export function parseText(input: unknown, option: string, subject: string): string {
  if (typeof input !== 'string' || input === '' || input.includes('\0') || !input.isWellFormed()) {
    throw refuse({ option, expected: 'a non-empty text without NUL or lone surrogates', got: input, subject });
  }
  return input;
}
