import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { freshness, type State } from '../../../src/kernel/freshness.js';

describe('freshness', () => {
  const remaining = { fresh: 100, early: 70, stale: 500 };

  it.each<[number, State]>([
    [0, 'fresh'],
    [69, 'fresh'],
    [70, 'early'],
    [99, 'early'],
    [100, 'stale'],
    [499, 'stale'],
    [500, 'dead'],
    [Infinity, 'dead'],
  ])('after %d ms: %s', (elapsed, state) => {
    expect(freshness(remaining, elapsed)).toBe(state);
  });

  it('counts from now when nothing is said', () => {
    expect(freshness({ fresh: 1, early: Infinity, stale: 1 })).toBe('fresh');
    expect(freshness({ fresh: 0, early: 0, stale: 0 })).toBe('dead');
    expect(freshness({ fresh: -5, early: -9, stale: 1 })).toBe('stale');
  });

  it('never ends where the remaining time is Infinity', () => {
    const forever = { fresh: Infinity, early: Infinity, stale: Infinity };
    expect(freshness(forever, Number.MAX_VALUE)).toBe('fresh');
    expect(freshness({ ...forever, early: 5 }, 10)).toBe('early');
    expect(freshness({ fresh: 1, early: Infinity, stale: Infinity }, Number.MAX_VALUE)).toBe('stale');
  });

  it('is dead without grace as soon as it is no longer fresh', () => {
    expect(freshness({ fresh: 100, early: 70, stale: 100 }, 100)).toBe('dead');
  });

  it('only ever gets older', () => {
    const order: readonly State[] = ['fresh', 'early', 'stale', 'dead'];
    const time = fc.integer({ min: -100, max: 1_000 });
    fc.assert(
      fc.property(time, time, fc.nat(1_000), fc.nat(1_000), fc.nat(1_000), (fresh, early, grace, elapsed, later) => {
        const times = { fresh, early, stale: fresh + grace };
        expect(order.indexOf(freshness(times, elapsed + later))).toBeGreaterThanOrEqual(
          order.indexOf(freshness(times, elapsed)),
        );
      }),
    );
  });
});
