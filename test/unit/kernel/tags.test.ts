import { describe, expect, it } from 'vitest';
import { ConfigurationError } from '../../../src/errors.js';
import { checkTags, checkText, MAX_TAGS } from '../../../src/kernel/tags.js';

const numbered = (count: number): string[] => Array.from({ length: count }, (_, i) => `tag-${i}`);

describe('checkTags', () => {
  it('keeps each tag once, in the order given', () => {
    expect(checkTags(['b', 'a', 'b'], 'X')).toEqual(['b', 'a']);
    expect(checkTags([], 'X')).toEqual([]);
  });

  it('does not hand out, or change, what it was given', () => {
    const given = Object.freeze(['a', 'a']);
    expect(checkTags(given, 'X')).toEqual(['a']);
    expect(Object.isFrozen(checkTags(['a'], 'X'))).toBe(true);
  });

  it('takes any text PostgreSQL can store', () => {
    const odd = ['user:1', '%_\\\'"', '{}', '__proto__', ' ', '\n', '😀', 'x'.repeat(1_000_000)];
    expect(checkTags(odd, 'X')).toEqual(odd);
  });

  it(`takes ${MAX_TAGS} different tags, and as many as allowed for an invalidation`, () => {
    expect(checkTags([...numbered(MAX_TAGS), 'tag-0'], 'X')).toHaveLength(MAX_TAGS);
    expect(() => checkTags(numbered(MAX_TAGS + 1), 'X')).toThrow(
      'Expected `tags` to be at most 64 different tags, got `[65]` (array), in X',
    );
    expect(checkTags(numbered(10_000), 'X', Infinity)).toHaveLength(10_000);
  });

  it.each([[''], ['a\0'], ['\udc00'], [5], [null], [undefined], [['a']]])(
    'refuses %j as a tag, by its place',
    (bad) => {
      expect(() => checkTags(['fine', bad], 'X')).toThrow('Expected `tags[1]` to be a non-empty text');
    },
  );

  it('refuses holes, and what is no array', () => {
    // biome-ignore lint/suspicious/noSparseArray: the hole is the point
    expect(() => checkTags(['a', , 'b'], 'X')).toThrow('`tags[1]`');
    for (const bad of ['a', new Set(['a']), { 0: 'a', length: 1 }, null])
      expect(() => checkTags(bad, 'X')).toThrow(ConfigurationError);
  });
});

describe('checkText', () => {
  it('gives back the text, or names the option', () => {
    expect(checkText('x', 'useCase', 'X')).toBe('x');
    expect(() => checkText('', 'useCase', 'X')).toThrow('Expected `useCase` to be a non-empty text');
  });
});
