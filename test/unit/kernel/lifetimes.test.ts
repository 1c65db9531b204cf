import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { freshness } from '../../../src/kernel/freshness.js';
import { jittered, parseJitter } from '../../../src/kernel/jitter.js';
import { type Lifetimes, lifetimesOf } from '../../../src/kernel/lifetimes.js';
import type { Policy } from '../../../src/kernel/policy.js';
import { resolvePolicy } from '../../../src/kernel/resolve-policy.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** The largest number `Math.random` can answer. */
const ALMOST_ONE = 1 - 2 ** -53;

function written(policy: Policy, random: number | 'none' = 'none', isNull = false): Lifetimes {
  return lifetimesOf(resolvePolicy([policy], 'X'), { jitter: random === 'none' ? 'none' : () => random, isNull });
}

describe('jitter', () => {
  it('shortens a loaded entry’s ttl by a tenth at most', () => {
    expect(written({ ttl: 100 * SECOND }, 0).ttl).toBe(100 * SECOND);
    expect(written({ ttl: 100 * SECOND }, 0.5).ttl).toBe(95 * SECOND);
    expect(written({ ttl: 100 * SECOND }, ALMOST_ONE).ttl).toBe(90 * SECOND);
  });

  it('takes 60 s at most by default, and the whole percentage when one is given', () => {
    expect(written({ ttl: '30d' }, ALMOST_ONE).ttl).toBe(30 * 24 * 60 * MINUTE - MINUTE);
    expect(written({ ttl: '30d', jitter: '10%' }, ALMOST_ONE).ttl).toBe(27 * 24 * 60 * MINUTE);
  });

  it('given as a duration takes that much, but half of a shorter ttl at most', () => {
    expect(written({ ttl: '10m', jitter: '30s' }, ALMOST_ONE).ttl).toBe(10 * MINUTE - 30 * SECOND);
    expect(written({ ttl: '10s', jitter: '30s' }, ALMOST_ONE).ttl).toBe(5 * SECOND);
  });

  it.each<[Policy]>([[{ ttl: '10m', jitter: 0 }], [{ ttl: '10m', jitter: '0%' }]])('%j: none', (policy) => {
    expect(written(policy, ALMOST_ONE).ttl).toBe(10 * MINUTE);
  });

  it('leaves values that were given, and ends that are no finite ttl, alone', () => {
    expect(written({ ttl: '10m' }, 'none').ttl).toBe(10 * MINUTE);
    expect(written({ ttl: Infinity }, 0.5)).toMatchObject({ ttl: Infinity });
    expect(written({ sliding: '10m' }, 0.5)).toMatchObject({ ttl: undefined, sliding: 10 * MINUTE });
    expect(written({ expiresAt: 5 }, 0.5)).toMatchObject({ ttl: undefined, expiresAt: 5 });
  });

  it('never lengthens, never takes more than it may, and leaves whole positive milliseconds', () => {
    const random = fc.double({ min: 0, max: ALMOST_ONE, noNaN: true });
    const jitter = fc.oneof(
      fc.integer({ min: 0, max: 50 }).map((n) => `${n}%`),
      fc.integer({ min: 0, max: 1e9 }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e12 }), jitter, random, (ttl, input, number) => {
        const parsed = parseJitter(input, 'X');
        const short = jittered(ttl, parsed, () => number);
        expect(Number.isInteger(short)).toBe(true);
        expect(short).toBeGreaterThanOrEqual(Math.max(1, Math.floor(ttl - Math.min(ttl * parsed.share, parsed.most))));
        expect(short).toBeLessThanOrEqual(ttl);
      }),
    );
  });
});

describe('early refresh', () => {
  it.each<[Policy, number | undefined]>([
    [{ ttl: '10m' }, undefined],
    [{ ttl: '10m', earlyTtl: '7m' }, 7 * MINUTE],
    [{ ttl: '10m', earlyTtl: '80%' }, 8 * MINUTE],
    [{ ttl: '10m', earlyTtl: '62.5%' }, 6.25 * MINUTE],
    [{ ttl: '10m', earlyTtl: Infinity }, undefined],
    [{ ttl: Infinity, earlyTtl: '7m' }, 7 * MINUTE],
    [{ expiresAt: 5, earlyTtl: '7m' }, 7 * MINUTE],
    [{ ttl: 1, earlyTtl: '10%' }, undefined],
  ])('of %j is at the age %s', (policy, age) => {
    expect(written(policy).early).toBe(age);
  });

  it('INVARIANT 19: also happens for sliding entries, by the age since the write', () => {
    expect(written({ sliding: '10m', earlyTtl: '80%' }).early).toBe(8 * MINUTE);
    expect(written({ sliding: '10m', earlyTtl: '1h' }).early).toBe(60 * MINUTE);
    expect(written({ sliding: '10m', expiresAt: 5, earlyTtl: '80%' }).early).toBe(8 * MINUTE);
    expect(written({ sliding: '10m', ttl: Infinity, earlyTtl: '80%' }).early).toBe(8 * MINUTE);
  });

  it('is a percentage of a finite ttl even where the entry slides', () => {
    expect(written({ sliding: '10m', ttl: '1h', earlyTtl: '80%' }).early).toBe(48 * MINUTE);
  });

  it('is scaled along with a jittered ttl, percentages and durations alike', () => {
    expect(written({ ttl: '100s', earlyTtl: '80%' }, 0.5)).toMatchObject({ ttl: 95 * SECOND, early: 76 * SECOND });
    expect(written({ ttl: '100s', earlyTtl: '80s' }, 0.5)).toMatchObject({ ttl: 95 * SECOND, early: 76 * SECOND });
  });

  it('comes before the end of freshness, or not at all', () => {
    const age = fc.oneof(
      fc.integer({ min: 1, max: 99 }).map((n) => `${n}%`),
      fc.integer({ min: 1, max: 1e9 }),
    );
    const random = fc.double({ min: 0, max: ALMOST_ONE, noNaN: true });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e9 }), age, random, (ttl, earlyTtl, number) => {
        // The ttl lies over the early point, as that of a call lies over a method's.
        const policy = resolvePolicy([{ ttl: Infinity }, { ttl: 1e10, earlyTtl }, { ttl }], 'X');
        const { early, ttl: jitteredTtl } = lifetimesOf(policy, { jitter: () => number, isNull: false });
        if (early === undefined) return;
        expect(Number.isInteger(early) && early >= 1).toBe(true);
        expect(freshness({ fresh: jitteredTtl ?? Infinity, early, stale: Infinity }, early)).toBe('early');
      }),
    );
  });

  it('laid under a shorter ttl, an endless one or an instant: none, and no error', () => {
    const laid = (over: Policy): Lifetimes =>
      lifetimesOf(resolvePolicy([{ ttl: '10m', earlyTtl: '7m' }, over], 'X'), { jitter: 'none', isNull: false });
    expect(laid({ ttl: '5m' })).toMatchObject({ ttl: 5 * MINUTE, early: undefined });
    const share = (over: Policy): Lifetimes =>
      lifetimesOf(resolvePolicy([{ ttl: '10m', earlyTtl: '80%' }, over], 'X'), { jitter: 'none', isNull: false });
    expect(share({ ttl: Infinity }).early).toBeUndefined();
    expect(share({ expiresAt: 5 }).early).toBeUndefined();
    expect(share({ ttl: '5m' }).early).toBe(4 * MINUTE);
  });
});

describe('lifetimesOf', () => {
  it('says what the policy says', () => {
    expect(written({ ttl: '1h', sliding: '10m', grace: '24h' })).toEqual({
      ttl: 60 * MINUTE,
      sliding: 10 * MINUTE,
      expiresAt: undefined,
      grace: 24 * 60 * MINUTE,
      early: undefined,
    });
    expect(written({ expiresAt: new Date(1_900_000_000_000) })).toMatchObject({
      ttl: undefined,
      expiresAt: 1_900_000_000_000,
    });
  });

  it('null lives for nullTtl instead of ttl or expiresAt, other values do not', () => {
    const policy: Policy = { ttl: '10m', nullTtl: '30s', jitter: 0 };
    expect(written(policy, 'none', true).ttl).toBe(30 * SECOND);
    expect(written(policy, 'none', false).ttl).toBe(10 * MINUTE);
    expect(written({ expiresAt: 5, nullTtl: '30s' }, 'none', true)).toMatchObject({
      ttl: 30 * SECOND,
      expiresAt: undefined,
    });
    expect(written({ sliding: '1m', nullTtl: '30s' }, 'none', true)).toMatchObject({
      ttl: 30 * SECOND,
      sliding: MINUTE,
    });
    expect(written({ ttl: '10m' }, 'none', true).ttl).toBe(10 * MINUTE);
  });

  it('a null’s ttl is jittered, and early refresh fits it', () => {
    expect(written({ ttl: '10m', nullTtl: '100s', earlyTtl: '80%' }, 0.5, true)).toMatchObject({
      ttl: 95 * SECOND,
      early: 76 * SECOND,
    });
    expect(written({ ttl: '10m', nullTtl: '30s', earlyTtl: '7m' }, 'none', true).early).toBeUndefined();
  });

  it('asks for a random number at most once, and for none without need', () => {
    let asked = 0;
    const random = (): number => {
      asked += 1;
      return 0.5;
    };
    lifetimesOf(resolvePolicy([{ ttl: '10m', earlyTtl: '80%' }], 'X'), { jitter: random, isNull: false });
    expect(asked).toBe(1);
    lifetimesOf(resolvePolicy([{ ttl: Infinity }], 'X'), { jitter: random, isNull: false });
    expect(asked).toBe(1);
  });
});
