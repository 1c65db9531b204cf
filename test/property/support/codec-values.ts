/** Values to encode: of every type that comes back, and of plain JSON alone. */
import fc from 'fast-check';

const trickyKey = fc.constantFrom(
  '__proto__',
  'constructor',
  'prototype',
  '',
  '.',
  'a.b',
  '\\',
  '\\.',
  '0',
  '1',
  'json',
  'meta',
  'toJSON',
  'then',
);
export const key = fc.oneof({ weight: 2, arbitrary: fc.string({ maxLength: 4 }) }, { weight: 1, arbitrary: trickyKey });
/** Any UTF-16 code units: halves of pairs, NUL and controls among them. */
const text = fc.array(fc.nat(0xffff), { maxLength: 6 }).map((units) => String.fromCharCode(...units));
const plainLeaf = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).filter((number) => !Object.is(number, -0)),
  text,
  trickyKey,
);
const leaf = fc.oneof(
  { weight: 3, arbitrary: plainLeaf },
  {
    weight: 1,
    arbitrary: fc.constantFrom(undefined, Number.NaN, -0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
  },
  { weight: 1, arbitrary: fc.bigInt() },
  { weight: 1, arbitrary: fc.date({ noInvalidDate: true }) },
  { weight: 1, arbitrary: fc.constantFrom(/a/, /[/]\/\n/gimsuy, new URL('http://a.b/ä?c#d')) },
  {
    weight: 1,
    arbitrary: fc.oneof(
      fc.uint8Array({ maxLength: 5 }).map((bytes) => Buffer.from(bytes)),
      fc.uint8Array({ maxLength: 5 }),
      fc.int16Array({ maxLength: 3 }),
      fc.float32Array({ maxLength: 3 }),
      fc.float64Array({ maxLength: 3 }),
      fc.bigInt64Array({ maxLength: 3 }),
      fc.uint8Array({ maxLength: 5 }).map((bytes) => new Uint8Array(bytes).buffer),
    ),
  },
);

function record(value: fc.Arbitrary<unknown>): fc.Arbitrary<object> {
  return fc.array(fc.tuple(key, value), { maxLength: 4 }).map((entries) => Object.fromEntries(entries));
}

export const plainValue: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    plainLeaf,
    fc.array(tie('value'), { maxLength: 4 }),
    record(tie('value')),
  ),
})).value;

export const anyValue: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.sparseArray(tie('value'), { maxNumElements: 3, maxLength: 6 }),
    record(tie('value')),
    fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 3 }).map((entries) => new Map(entries)),
    fc.array(tie('value'), { maxLength: 3 }).map((members) => new Set(members)),
  ),
})).value;
