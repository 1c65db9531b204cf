/** Texts: what a value reads as inside a key. */
import { types } from 'node:util';
import type { KeyError } from '../errors.js';

/** Makes the error for a value that was expected to ...; who calls knows where the value stands. */
export type Refuse = (expectation: string, cause?: { readonly cause: unknown }) => KeyError;

/** What can be done about a value that has no text or canonical form. */
export function remedyFor(value: unknown): string {
  const forAll = 'convert it with `args` or leave it out with `ignoreArgs`';
  return typeof value === 'object' && value !== null ? `give its class a \`toCacheKey(): string\`, ${forAll}` : forAll;
}

/**
 * The text of a value that is neither undefined nor null: strings as they are, numbers, bigints and booleans as `String()` writes them
 * (so -0 reads `0`), dates as ISO 8601 in UTC, other objects by their `toCacheKey()`.
 */
export function textOf(value: unknown, refuse: Refuse): string {
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
    case 'bigint':
    case 'boolean':
      return String(value);
    case 'object':
      return value === null ? unsupported(value, refuse) : textOfObject(value, refuse);
    default:
      return unsupported(value, refuse);
  }
}

function textOfObject(value: object, refuse: Refuse): string {
  const own = cacheKeyOf(value, refuse);
  if (own !== undefined) return own;
  if (types.isDate(value)) return isoText(value, refuse);
  return unsupported(value, refuse);
}

function unsupported(value: unknown, refuse: Refuse): never {
  throw refuse(
    `have a text, got ${describeKind(value)}; take a value of it by a path, its hash by \`:hash\`, or ${remedyFor(value)}`,
  );
}

/** What the object's `toCacheKey()` answers; undefined when it has no such method. */
export function cacheKeyOf(value: object, refuse: Refuse): string | undefined {
  let text: unknown;
  try {
    const method: unknown = Reflect.get(value, 'toCacheKey');
    if (typeof method !== 'function') return undefined;
    text = Reflect.apply(method, value, []);
  } catch (cause) {
    throw refuse(`have a \`toCacheKey()\` that answers, but that of ${describeKind(value)} threw`, { cause });
  }
  if (typeof text === 'string') return text;
  throw refuse(
    `have a \`toCacheKey()\` that returns a string, but that of ${describeKind(value)} returned ${describeKind(text)}`,
  );
}

/** A date in ISO 8601, UTC, with milliseconds; an invalid one has no text and equals no other date. */
export function isoText(value: Date, refuse: Refuse): string {
  const time = Date.prototype.getTime.call(value);
  if (Number.isNaN(time)) throw refuse('be a valid date, got an invalid `Date`');
  return new Date(time).toISOString();
}

/** What kind of value this is, for messages: `a function`, `an array`, `an instance of Money`. Never the value itself. */
export function describeKind(value: unknown): string {
  if (value === undefined || value === null) return `\`${value}\``;
  if (typeof value !== 'object') return `a ${typeof value}`;
  if (Array.isArray(value)) return 'an array';
  const name = classNameOf(value);
  return name === undefined || name === 'Object' ? 'a plain object' : `an instance of ${name}`;
}

/** The name of an object's class; undefined for objects without a prototype. */
export function classNameOf(value: object): string | undefined {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (typeof prototype !== 'object' || prototype === null) return undefined;
  const builder: unknown = Reflect.get(prototype, 'constructor');
  return typeof builder === 'function' ? String(builder.name) : '';
}
