import fc from 'fast-check';
import ms from 'ms';
import { describe, expect, it } from 'vitest';
import { ConfigurationError } from '../../../src/errors.js';
import { MAX_DURATION, parseDuration } from '../../../src/kernel/duration.js';

const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000, y: 31_557_600_000 } as const;

function refusal(input: unknown, limits: Parameters<typeof parseDuration>[2] = {}): string {
  try {
    parseDuration(input, 'ttl', limits);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError);
    expect((error as ConfigurationError).code).toBe(limits.code ?? 'INVALID_POLICY');
    return (error as ConfigurationError).message;
  }
  throw new Error(`accepted ${String(input)}`);
}

describe('parseDuration', () => {
  it.each([
    [5000, 5000],
    ['5000', 5000],
    ['90s', 90_000],
    ['1.5h', 5_400_000],
    ['.5s', 500],
    ['2 days', 172_800_000],
    ['1h30m', 5_400_000],
    ['1h 30m', 5_400_000],
    ['1d 12h', 129_600_000],
    ['1 day 2 hours 3 mins', 93_780_000],
    ['1H30Min', 5_400_000],
    ['30m1h', 5_400_000],
    ['1M', 60_000],
  ])('%j is %d ms', (input, expected) => {
    expect(parseDuration(input, 'ttl')).toBe(expected);
  });

  it('rounds to whole milliseconds, and never to 0', () => {
    expect(parseDuration(1.6, 'ttl')).toBe(2);
    expect(parseDuration('0.1h', 'ttl')).toBe(360_000);
    expect(parseDuration(0.001, 'ttl')).toBe(1);
    expect(parseDuration('0.2ms', 'ttl')).toBe(1);
  });

  it('takes 0 only where it is allowed', () => {
    expect(refusal(0)).toContain('Expected `ttl` to be a positive duration');
    for (const zero of [0, -0, '0', '0s', '0h0m']) {
      expect(Object.is(parseDuration(zero, 'grace', { zero: 'allowed' }), 0)).toBe(true);
      expect(refusal(zero)).toContain('a positive duration');
    }
    expect(refusal(-1, { zero: 'allowed' })).toContain('0 or a positive duration');
  });

  it('takes Infinity, as a number or as text, only where it is allowed', () => {
    expect(parseDuration(Infinity, 'ttl', { never: 'allowed' })).toBe(Infinity);
    expect(parseDuration('Infinity', 'ttl', { never: 'allowed' })).toBe(Infinity);
    expect(refusal(Infinity)).toBe(
      "Expected `ttl` to be a finite duration of at most '10000y', got `Infinity` (number)",
    );
    expect(refusal(-Infinity, { never: 'allowed' })).toContain('a positive duration');
  });

  it('takes ten thousand years and no more, so that every store can hold the end', () => {
    expect(parseDuration('10000y', 'ttl')).toBe(MAX_DURATION);
    expect(refusal(MAX_DURATION + 1)).toContain("a finite duration of at most '10000y'");
    expect(refusal(Number.MAX_VALUE, { never: 'allowed' })).toContain("at most '10000y', or Infinity");
  });

  it.each([
    [-5, '`-5` (number)'],
    [Number.NaN, '`NaN` (number)'],
    ['', "`''` (string)"],
    [' ', "`' '` (string)"],
    ['-5s', "`'-5s'` (string)"],
    ['1h-30m', "`'1h-30m'` (string)"],
    ['5 parsecs', "`'5 parsecs'` (string)"],
    ['1mo', "`'1mo'` (string)"],
    ['s', "`'s'` (string)"],
    ['1h30', "`'1h30'` (string)"],
    ['30 1h', "`'30 1h'` (string)"],
    ['1h, 30m', "`'1h, 30m'` (string)"],
    ['1h30x', "`'1h30x'` (string)"],
    ['1e3', "`'1e3'` (string)"],
    ['10%', "`'10%'` (string)"],
    ['infinity', "`'infinity'` (string)"],
    ['٣s', "`'٣s'` (string)"],
    [5n, '`5n` (bigint)'],
    [null, '`null` (null)'],
    [undefined, '`undefined` (undefined)'],
    [true, '`true` (boolean)'],
    [[5], '`[1]` (array)'],
    [{ hours: 1 }, '`{…}` (object)'],
    [new Date(0), '`1970-01-01T00:00:00.000Z` (Date)'],
  ])('refuses %o and shows it', (input, shown) => {
    expect(refusal(input)).toBe(
      `Expected \`ttl\` to be a positive duration such as 5000, '90s' or '1h30m', got ${shown}`,
    );
  });

  it('names the owner, and carries the code its caller asks for', () => {
    expect(refusal(-5, { subject: 'UserService.user', code: 'INVALID_OPTION' })).toMatch(
      /got `-5` \(number\), in UserService\.user$/,
    );
  });

  it('answers for a long hostile text at once', () => {
    const started = performance.now();
    refusal(`${'1h'.repeat(50_000)}!`);
    refusal(`${'1'.repeat(99)}!`);
    expect(performance.now() - started).toBeLessThan(1_000);
  });

  it('reads back what ms writes', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 999 }),
        fc.constantFrom<keyof typeof UNITS>('ms', 's', 'm', 'h', 'd'),
        (count, unit) => {
          const text = ms(count * UNITS[unit], { long: true });
          expect(parseDuration(text, 'ttl')).toBe(ms(text as ms.StringValue));
        },
      ),
    );
  });

  it('adds the parts of a combination, in any order and with any blanks', () => {
    const part = fc.record({
      count: fc.integer({ min: 1, max: 500 }),
      unit: fc.constantFrom<keyof typeof UNITS>('ms', 's', 'm', 'h', 'd', 'w', 'y'),
      gap: fc.constantFrom('', ' '),
    });
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 8 }), (parts) => {
        const text = parts.map(({ count, unit, gap }) => `${count}${gap}${unit}`).join(parts[0]?.gap ?? '');
        const sum = parts.reduce((total, { count, unit }) => total + count * UNITS[unit], 0);
        expect(parseDuration(text, 'ttl')).toBe(sum);
      }),
    );
  });

  it('is the identity on whole milliseconds', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: MAX_DURATION }), (whole) => parseDuration(whole, 'ttl') === whole));
  });

  it('answers a positive whole number or refuses, whatever it is given', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.anything(), fc.string({ unit: fc.constantFrom('1', '0', '.', '-', ' ', 'h', 'm', 's', '%') })),
        (input) => {
          try {
            const answer = parseDuration(input, 'ttl');
            expect(Number.isInteger(answer) && answer > 0 && answer <= MAX_DURATION).toBe(true);
          } catch (error) {
            expect(error).toBeInstanceOf(ConfigurationError);
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
