/**
 * Durations: milliseconds from what a user writes. Text goes through `ms` part by part, so every unit of `ms` works, combined too.
 *
 * A month is no unit: `M` is a minute, as in `ms`, whose units ignore case.
 */
import ms from 'ms';
import type { KeepsakeErrorCode } from '../errors.js';
import { refuse } from './expectation.js';

/** What an option takes beside positive finite durations, and whose it is. */
export interface DurationLimits {
  /** Whether 0 is a duration here (none, at once). Default `'refused'`. */
  readonly zero?: 'allowed' | 'refused' | undefined;
  /** Whether `Infinity` is a duration here (never, without limit). Default `'refused'`. */
  readonly never?: 'allowed' | 'refused' | undefined;
  /** What the option takes, as its message says it. Default: the duration these limits describe. */
  readonly expected?: string | undefined;
  /** The option's owner, for the message: a use case, `defaults`. Default: not said. */
  readonly subject?: string | undefined;
  /** Default `INVALID_POLICY`. */
  readonly code?: KeepsakeErrorCode | undefined;
}

/** The longest finite duration: ten thousand years still fit every date of PostgreSQL and JavaScript. */
export const MAX_DURATION: number = ms('10000y');

/** Longer texts are no durations; the bound keeps matching cheap, and is that of `ms`. */
const MAX_TEXT = 100;

/** One number with its unit; in a combination every part needs one. */
const PART = /(?:\d+\.?\d*|\.\d+) *[a-z]+/gi;
const COMBINED = /^(?:(?:\d+\.?\d*|\.\d+) *[a-z]+ *)+$/i;

/**
 * Whole milliseconds of a duration: a number of milliseconds, or text for `ms` such as `'90s'`, `'1h30m'`, `'1d 12h'`. The text
 * `'Infinity'` is the number, because JSON and environment variables cannot carry it. Fractions are rounded, and never to 0.
 *
 * @param option the option's name, as the message shows it
 * @throws ConfigurationError `INVALID_POLICY` (or `limits.code`) for anything else, for negatives and NaN, and for 0, `Infinity` and
 * more than {@link MAX_DURATION} where they are not allowed
 * @example parseDuration('1h30m', 'ttl', { never: 'allowed' }) // 5400000
 */
export function parseDuration(input: unknown, option: string, limits: DurationLimits = {}): number {
  const value = typeof input === 'string' ? fromText(input) : input;
  const refused = { option, got: input, subject: limits.subject, code: limits.code };
  if (typeof value !== 'number' || Number.isNaN(value) || value < 0 || (value === 0 && limits.zero !== 'allowed')) {
    throw refuse({ ...refused, expected: limits.expected ?? durationForm(limits) });
  }
  if (value === Infinity && limits.never === 'allowed') return Infinity;
  if (value > MAX_DURATION) throw refuse({ ...refused, expected: bound(limits) });
  return value === 0 ? 0 : Math.max(1, Math.round(value));
}

/** What a duration with these limits may be, as messages say it. */
export function durationForm(limits: DurationLimits): string {
  return `${limits.zero === 'allowed' ? '0 or a' : 'a'} positive duration such as 5000, '90s' or '1h30m'`;
}

function bound(limits: DurationLimits): string {
  return limits.never === 'allowed' ? "at most '10000y', or Infinity" : "a finite duration of at most '10000y'";
}

function fromText(text: string): number | undefined {
  if (text === 'Infinity') return Infinity;
  if (text.length > MAX_TEXT) return undefined;
  const whole = one(text);
  if (whole !== undefined || !COMBINED.test(text)) return whole;
  let sum = 0;
  for (const part of text.match(PART) ?? []) sum += one(part) ?? Number.NaN;
  return sum;
}

/** `ms` answers undefined for text that is no duration, which its types do not say, and throws for none at all. */
function one(text: string): number | undefined {
  return text === '' ? undefined : ms(text as ms.StringValue);
}
