/** Counters as values: decimal digits in UTF-8, readable by every program that reads the table. */
import { CodecError } from '../errors.js';
import type { Encoded } from './codec.js';

/** The encoding of an entry that is a counter. */
export const COUNTER_ENCODING = 'counter';

/** What PostgreSQL's `bigint` holds, and so a counter. */
export const COUNTER_BOUNDS = { least: -(2n ** 63n), most: 2n ** 63n - 1n } as const;

/** Encodings whose digits are a number: our own, plain JSON, and bytes of other programs. */
const NUMERIC_ENCODINGS: readonly (string | null)[] = [COUNTER_ENCODING, 'json', null];

const DIGITS = /^-?\d{1,19}$/;

/** The number that an entry holds as a counter; undefined when it holds something else. */
export function counterOf({ encoding, body }: Encoded): bigint | undefined {
  if (!NUMERIC_ENCODINGS.includes(encoding)) return undefined;
  const text = typeof body === 'string' ? body : Buffer.from(body).toString('latin1');
  if (!DIGITS.test(text)) return undefined;
  const value = BigInt(text);
  return value >= COUNTER_BOUNDS.least && value <= COUNTER_BOUNDS.most ? value : undefined;
}

/** A counter's value as it is stored. */
export function encodeCounter(value: bigint): Encoded {
  return { encoding: COUNTER_ENCODING, body: String(value) };
}

/**
 * A stored counter as callers get it: a number, or a bigint where a number would not be exact.
 *
 * @throws CodecError `UNDECODABLE_VALUE` for a damaged one
 */
export function decodeCounter(encoded: Encoded): number | bigint {
  const value = counterOf(encoded);
  if (value === undefined) throw new CodecError('UNDECODABLE_VALUE', 'Expected a counter, but it is damaged');
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
