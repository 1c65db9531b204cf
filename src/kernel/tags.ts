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
  const tags: string[] = [];
  for (let index = 0; index < input.length; index += 1) tags.push(checkTag(input[index], index, subject));
  const different = eachOnce(tags);
  if (different.length > most)
    throw refuse({ option: 'tags', expected: `at most ${most} different tags`, got: input, subject });
  return Object.freeze(different);
}

/** Few are compared with each other: a set for them costs every call with tags ten times as much. */
const FEW = 8;

/** These texts, each once, in their order. */
export function eachOnce(texts: readonly string[]): readonly string[] {
  return texts.length > FEW ? [...new Set(texts)] : texts.filter((text, i) => texts.indexOf(text) === i);
}

function checkTag(tag: unknown, index: number, subject: string): string {
  return isStorable(tag) ? tag : checkText(tag, `tags[${index}]`, subject);
}

/**
 * A text that PostgreSQL can store and give back: not empty, no NUL, no lone surrogates (they would all become one character).
 *
 * @throws ConfigurationError `INVALID_POLICY`
 */
export function checkText(input: unknown, option: string, subject: string): string {
  if (isStorable(input)) return input;
  throw refuse({ option, expected: 'a non-empty text without NUL and lone surrogates', got: input, subject });
}

function isStorable(input: unknown): input is string {
  return typeof input === 'string' && input !== '' && !input.includes('\0') && input.isWellFormed();
}
