import { inspect } from 'node:util';
import { deflateSync } from 'node:zlib';
import { Encoder, ExtData } from '@msgpack/msgpack';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { createCompressingCodec } from '../../src/codec/compressing-codec.js';
import { createMessagePackCodec } from '../../src/codec/message-pack/codec.js';
import { createSuperjsonCodec } from '../../src/codec/superjson-codec.js';
import { CodecError } from '../../src/errors.js';
import type { Codec } from '../../src/kernel/codec.js';
import { deepClone } from '../../src/kernel/deep-clone.js';
import { isolate, take } from '../../src/kernel/isolation.js';
import { anyValue, key, plainValue } from './support/codec-values.js';

const numRuns = Number(process.env['KEEPSAKE_PROPERTY_RUNS'] ?? 1000);
/** Room for slow machines: a run takes about 2 ms. */
const timeout = 10_000 + 20 * numRuns;

class Point {
  x = 1;
}
class Money {
  readonly cents: number;

  constructor(cents: number) {
    this.cents = cents;
  }
}

const classes = {
  'Point@1': Point,
  'Money@1': {
    class: Money,
    toData: (money: Money) => money.cents,
    fromData: (cents: number) => new Money(cents),
  },
};
const superjson = createCompressingCodec(createSuperjsonCodec({ classes }));
const msgpack = createCompressingCodec(createMessagePackCodec({ classes }));
const CODECS: readonly (readonly [string, Codec])[] = [
  ['superjson', superjson],
  ['msgpack', msgpack],
  ['superjson+zlib', createCompressingCodec(superjson, { above: 0 })],
  ['msgpack+zlib', createCompressingCodec(msgpack, { above: 0 })],
];

const prototypes = (): string =>
  [Object, Array, Map, Point, Money]
    .map(({ prototype }) => inspect(Object.getOwnPropertyDescriptors(prototype)))
    .join();
const untouched = prototypes();

/** Decodes, and uses what came out as the engine does. */
function expectValueOrCodecError(codec: Codec, encoding: string | null, body: Uint8Array): void {
  try {
    const isolated = isolate(codec.decode({ encoding, body }), 'cloned');
    deepClone(take(isolated));
  } catch (error) {
    expect(error).toBeInstanceOf(CodecError);
    expect(error).toHaveProperty('code', 'UNDECODABLE_VALUE');
  }
}

describe('INVARIANT 25: no body breaks a codec: it gives a value or a CodecError', { timeout }, () => {
  afterAll(() => expect(prototypes()).toBe(untouched));

  const instances = fc.constantFrom(new Point(), new Money(5), [new Money(1), { at: new Point() }]);
  const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });

  it.each(CODECS)('%s: damaged in any places', (_, codec) => {
    fc.assert(
      fc.property(fc.oneof(anyValue, instances), damage, (value, places) => {
        const { encoding, body } = codec.encode(value);
        const bytes = Buffer.from(body);
        for (const [where, byte] of places) bytes[where % bytes.length] = byte;
        expectValueOrCodecError(codec, encoding, bytes);
      }),
      { numRuns },
    );
  });

  it.each(CODECS)('%s: cut off anywhere, or with something behind it', (_, codec) => {
    fc.assert(
      fc.property(anyValue, fc.nat(), fc.uint8Array({ maxLength: 3 }), (value, where, more) => {
        const { encoding, body } = codec.encode(value);
        const bytes = Buffer.from(body);
        expectValueOrCodecError(codec, encoding, bytes.subarray(0, where % bytes.length));
        expectValueOrCodecError(codec, encoding, Buffer.concat([bytes, more]));
      }),
      { numRuns: Math.ceil(numRuns / 4) },
    );
  });

  it.each(CODECS)('%s: any bytes under any encoding', (_, codec) => {
    const encoding = fc.constantFrom(
      null,
      'json',
      'superjson',
      'msgpack',
      'json+zlib',
      'superjson+zlib',
      'msgpack+zlib',
      'x',
    );
    const deflated = fc.uint8Array({ maxLength: 60 }).map((bytes) => new Uint8Array(deflateSync(bytes)));
    fc.assert(
      fc.property(encoding, fc.oneof(fc.uint8Array({ maxLength: 60 }), deflated), (name, bytes) => {
        expectValueOrCodecError(codec, name, bytes);
      }),
      { numRuns },
    );
  });

  it('superjson: any JSON that claims to be SuperJSON', () => {
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
        const body = Buffer.from(JSON.stringify({ json, meta: { values, v: 1 } }));
        expectValueOrCodecError(superjson, 'superjson', body);
      }),
      { numRuns },
    );
  });

  it('msgpack: any MessagePack, with any extensions around any content', () => {
    const encoder = new Encoder();
    const extension = (content: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
      fc
        .tuple(
          fc.integer({ min: -2, max: 25 }),
          fc.oneof(
            content.map((value) => encoder.encode(value)),
            fc.uint8Array({ maxLength: 12 }),
          ),
        )
        .map(([type, data]) => new ExtData(type, data));
    const any = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        plainValue,
        fc.constantFrom('Point@1', 'Money@1', 'bytes', 'Error', 3, 4, []),
        fc.uint8Array({ maxLength: 3 }),
        fc.array(tie('value'), { maxLength: 4 }),
        fc
          .array(fc.tuple(key, tie('value')), { maxLength: 2 })
          .map((entries) => new Map(entries))
          .map((map) => Object.fromEntries(map)),
        extension(tie('value')),
      ),
    })).value;
    fc.assert(
      fc.property(any, (value) => {
        expectValueOrCodecError(msgpack, 'msgpack', encoder.encode(value));
      }),
      { numRuns: numRuns * 2 },
    );
  });
});
