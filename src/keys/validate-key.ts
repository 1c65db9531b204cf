/** Checks of finished keys: those given by hand, and those a key function returned. */
import { KeyError } from '../errors.js';

/** How much of a bad key a message shows. */
const SHOWN = 80;

/**
 * Refuses what cannot be a key: anything but a non-empty, well-formed string without NUL (PostgreSQL's text has none).
 *
 * @param subject what it is, for the message; default `key`.
 * @throws KeyError `INVALID_KEY`.
 * @example validateKey('') // Expected `key` to be a non-empty string, got `` (string)
 */
export function validateKey(key: unknown, subject = 'key'): asserts key is string {
  if (typeof key !== 'string' || key === '') throw invalid(subject, 'a non-empty string', key);
  if (key.includes('\0')) throw invalid(subject, 'a string without NUL characters', key);
  if (!key.isWellFormed()) throw invalid(subject, 'well-formed text without lone surrogates', key);
}

function invalid(subject: string, expectation: string, key: unknown): KeyError {
  return new KeyError('INVALID_KEY', `Expected \`${subject}\` to be ${expectation}, got ${describe(key)}`);
}

function describe(key: unknown): string {
  if (typeof key !== 'string')
    return typeof key === 'object' && key !== null ? 'an object' : `\`${String(key)}\` (${typeof key})`;
  const cut = key.length > SHOWN ? `${key.slice(0, SHOWN)}…` : key;
  return `\`${cut.toWellFormed().replaceAll('\0', '\\0')}\` (string)`;
}
