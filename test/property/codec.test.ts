import { deepStrictEqual } from 'node:assert';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createCompressingCodec } from '../../src/codec/compressing-codec.js';
import { createMessagePackCodec } from '../../src/codec/message-pack/codec.js';
import { createSuperjsonCodec } from '../../src/codec/superjson-codec.js';
import type { Codec } from '../../src/kernel/codec.js';
import { isolate, take } from '../../src/kernel/isolation.js';
import { anyValue, plainValue } from './support/codec-values.js';

const numRuns = Number(process.env['KEEPSAKE_PROPERTY_RUNS'] ?? 1000);
/** Room for slow machines: a run takes about 2 ms. */
const timeout = 10_000 + 20 * numRuns;
const codec = createSuperjsonCodec();
const compressed = createCompressingCodec(createMessagePackCodec(), { above: 0 });

/** Compression is the same for every codec below it. */
const CODECS: readonly (readonly [string, Codec, number])[] = [
  ['superjson', codec, numRuns],
  ['msgpack', createMessagePackCodec(), numRuns],
  ['msgpack, compressed', compressed, Math.ceil(numRuns / 4)],
];

function roundTrip(value: unknown, through: Codec = codec): unknown {
  const { encoding, body } = through.encode(value);
  return through.decode({ encoding, body: Buffer.from(body) });
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
  it.each(CODECS)('%s: whatever it is made of, and encoding changes nothing of it', (_, through, runs) => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const before = inspect(value, { depth: 50 });
        deepFreeze(value);
        expectEqual(roundTrip(value, through), value);
        expect(inspect(value, { depth: 50 })).toBe(before);
      }),
      { numRuns: runs },
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

  it.each(CODECS)('%s: what was decoded encodes to the same bytes again', (_, through, runs) => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const encoded = through.encode(value);
        expect(through.encode(through.decode(encoded))).toEqual(encoded);
      }),
      { numRuns: runs },
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
