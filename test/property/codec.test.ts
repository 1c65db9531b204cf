import { deepStrictEqual } from 'node:assert';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSuperjsonCodec } from '../../src/codec/superjson-codec.js';
import { CodecError } from '../../src/errors.js';
import { isolate, take } from '../../src/kernel/isolation.js';

const numRuns = Number(process.env['KEEPSAKE_PROPERTY_RUNS'] ?? 1000);
/** Room for slow machines: a run takes about 2 ms. */
const timeout = 10_000 + 20 * numRuns;
const codec = createSuperjsonCodec();

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
const key = fc.oneof({ weight: 2, arbitrary: fc.string({ maxLength: 4 }) }, { weight: 1, arbitrary: trickyKey });
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

const plainValue: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    plainLeaf,
    fc.array(tie('value'), { maxLength: 4 }),
    record(tie('value')),
  ),
})).value;

const anyValue: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
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

function roundTrip(value: unknown): unknown {
  const { encoding, body } = codec.encode(value);
  return codec.decode({ encoding, body: Buffer.from(body) });
}

/** Types and content, then everything that can be seen, the order of Maps and Sets too. */
function expectEqual(actual: unknown, expected: unknown): void {
  deepStrictEqual(actual, expected);
  const everything = { depth: 50, maxArrayLength: null, maxStringLength: null };
  expect(inspect(actual, everything)).toBe(inspect(expected, everything));
}

function deepFreeze(value: unknown): void {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return;
  Object.freeze(value);
  const parts: Iterable<unknown> =
    value instanceof Map ? [...value].flat() : value instanceof Set ? value : Object.values(value);
  for (const part of parts) deepFreeze(part);
}

describe('INVARIANT 23: a value is the same from a miss and from a hit', { timeout }, () => {
  it('whatever it is made of, and encoding changes nothing of it', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const before = inspect(value, { depth: 50 });
        deepFreeze(value);
        expectEqual(roundTrip(value), value);
        expect(inspect(value, { depth: 50 })).toBe(before);
      }),
      { numRuns },
    );
  });

  it('plain JSON means the same alone, on the fast path, as beside something that needs the other', () => {
    fc.assert(
      fc.property(plainValue, (value) => {
        expect(codec.encode(value).encoding).toBe('json');
        const fast = roundTrip(value);
        const slow = roundTrip({ value, big: 1n });
        expectEqual(fast, value);
        expectEqual(slow, { value: fast, big: 1n });
      }),
      { numRuns },
    );
  });

  it('what was decoded encodes to the same text again', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const encoded = codec.encode(value);
        expect(codec.encode(codec.decode(encoded))).toEqual(encoded);
      }),
      { numRuns },
    );
  });
});

describe('INVARIANT 24: isolation keeps the value', { timeout }, () => {
  it('frozen or cloned, and a clone shares nothing that can be changed', () => {
    fc.assert(
      fc.property(anyValue, fc.constantFrom('frozen' as const, 'cloned' as const), (value, isolation) => {
        const isolated = isolate(roundTrip(value), isolation);
        const [first, second] = [take(isolated), take(isolated)];
        expectEqual(first, value);
        expectEqual(second, value);
        if (typeof value !== 'object' || value === null) return;
        expect(first === second).toBe(isolation === 'frozen' && Object.isFrozen(first));
      }),
      { numRuns },
    );
  });
});

describe('INVARIANT 25: no body breaks the codec', { timeout }, () => {
  it('damaged in any place, it gives a value or a CodecError, and never touches a prototype', () => {
    const prototype = inspect(Object.getOwnPropertyDescriptors(Object.prototype));
    fc.assert(
      fc.property(anyValue, fc.nat(), fc.nat(255), (value, where, byte) => {
        const { encoding, body } = codec.encode(value);
        const bytes = Buffer.from(body);
        bytes[where % bytes.length] = byte;
        expectValueOrCodecError(encoding, bytes);
      }),
      { numRuns },
    );
    expect(inspect(Object.getOwnPropertyDescriptors(Object.prototype))).toBe(prototype);
  });

  it('nor does any JSON that claims to be SuperJSON', () => {
    const prototype = inspect(Object.getOwnPropertyDescriptors(Object.prototype));
    const type = fc.oneof(
      fc.constantFrom('map', 'set', 'Date', 'regexp', 'Error', 'undefined'),
      fc.constant(['custom', 'keepsake']),
    );
    const path = fc.array(key, { minLength: 1, maxLength: 3 }).map((keys) => keys.join('.'));
    const annotations = fc.oneof(
      fc.jsonValue(),
      type.map((one) => [one]),
      fc
        .array(
          fc.tuple(
            path,
            type.map((one) => [one]),
          ),
        )
        .map((entries) => Object.fromEntries(entries)),
    );
    fc.assert(
      fc.property(plainValue, annotations, (json, values) => {
        expectValueOrCodecError('superjson', Buffer.from(JSON.stringify({ json, meta: { values, v: 1 } })));
      }),
      { numRuns },
    );
    expect(inspect(Object.getOwnPropertyDescriptors(Object.prototype))).toBe(prototype);
  });
});

function expectValueOrCodecError(encoding: string | null, body: Buffer): void {
  try {
    codec.decode({ encoding, body });
  } catch (error) {
    expect(error).toBeInstanceOf(CodecError);
    expect(error).toHaveProperty('code', 'UNDECODABLE_VALUE');
  }
}
