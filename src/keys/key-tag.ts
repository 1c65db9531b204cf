/** The tag of key literals: `` key`product:${id}` `` is a key written by hand, with the escaping of key templates. */
import { KeyError } from '../errors.js';
import { escapeKeyPart } from './escape.js';
import { validateKey } from './validate-key.js';

/** Writes a key from a template literal; see `Cache.key`. */
export type KeyTag = (literals: TemplateStringsArray, ...values: readonly unknown[]) => string;

/**
 * A key written by hand: each value is escaped exactly as the placeholder of a key template in its place, so that no value can make
 * the key of another.
 *
 * @throws KeyError `MISSING_KEY_VALUE` for undefined and null, `UNSUPPORTED_ARGUMENT` for values without a text, `INVALID_KEY` for two
 *   values without text between them that no value can contain, and for what is no key
 * @example keyTag`product:${'a:b'}` // 'product:a%3Ab', as 'product:{id}' writes it
 */
export function keyTag(literals: TemplateStringsArray, ...values: readonly unknown[]): string {
  const [head = '', ...following] = literals;
  let key = head;
  for (const [index, value] of values.entries()) {
    const literal = following[index] ?? '';
    if (index < values.length - 1) requireBoundary(literal);
    key += escapeKeyPart(value, literal) + literal;
  }
  validateKey(key);
  return key;
}

/** As for templates: escapes begin with `%`, so a text that does could be taken for part of the value before it. */
function requireBoundary(literal: string): void {
  if (literal !== '' && !literal.startsWith('%')) return;
  const what = literal === '' ? 'text' : 'text that does not begin with `%`';
  throw new KeyError('INVALID_KEY', `Expected a key literal to have ${what} between two values`);
}
