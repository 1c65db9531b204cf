/**
 * Escaping: how a value stands in a key without forging the boundaries around it.
 *
 * In every value these are written as `%` and two hexadecimal digits, or `%u` and four: `%` itself, `:` (the boundary between the
 * parts of a key), `(` (what begins the arguments of a key without a template), control characters, NUL among them, lone
 * surrogates, and the first character of the literal text that follows the placeholder. So a value ends where that character
 * first stands unescaped, and a key can be taken apart in only one way.
 */
import { KeyError } from '../errors.js';
import { textOf } from './text.js';

/** Writes a text so that it can stand before one particular literal. */
export type Escape = (text: string) => string;

const ALWAYS = String.raw`%:(\p{Cc}\p{Cs}`;

const escapeAlways = escapeWith(new RegExp(`[${ALWAYS}]`, 'gu'), undefined);

/**
 * The escaping of values that stand before the literal text `following` (`''` at the end of a key).
 *
 * @example escapeBefore('-')('a-b:c') // 'a%2Db%3Ac'
 */
export function escapeBefore(following: string): Escape {
  const boundary = following.codePointAt(0);
  if (boundary === undefined || boundary === COLON) return escapeAlways;
  return escapeWith(new RegExp(`[${ALWAYS}\\u{${boundary.toString(16)}}]`, 'gu'), boundary);
}

function escapeWith(reserved: RegExp, boundary: number | undefined): Escape {
  return (text) => (isPlain(text, boundary) ? text : text.replace(reserved, percent));
}

const PERCENT = 0x25;
const OPENING = 0x28;
const COLON = 0x3a;

/** Whether a short text is plain ASCII with nothing to escape: nearly all values are, and a look is cheaper than a regular expression. */
function isPlain(text: string, boundary: number | undefined): boolean {
  if (text.length > 64) return false;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit < 0x20 || unit > 0x7e || unit === PERCENT || unit === OPENING || unit === COLON || unit === boundary)
      return false;
  }
  return true;
}

function percent(character: string): string {
  let escaped = '';
  for (let at = 0; at < character.length; at++) escaped += escapeUnit(character.charCodeAt(at));
  return escaped;
}

/** The escapes of the code units up to U+00FF, which are nearly all there are. */
const SHORT = Array.from({ length: 0x100 }, (_, unit) => `%${hex(unit, 2)}`);

function escapeUnit(unit: number): string {
  return SHORT[unit] ?? `%u${hex(unit, 4)}`;
}

function hex(unit: number, digits: number): string {
  return unit.toString(16).toUpperCase().padStart(digits, '0');
}

/**
 * A value as part of a key written by hand, exactly as the placeholder of a key template writes it.
 *
 * @param following the literal text after it; default `''`, which is also right before `:` and at the end of the key.
 * @throws KeyError `MISSING_KEY_VALUE` for undefined and null, `UNSUPPORTED_ARGUMENT` for values without a text.
 * @example `product:${escapeKeyPart('a:b')}` // 'product:a%3Ab', as 'product:{id}' writes it
 */
export function escapeKeyPart(value: unknown, following = ''): string {
  if (value === undefined || value === null) {
    throw new KeyError('MISSING_KEY_VALUE', `Expected a value as part of a key, got \`${value}\``);
  }
  const text = textOf(value, (expectation, cause) => {
    return new KeyError('UNSUPPORTED_ARGUMENT', `Expected a part of a key to ${expectation}`, cause);
  });
  return escapeBefore(following)(text);
}
