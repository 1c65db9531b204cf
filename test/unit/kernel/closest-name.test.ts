import { describe, expect, it } from 'vitest';
import { closestName } from '../../../src/kernel/closest-name.js';

const NAMES = ['ttl', 'sliding', 'grace', 'tags', 'softTimeout', 'hardTimeout', 'key'];

describe('closestName', () => {
  it.each([
    ['slidng', 'sliding'], // dropped
    ['graces', 'grace'], // added
    ['tll', 'ttl'], // replaced
    ['kye', 'key'], // swapped
    ['GRACE', 'grace'],
    ['hrdTimeout', 'hardTimeout'],
    ['softTimout', 'softTimeout'],
  ])('%s means %s', (mistyped, meant) => {
    expect(closestName(mistyped, NAMES)).toBe(meant);
  });

  it.each([['refreshEvery'], ['x'.repeat(100_000)], [''], ['abc']])('%.20s means nothing known', (mistyped) => {
    expect(closestName(mistyped, NAMES)).toBeUndefined();
  });

  it('takes the closest of several that are close', () => {
    expect(closestName('ab', ['abc', 'ab'])).toBe('ab');
    expect(closestName('ttls', ['tags', 'ttl'])).toBe('ttl');
  });

  it('knows no names, means none', () => {
    expect(closestName('ttl', [])).toBeUndefined();
  });
});
