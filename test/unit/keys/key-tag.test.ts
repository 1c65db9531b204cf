import { describe, expect, it } from 'vitest';
import { createKeyBuilder } from '../../../src/keys/key-builder.js';
import { keyTag } from '../../../src/keys/key-tag.js';

describe('Cache.key', () => {
  it.each([
    ['product:{0}', (a: unknown) => keyTag`product:${a}`],
    ['{0}-{0}', (a: unknown) => keyTag`${a}-${a}`],
    ['a:{0}:b:{0}/x', (a: unknown) => keyTag`a:${a}:b:${a}/x`],
  ])('escapes as the template %s does', (template, tagged) => {
    const builder = createKeyBuilder({ key: template, useCase: 'test', fn: undefined });
    for (const value of [
      42,
      'a:b',
      'a-b',
      '50%',
      'x/y',
      '',
      1n,
      true,
      new Date(0),
      'é(',
      '\ud800',
      { toCacheKey: () => 'k:1' },
    ]) {
      expect(tagged(value)).toBe(builder.build(undefined, [value]));
    }
  });

  it('INVARIANT 21: no value forges a boundary', () => {
    expect(keyTag`${'a:b'}:${'c'}`).not.toBe(keyTag`${'a'}:${'b:c'}`);
    expect(keyTag`${'a-b'}-${'c'}`).not.toBe(keyTag`${'a'}-${'b-c'}`);
  });

  it.each<[string, () => string, string]>([
    ['undefined', () => keyTag`product:${undefined}`, 'MISSING_KEY_VALUE'],
    ['null', () => keyTag`product:${null}`, 'MISSING_KEY_VALUE'],
    ['an object', () => keyTag`product:${{}}`, 'UNSUPPORTED_ARGUMENT'],
    ['values without text between them', () => keyTag`${1}${2}`, 'INVALID_KEY'],
    ['values with text between them that they may contain', () => keyTag`${1}%${2}`, 'INVALID_KEY'],
    ['nothing', () => keyTag``, 'INVALID_KEY'],
    ['NUL', () => keyTag`a\0`, 'INVALID_KEY'],
  ])('refuses %s', (_what, make, code) => {
    expect(make).toThrow(expect.objectContaining({ code }));
  });
});
