/** Expectations: the one wording of every refusal of a user's input, ``Expected `ttl` to be …, got `-5` (number)``. */
import { ConfigurationError, type KeepsakeErrorCode } from '../errors.js';

/** Longest text shown of a refused value; the rest is cut, so that a message stays a message. */
const MAX_SHOWN = 80;

/** What was refused and where; see {@link refuse}. */
export interface Refusal {
  /** The option as its user wrote it: `ttl`, `timeouts.read`. */
  readonly option: string;
  /** What is allowed, as it follows "to be". */
  readonly expected: string;
  /** The refused value. It is shown: never pass what may hold credentials, such as a connection. */
  readonly got: unknown;
  /** Whose option it is: a use case, `defaults`, `Cache.set`. Empty or left out = not said. */
  readonly subject?: string | undefined;
  /** Default `INVALID_POLICY`. */
  readonly code?: KeepsakeErrorCode | undefined;
}

/**
 * The error for a value that is not what an option takes; the caller throws it.
 *
 * @example throw refuse({ option: 'ttl', expected: 'a positive duration', got: -5, subject: 'UserService.user' })
 * // ConfigurationError: Expected `ttl` to be a positive duration, got `-5` (number), in UserService.user
 */
export function refuse(refusal: Refusal): ConfigurationError {
  const { option, expected, got, subject = '', code = 'INVALID_POLICY' } = refusal;
  const where = subject === '' ? '' : `, in ${subject}`;
  return new ConfigurationError(code, `Expected \`${option}\` to be ${expected}, got ${shown(got)}${where}`);
}

/**
 * A value as messages show it: its text in backticks and its kind. Objects show their class only, never their content.
 *
 * @example shown('soon') // "`'soon'` (string)"
 */
export function shown(value: unknown): string {
  return `\`${textOf(value)}\` (${kindOf(value)})`;
}

function textOf(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return `'${cut(value)}'`;
    case 'function':
      return value.name === '' ? 'function' : cut(`${value.name}`);
    case 'object':
      return value === null ? 'null' : objectText(value);
    case 'bigint':
      return cut(`${value}n`);
    default:
      return Object.is(value, -0) ? '-0' : cut(String(value));
  }
}

function objectText(value: object): string {
  if (Array.isArray(value)) return `[${value.length}]`;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
  return '{…}';
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value !== 'object') return typeof value;
  const made: unknown = value.constructor;
  return typeof made === 'function' && made !== Object && made.name !== '' ? cut(`${made.name}`) : 'object';
}

function cut(text: string): string {
  // Control characters would break the line the message stands on, and lone surrogates cannot be written as UTF-8.
  const visible = text
    .slice(0, MAX_SHOWN)
    .toWellFormed()
    .replaceAll(/\p{Cc}/gu, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return text.length > MAX_SHOWN ? `${visible}…` : visible;
}
