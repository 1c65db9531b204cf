import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createKeyBuilder } from '../../src/keys/key-builder.js';
import { compileTemplate } from '../../src/keys/template.js';

const RUNS = Math.ceil(Number(process.env['KEEPSAKE_PROPERTY_RUNS'] ?? 50_000) / 5);

const UNITS = [
  ':',
  '%',
  '{',
  '}',
  '-',
  '(',
  ')',
  '\0',
  '\n',
  '\uD83D',
  '\uDE00',
  '\uD800',
  '\uFFFD',
  '😀',
  '→',
  'é',
  'u',
  'A',
  '3',
  '2',
  '5',
  'a',
  ' ',
  '_',
  '\\',
  "'",
  '__proto__',
  '%3A',
  '%uD800',
  'undefined',
];

const text = fc.oneof(
  fc.array(fc.constantFrom(...UNITS), { maxLength: 6 }).map((parts) => parts.join('')),
  fc.string({ unit: 'binary', maxLength: 8 }),
);

/** Text of a template; what may not stand in one is left out. */
const literal = text.map((value) => value.toWellFormed().replaceAll('\0', ''));
const between = literal.filter((value) => value !== '' && !value.startsWith('%'));

interface Shape {
  readonly head: string;
  readonly between: readonly string[];
  readonly tail: string;
}

const shape: fc.Arbitrary<Shape> = fc.record({
  head: literal,
  between: fc.array(between, { maxLength: 3 }),
  tail: literal,
});

const braced = (value: string): string => value.replaceAll('{', '{{').replaceAll('}', '}}');

function compile({ head, between: texts, tail }: Shape) {
  const placeholders = texts.map((value, index) => `{${index}}${braced(value)}`).join('');
  return compileTemplate(`${braced(head)}${placeholders}{${texts.length}}${braced(tail)}`, undefined, 'key of X.y');
}

/** Takes a key apart with nothing but its template: that this is possible is what injective means. Written apart from what it checks. */
function takeApart(key: string, { head, between: texts, tail }: Shape): string[] {
  if (!key.startsWith(head) || !key.endsWith(tail)) throw new Error('Expected the literals of the template');
  const inner = key.slice(head.length, key.length - tail.length);
  const values: string[] = [];
  let at = 0;
  for (const boundary of [...texts, undefined]) {
    let value = '';
    while (at < inner.length) {
      const point = String.fromCodePoint(inner.codePointAt(at) ?? 0);
      if (boundary?.startsWith(point) === true) break;
      const escaped = /^%(?:u([\dA-F]{4})|([\dA-F]{2}))/.exec(inner.slice(at, at + 6));
      value += escaped === null ? point : String.fromCharCode(Number.parseInt(escaped[1] ?? escaped[2] ?? '', 16));
      at += escaped === null ? point.length : escaped[0].length;
    }
    if (boundary !== undefined && !inner.startsWith(boundary, at))
      throw new Error('Expected the text between two values');
    at += boundary?.length ?? 0;
    values.push(value);
  }
  return values;
}

describe('key templates', () => {
  it(`INVARIANT 22: a key can be taken apart into the texts of its placeholders (${RUNS} templates)`, () => {
    const call = shape.chain((one) =>
      fc.tuple(
        fc.constant(one),
        fc.array(text, { minLength: one.between.length + 1, maxLength: one.between.length + 1 }),
      ),
    );
    fc.assert(
      fc.property(call, ([one, values]) => {
        const key = compile(one).render(undefined, values);
        expect(takeApart(key, one)).toEqual(values);
        expect(key.isWellFormed() && !key.includes('\0')).toBe(true);
      }),
      { numRuns: RUNS },
    );
  }, 120_000);

  it('INVARIANT 22: calls that differ in one character of one value have different keys, from 1 character to 1 MB', () => {
    const call = fc.tuple(
      shape,
      fc.constantFrom(...UNITS),
      fc.constantFrom(...UNITS),
      fc.constantFrom(0, 1, 63, 64, 65, 1000, 1_048_576),
    );
    fc.assert(
      fc.property(call, ([one, a, b, length]) => {
        const template = compile(one);
        const filler = 'x'.repeat(length);
        const others = one.between.map(() => ':');
        const keys = [a, b].map((unit) => template.render(undefined, [`${filler}${unit}`, ...others]));
        expect(keys[0] === keys[1]).toBe(a === b);
      }),
      { numRuns: 300 },
    );
  }, 120_000);

  it('INVARIANT 21: no value makes the key of another use case', () => {
    fc.assert(
      fc.property(fc.tuple(shape, text, fc.array(text, { maxLength: 2 })), ([one, useCase, args]) => {
        fc.pre(useCase !== '');
        const victim = createKeyBuilder({ useCase, fn: undefined }).build(undefined, args);
        // A template whose own text has no opening parenthesis, called with all pieces of the key under attack.
        const harmless: Shape = {
          head: one.head.replaceAll('(', ''),
          between: one.between
            .map((value) => value.replaceAll('(', ''))
            .filter((value) => value !== '' && !value.startsWith('%')),
          tail: one.tail.replaceAll('(', ''),
        };
        const pieces = [victim, useCase, victim.slice(useCase.length), ...args];
        const values = [...harmless.between, ''].map((_, index) => pieces[index % pieces.length] ?? '');
        expect(compile(harmless).render(undefined, values)).not.toBe(victim);
      }),
      { numRuns: Math.ceil(RUNS / 5) },
    );
  }, 120_000);
});
