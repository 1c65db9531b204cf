import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COUNTER_BOUNDS } from '../../../src/kernel/counter.js';
import type { Increment, IncrementResult } from '../../../src/ports/counters.js';
import { additionOf, countedOf, isOfOneBigint, refusedOf } from '../../../src/postgres/addition.js';

/** What each gets when one is carried out after the other. */
function oneByOne(from: bigint, increments: readonly Increment[]): { results: IncrementResult[]; after: bigint } {
  let number = from;
  const results = increments.map(({ by, least, most }): IncrementResult => {
    if (number + by < least || number + by > most) return { status: 'refused', reason: 'overflow' };
    number += by;
    return { status: 'counted', value: number, xid: 7 };
  });
  return { results, after: number };
}

/** The same by additions, over a number that is what it is: what queries do. */
function together(
  from: bigint,
  increments: readonly Increment[],
): { results: readonly IncrementResult[]; after: bigint } {
  for (const addition of [additionOf('n', increments), additionOf('n', increments, from)]) {
    if (from < addition.least || from > addition.most) continue;
    const after = from + addition.sum;
    const isAnything = addition.sums.some((one) => one !== undefined);
    return { results: isAnything ? countedOf(addition, after, 7) : refusedOf(addition, 'overflow'), after };
  }
  throw new Error('With the number at hand an addition stays within its bounds');
}

const { least, most } = COUNTER_BOUNDS;
const edge = fc.bigInt({ min: -3n, max: 3n });
const number = fc.oneof(
  edge,
  edge.map((n) => (n > 0n ? most - n + 1n : least - n)),
  fc.bigInt({ min: least, max: most }),
);
const bounds = fc.constantFrom(
  COUNTER_BOUNDS,
  { least: -5n, most: 5n },
  { least: -(2n ** 53n) + 1n, most: 2n ** 53n - 1n },
);
const increment = fc
  .record({ by: number, ttl: fc.constant(undefined), within: bounds })
  .map(({ within, ...one }) => ({ ...one, ...within }));

describe('additions', () => {
  it('calls that travel together get what they would have got one by one, those between two overflows too', () => {
    fc.assert(
      fc.property(number, fc.array(increment, { minLength: 1, maxLength: 8 }), (from, increments) => {
        expect(together(from, increments)).toEqual(oneByOne(from, increments));
      }),
      { numRuns: 5_000 },
    );
  });

  it('one that no bigint holds is known', () => {
    const add = (...by: bigint[]) =>
      additionOf(
        'n',
        by.map((one) => ({ by: one, ttl: undefined, ...COUNTER_BOUNDS })),
      );
    expect(isOfOneBigint(add(1n, -1n))).toBe(true);
    expect(isOfOneBigint(add(most))).toBe(true);
    expect(isOfOneBigint(add(most, 1n))).toBe(false);
    expect(isOfOneBigint(add(least, -1n))).toBe(false);
    // Its sum fits, but not where the number must be for the first.
    expect(isOfOneBigint(add(most, most, most, -most, -most))).toBe(false);
  });

  it('a counter that begins lives as long as the first that is carried out says', () => {
    const calls = [1n, 2n].map((by, i) => ({ by, ttl: i + 1, least: 0n, most: i === 0 ? 0n : 9n }));
    expect(additionOf('n', calls, 0n).ttl).toBe(2);
    expect(additionOf('n', calls).ttl).toBe(1);
  });
});
