import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cohort, parseRamp, tiersOn } from '../../src/kernel/ramp.js';

const key = fc.string({ unit: 'binary', maxLength: 40 });
const percentage = fc.double({ min: 0, max: 100, noNaN: true });

describe('ramps', () => {
  it('INVARIANT 34: raising adds keys and never reshuffles; 0 has none, 100 all', () => {
    fc.assert(
      fc.property(key, percentage, percentage, (text, a, b) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b)];
        const at = (share: number): boolean => tiersOn({ local: share, shared: 0 }, text) === 'local';
        if (at(low)) expect(at(high)).toBe(true);
        expect([at(0), at(100)]).toEqual([false, true]);
      }),
      { numRuns: 5_000 },
    );
  });

  it('both tiers go by the same order of keys: the smaller share lies in the larger', () => {
    fc.assert(
      fc.property(key, percentage, percentage, (text, local, shared) => {
        const on = tiersOn({ local, shared }, text);
        const place = cohort(text);
        expect(on === 'both' || on === 'local').toBe(place < local);
        expect(on === 'both' || on === 'shared').toBe(place < shared);
      }),
    );
  });

  it('a share is about that share of the keys, also of keys that differ in their last digits only', () => {
    for (const share of [1, 10, 50, 90]) {
      const keys = Array.from({ length: 20_000 }, (_, n) => `product:${n}`);
      const on = keys.filter((text) => tiersOn({ local: share, shared: share }, text) === 'both').length;
      expect(Math.abs(on / 200 - share)).toBeLessThan(1.5);
    }
  });

  it('the place of a key never changes between versions', () => {
    expect(['', 'product:42', 'ключ'].map((text) => cohort(text).toFixed(6))).toMatchInlineSnapshot(`
      [
        "66.892219",
        "96.312266",
        "74.164375",
      ]
    `);
  });

  it('what is no ramp is refused', () => {
    expect(parseRamp({ shared: 5 }, 'X')).toEqual({ shared: 5 });
    for (const wrong of [50, null, [], { local: -1 }, { shared: 101 }, { local: '50%' }, { lokal: 1 }, { local: NaN }])
      expect(() => parseRamp(wrong, 'X')).toThrow(/Expected `ramp/);
  });
});
