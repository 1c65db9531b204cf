import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isVisible, nothingRunsIn } from '../../../src/kernel/snapshot.js';

describe('isVisible', () => {
  it.each<[xid: number, snapshot: string, visible: boolean]>([
    [7, '10:20:12,15', true], // ended before the oldest running one
    [10, '10:20:10,15', false], // the oldest running one
    [11, '10:20:10,15', true], // ended between running ones
    [15, '10:20:10,15', false], // running
    [19, '10:20:10,15', true], // the last one that had begun
    [20, '10:20:10,15', false], // had not begun
    [21, '10:20:10,15', false],
    [10, '10:10:', false], // nothing running: xmin = xmax
    [9, '10:10:', true],
    [1, '10:20:12', true], // not taken for a part of 12
    [2, '1:20:12', true],
    [12, '10:200:120,121', true],
    [5_000_000_001, '5000000000:5000000002:5000000000', true], // beyond 32 bits
    [5_000_000_000, '5000000000:5000000002:5000000000', false],
    [9_007_199_254_740_990, '9007199254740989:9007199254740991:9007199254740989', true],
  ])('transaction %d in %s: %s', (xid, snapshot, visible) => {
    expect(isVisible(xid, snapshot)).toBe(visible);
  });

  it('is what PostgreSQL documents: below xmax, and not in progress', () => {
    const xids = fc.uniqueArray(fc.integer({ min: 3, max: 200 }), { maxLength: 20 });
    fc.assert(
      fc.property(xids, fc.integer({ min: 0, max: 50 }), fc.integer({ min: 1, max: 260 }), (running, ahead, xid) => {
        const sorted = running.toSorted((a, b) => a - b);
        const xmax = (sorted.at(-1) ?? 100) + 1 + ahead;
        const snapshot = `${sorted[0] ?? xmax}:${xmax}:${sorted.join(',')}`;
        expect(isVisible(xid, snapshot)).toBe(xid < xmax && !running.includes(xid));
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('nothingRunsIn', () => {
  it.each([
    ['10:10:', true],
    ['10:20:', true], // all between have ended
    ['10:20:10', false],
    ['10:20:12,15', false],
  ])('%s: %s', (snapshot, expected) => expect(nothingRunsIn(snapshot)).toBe(expected));
});
