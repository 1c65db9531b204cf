/** Keys of rows as texts: one for each key, however it is written. They stand in entries, in tags of watched tables, and in queries. */
import { KeyError } from '../errors.js';
import { shown } from '../kernel/expectation.js';
import type { KeyKind } from '../ports/tables.js';

/** What a key is read by. */
export interface KeyShape {
  readonly table: string;
  readonly columns: readonly string[];
  readonly kinds: readonly KeyKind[];
}

/**
 * The canonical texts of a key's columns, in their order.
 *
 * @param key a value, where the key has one column, or an object with a value for each, in any order
 * @throws KeyError `MISSING_KEY_VALUE` for a part that is not there, `UNSUPPORTED_ARGUMENT` for a value that is none of its column's type
 */
export function keyTexts(key: unknown, { table, columns, kinds }: KeyShape): readonly string[] {
  const parts = partsOf(key, table, columns);
  return parts.map((value, i) => {
    const column = columns[i] ?? '';
    if (value === undefined || value === null)
      throw new KeyError(
        'MISSING_KEY_VALUE',
        `Expected a key of \`${table}\` to have a \`${column}\`, got ${shown(value)}`,
      );
    const text = TEXTS[kinds[i] ?? 'text'](value);
    if (text !== undefined) return text;
    const expected = EXPECTED[kinds[i] ?? 'text'];
    throw new KeyError(
      'UNSUPPORTED_ARGUMENT',
      `Expected \`${column}\` of a key of \`${table}\` to be ${expected}, got ${shown(value)}`,
    );
  });
}

function partsOf(key: unknown, table: string, columns: readonly string[]): readonly unknown[] {
  const isObject = typeof key === 'object' && key !== null && !(key instanceof Date);
  if (!isObject && columns.length === 1) return [key];
  if (!isObject || Array.isArray(key)) {
    const expected = `an object with ${columns.map((column) => `\`${column}\``).join(', ')}`;
    throw new KeyError('UNSUPPORTED_ARGUMENT', `Expected a key of \`${table}\` to be ${expected}, got ${shown(key)}`);
  }
  const unknown = Object.keys(key).find((property) => !columns.includes(property));
  if (unknown !== undefined)
    throw new KeyError(
      'UNSUPPORTED_ARGUMENT',
      `\`${unknown}\` is no part of a key of \`${table}\`: ${columns.join(', ')}`,
    );
  return columns.map((column) => (Object.hasOwn(key, column) ? Reflect.get(key, column) : undefined));
}

const EXPECTED: Readonly<Record<KeyKind, string>> = {
  number: 'a whole number, a bigint or its digits',
  uuid: 'a UUID',
  boolean: 'true or false',
  text: 'a text without NUL',
  date: 'a date such as `2026-01-31`',
  instant: 'a valid Date, or a text with date, time and time zone',
};

const TEXTS: Readonly<Record<KeyKind, (value: unknown) => string | undefined>> = {
  number: wholeNumber,
  uuid: (value) =>
    typeof value === 'string' && /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(value)
      ? value.toLowerCase()
      : undefined,
  boolean: (value) => (typeof value === 'boolean' ? String(value) : undefined),
  text: textOrDigits,
  date: calendarDate,
  instant,
};

function wholeNumber(value: unknown): string | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? String(value) : undefined;
  if (typeof value === 'bigint') return String(value);
  return typeof value === 'string' && /^-?\d{1,19}$/.test(value) ? String(BigInt(value)) : undefined;
}

/** Of `numeric` without decimals too, which has more digits than numbers of JavaScript. */
function textOrDigits(value: unknown): string | undefined {
  if (typeof value === 'bigint' || Number.isSafeInteger(value)) return String(value);
  return typeof value === 'string' && !value.includes('\0') && value.isWellFormed() ? value : undefined;
}

/** A `Date` is the day it is here: drivers make one of local midnight out of a `date`. */
function calendarDate(value: unknown): string | undefined {
  if (typeof value === 'string') return /^\d{4}-\d{2}-\d{2}$/.test(value) ? value : undefined;
  if (!(value instanceof Date) || Number.isNaN(value.getTime())) return undefined;
  const two = (part: number): string => String(part).padStart(2, '0');
  return `${String(value.getFullYear()).padStart(4, '0')}-${two(value.getMonth() + 1)}-${two(value.getDate())}`;
}

function instant(value: unknown): string | undefined {
  const isZoned = typeof value === 'string' && /^\d{4}-\d{2}-\d{2}[T ].*(Z|[+-]\d{2}(:?\d{2})?)$/.test(value);
  if (!isZoned && !(value instanceof Date)) return undefined;
  const at = new Date(value);
  return Number.isNaN(at.getTime()) ? undefined : at.toISOString();
}
