/** LIKE patterns, and where the ids of a namespace's keys are. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { above, compareBytes, escapeLike, likeMatcher, literalHead } from '../../../src/kernel/like.js';
import { entryId, idRanges, unqualified } from '../../../src/kernel/names.js';

/** Texts in which everything that is special somewhere is frequent. */
const text = fc.string({
  unit: fc.constantFrom(
    'a',
    'b',
    '[',
    ']',
    '%',
    '_',
    '\\',
    '.',
    '*',
    '~',
    '\ud7ff',
    '\ue000',
    '\uffff',
    '🐘',
    '\u{10ffff}',
  ),
  maxLength: 6,
});
const given = { option: 'like', got: '', subject: '' };

describe('patterns', () => {
  it('an escaped text matches itself and nothing else', () => {
    fc.assert(
      fc.property(text, text, (one, other) => {
        expect(likeMatcher(escapeLike(one))(one)).toBe(true);
        expect(likeMatcher(escapeLike(one))(other)).toBe(one === other);
      }),
    );
  });

  it('every match of a pattern begins with its literal head', () => {
    fc.assert(
      fc.property(text, text, (head, tail) => {
        const pattern = `${escapeLike(head)}%`;
        expect(literalHead(pattern)).toBe(head);
        expect(likeMatcher(pattern)(head + tail)).toBe(true);
      }),
    );
  });

  it('texts are compared by the bytes of their UTF-8', () => {
    fc.assert(
      fc.property(text, text, (one, other) => {
        expect(Math.sign(compareBytes(one, other))).toBe(Buffer.compare(Buffer.from(one), Buffer.from(other)));
      }),
    );
  });

  it('what begins with a text is below what is above it, and what is greater is not', () => {
    fc.assert(
      fc.property(text, text, (head, other) => {
        expect(compareBytes(other, above(head)) < 0).toBe(other.startsWith(head) || compareBytes(other, head) < 0);
      }),
    );
  });
});

describe('INVARIANT 22: ranges of ids', () => {
  it('have exactly the keys of the namespace that match, in the order of the keys', () => {
    const namespace = fc.constantFrom('', 'a', 'user_1', 'userX1', '%');
    fc.assert(
      fc.property(
        namespace,
        text,
        fc.constantFrom('', '%', '_', '%a', '_%'),
        fc.array(
          fc.tuple(
            namespace,
            text.filter((key) => key !== ''),
          ),
          { maxLength: 30 },
        ),
        (own, head, tail, keys) => {
          const like = `${escapeLike(head)}${tail}`;
          if (like === '') return;
          const ids = keys.map(([where, key]) => entryId(where, key)).sort(compareBytes);
          const listed = idRanges(own, like, given).flatMap((range) =>
            ids
              .filter((id) => compareBytes(id, range.from) >= 0 && compareBytes(id, range.below) < 0)
              .filter(likeMatcher(range.like))
              .map((id) => unqualified(own, id)),
          );
          const matches = likeMatcher(like);
          const expected = keys.filter(([where, key]) => where === own && matches(key)).map(([, key]) => key);
          expect(listed).toEqual(expected.sort(compareBytes));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('a beginning that no id can have is refused', () => {
    expect(() => idRanges('', `${'x'.repeat(958)}%`, given)).toThrow('at most 957 bytes');
    expect(() => idRanges('', `${'x'.repeat(957)}%`, given)).not.toThrow();
  });
});
