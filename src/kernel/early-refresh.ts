/** Early refresh: the age from which a read of a fresh entry also starts one refresh in the background. */
import { durationForm, parseDuration } from './duration.js';
import { refuse } from './expectation.js';
import { isPercentage, parsePercentage } from './percentage.js';
import type { EarlyPoint } from './policy.js';

/**
 * The early point a user writes: a duration, a percentage between 0 and 100, or `Infinity` for none, which is how a layer takes
 * back what an earlier one set.
 *
 * @throws ConfigurationError `INVALID_POLICY`
 */
export function parseEarly(input: unknown, subject: string): EarlyPoint {
  const share = parsePercentage(input);
  if (share !== undefined && share > 0 && share < 1) return { share };
  if (isPercentage(input))
    throw refuse({ option: 'earlyTtl', expected: "a percentage between '0%' and '100%'", got: input, subject });
  const age = parseDuration(input, 'earlyTtl', {
    never: 'allowed',
    subject,
    expected: `${durationForm({ never: 'allowed' })}, or a percentage such as '80%'`,
  });
  return { age };
}

/** How long the entry lives, for a percentage to refer to; undefined = not by this option. */
export interface Span {
  readonly ttl: number | undefined;
  readonly sliding: number | undefined;
}

/**
 * What a percentage is a percentage of: the ttl, else (none, or without end) the sliding window. Undefined = there is nothing to
 * take a share of: an instant (`expiresAt`) leaves a time that only the store's clock knows.
 */
export function earlyBase(span: Span): number | undefined {
  return span.ttl === undefined || span.ttl === Infinity ? span.sliding : span.ttl;
}

/**
 * The age in whole milliseconds at which an entry turns early; undefined = never.
 *
 * Ages count from the write, for sliding entries too: touches do not move the point, so an entry that is read all the time is
 * refreshed as regularly as one that is not, and each refresh, being a write, starts both clocks anew.
 *
 * @param span the lifetimes it is written with, jitter not yet applied
 * @param ttl the ttl after jitter; the point is scaled along, so that the time left for the refresh shrinks in proportion
 */
export function earlyAge(point: EarlyPoint, span: Span, ttl: number | undefined): number | undefined {
  const base = earlyBase(span);
  const age = 'age' in point ? point.age : base === undefined ? Infinity : point.share * base;
  const scale = span.ttl === undefined || span.ttl === Infinity || ttl === undefined ? 1 : ttl / span.ttl;
  const scaled = Math.max(1, Math.round(age * scale));
  return scaled < (ttl ?? Infinity) ? scaled : undefined;
}
