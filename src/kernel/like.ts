/**
 * LIKE patterns, as SQL has them: `%` stands for any characters, `_` for exactly one, and a character after `\\` for itself. They say
 * which keys `entries` lists and `deletePattern` deletes.
 */
import { refuse } from './expectation.js';

/**
 * A text as a LIKE pattern that matches this text and nothing else.
 *
 * @example Cache.deletePattern(`report:${escapeLike(customer)}:%`) // `a_b` deletes those of a_b, not of aXb
 */
export function escapeLike(text: string): string {
  return text.replaceAll(/[%_\\]/g, '\\$&');
}

/**
 * Refuses what is no pattern: one that keys could never match, or that ends in the middle of an escape.
 *
 * @param option what it was given as: `like`
 * @param subject whose it is: `entries()`
 * @throws ConfigurationError `INVALID_OPTION`
 */
export function checkLike(pattern: unknown, option: string, subject: string): asserts pattern is string {
  const isText = typeof pattern === 'string' && pattern !== '' && !pattern.includes('\0') && pattern.isWellFormed();
  if (isText && /^(?:[^\\]|\\.)*$/su.test(pattern)) return;
  const expected = isText
    ? 'a LIKE pattern in which every `\\` stands before another character (see `escapeLike`)'
    : 'a non-empty text without NUL and lone surrogates';
  throw refuse({ option, expected, got: pattern, subject, code: 'INVALID_OPTION' });
}

/** The text every match of a pattern begins with. */
export function literalHead(pattern: string): string {
  const head = /^(?:[^%_\\]|\\.)*/su.exec(pattern)?.[0] ?? '';
  return head.replaceAll(/\\(.)/gsu, '$1');
}

/** Whether texts match a pattern. */
export function likeMatcher(pattern: string): (text: string) => boolean {
  const source = pattern.replaceAll(
    /\\(.)|([%_])|([\^$.*+?()[\]{}|/])/gsu,
    (_, escaped?: string, wild?: string, odd?: string) => {
      if (wild !== undefined) return wild === '%' ? '.*' : '.';
      return escaped === undefined ? `\\${odd}` : escaped.replace(/[\^$.*+?()[\]{}|/\\]/u, '\\$&');
    },
  );
  const regExp = new RegExp(`^${source}$`, 'su');
  return (text) => regExp.test(text);
}

/** Compares by the bytes of UTF-8, which is by code points; JavaScript's own order is by UTF-16. */
export function compareBytes(one: string, other: string): number {
  if (one === other) return 0;
  const length = Math.min(one.length, other.length);
  for (let at = 0; at < length; at += 1) {
    const [a, b] = [one.charCodeAt(at), other.charCodeAt(at)];
    if (a === b) continue;
    // Surrogates stand for what is above every other unit.
    const [high, low] = [a >= 0xd800 && a <= 0xdfff, b >= 0xd800 && b <= 0xdfff];
    if (high !== low) return high ? 1 : -1;
    return a - b;
  }
  return one.length - other.length;
}

/** A text above every text that begins with `head`, and not above any other that is. */
export function above(head: string): string {
  const points = Array.from(head, (character) => character.codePointAt(0) ?? 0);
  while (points.at(-1) === LAST_CODE_POINT) points.pop();
  const last = points.pop();
  if (last === undefined) return ABOVE_ALL;
  // The code points between are halves of surrogate pairs, which no text of ours has.
  return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1);
}

const LAST_CODE_POINT = 0x10ffff;

/** Above every id: longer than any of them, and of nothing but the last character. */
const ABOVE_ALL = '\u{10ffff}'.repeat(512);
