/**
 * Jitter: the random shortening of a ttl, so that entries written together do not end together and send every caller to
 * the origin at one moment. It only shortens: a value is never served longer than its author allowed.
 */
import { durationForm, parseDuration } from './duration.js';
import { refuse } from './expectation.js';
import { isPercentage, parsePercentage } from './percentage.js';
import type { Jitter } from './policy.js';

/** The largest share of a ttl that jitter may take: with more, some entries would hardly live at all. */
const MAX_JITTER_SHARE = 0.5;

/**
 * Jitter from what a user writes: `'10%'` of the ttl, however long that is, or a duration (which takes half of a shorter ttl at most); 0 = none.
 *
 * @throws ConfigurationError `INVALID_POLICY`
 */
export function parseJitter(input: unknown, subject: string): Jitter {
  const share = parsePercentage(input);
  if (share !== undefined && share <= MAX_JITTER_SHARE) return { share, most: Infinity };
  if (isPercentage(input))
    throw refuse({ option: 'jitter', expected: "a percentage from '0%' to '50%'", got: input, subject });
  const most = parseDuration(input, 'jitter', {
    zero: 'allowed',
    subject,
    expected: `${durationForm({ zero: 'allowed' })}, or a percentage such as '10%'`,
  });
  return { share: MAX_JITTER_SHARE, most };
}

/**
 * A finite ttl, shortened: by a random part of the smaller of `share` of it and `most` milliseconds. Whole milliseconds, at least 1.
 *
 * @param random `Math.random`, or another source of numbers in [0, 1)
 * @example jittered(100_000, { share: 0.1, most: 60_000 }, () => 0.5) // 95000
 */
export function jittered(ttl: number, jitter: Jitter, random: () => number): number {
  return Math.max(1, Math.round(ttl - random() * Math.min(ttl * jitter.share, jitter.most)));
}
