import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { CacheOptions } from '../../../src/cache-options.js';
import { createCompressingCodec } from '../../../src/codec/compressing-codec.js';
import { createSuperjsonCodec } from '../../../src/codec/superjson-codec.js';
import type { Codec } from '../../../src/kernel/codec.js';
import { entryId } from '../../../src/kernel/names.js';
import { type TestCache, TestCluster } from '../../support/test-cache.js';

class Money {
  readonly cents: number;

  constructor(cents: number) {
    this.cents = cents;
  }
}
class Point {
  readonly at = new Date(5);
}

const classes = {
  'Point@1': Point,
  'Money@1': { class: Money, toData: (money: Money) => money.cents, fromData: (cents: number) => new Money(cents) },
};

/** Everything INVARIANT 23 names, and more than enough of it to be compressed. */
const makeValue = (): unknown => ({
  numbers: [0, Number.NaN, -0, 2 ** 40, 10n ** 30n],
  plain: ['', false, null, undefined],
  dates: new Map<unknown, unknown>([[new Date(0), new Set([1, 'a'])]]),
  others: [/a+/gu, new URL('http://a.b/?c'), new RangeError('far', { cause: 1 })],
  bytes: [Buffer.from([0, 255]), Float64Array.of(-0, 0.5), new Uint8Array(3)],
  missing: undefined,
  text: 'every kind of value '.repeat(100),
});

const SETTINGS: readonly (readonly [string, CacheOptions])[] = [
  ['superjson', {}],
  ['superjson, compressed', { compressAbove: 100 }],
  ['msgpack', { codec: 'msgpack' }],
  ['msgpack, compressed', { codec: 'msgpack', compressAbove: 100 }],
];

async function encodingOf({ cache, store }: TestCache, key: string): Promise<string | null | undefined> {
  await cache.idle();
  const { entry } = await store.read(entryId('', key));
  return entry?.encoded.encoding;
}

describe('INVARIANT 23: a value is the same from a miss, a local hit and a shared hit', () => {
  it.each(SETTINGS)('%s', async (_, options) => {
    const cluster = new TestCluster();
    const [here, there] = [await cluster.process(options), await cluster.process(options)];
    const read = ({ cache }: TestCache): Promise<unknown> => cache.getOrSet('value', makeValue);
    const values = [await read(here), await read(here), await read(there)];
    for (const value of values) expect(value).toEqual(makeValue());
    expect(values.map((value) => isDeepStrictEqual(value, values[0]))).toEqual([true, true, true]);
    const tiers = [here, there].map(({ recorder }) => recorder.of('hit').map(({ tier }) => tier));
    expect(tiers).toEqual([['local'], ['shared']]);
  });

  it.each(['frozen', 'cloned', 'shared'] as const)('instances of registered classes too, %s', async (isolation) => {
    const cluster = new TestCluster();
    const options = { codec: createSuperjsonCodec({ classes }), local: { isolation } };
    const [here, there] = [await cluster.process(options), await cluster.process(options)];
    const make = (): unknown => ({ price: new Money(5), at: [new Point()] });
    for (const { cache } of [here, here, there, there]) {
      const value = await cache.getOrSet('value', make);
      expect(isDeepStrictEqual(value, make())).toBe(true);
    }
    expect([...here.warnings, ...there.warnings]).toEqual([]);
  });
});

describe('`compressAbove`', () => {
  it('compresses larger values, and no others', async () => {
    const cached = await new TestCluster().process({ compressAbove: 1000 });
    await cached.cache.set('large', 'x'.repeat(2000));
    await cached.cache.set('small', 'x'.repeat(500));
    expect([await encodingOf(cached, 'large'), await encodingOf(cached, 'small')]).toEqual(['json+zlib', 'json']);
  });

  it('is reckoned before a value is too large to be stored', async () => {
    const cluster = new TestCluster();
    const [without, compressing] = [
      await cluster.process({ maxValueBytes: 1000 }),
      await cluster.process({ maxValueBytes: 1000, compressAbove: 100 }),
    ];
    const large = 'x'.repeat(2000);
    await expect(without.cache.set('large', large)).rejects.toMatchObject({ code: 'VALUE_TOO_LARGE' });
    await compressing.cache.set('large', large);
    expect(await without.cache.get('large')).toBe(large);
  });

  it('changes nothing of what is read, by whoever', async () => {
    const cluster = new TestCluster();
    const writers = [await cluster.process({ compressAbove: 1 }), await cluster.process()];
    const readers = [await cluster.process({ compressAbove: 1 }), await cluster.process()];
    for (const [index, { cache }] of writers.entries()) await cache.set(`written ${index}`, 'value '.repeat(50));
    for (const { cache, recorder } of readers) {
      expect(await cache.get('written 0')).toBe('value '.repeat(50));
      expect(await cache.get('written 1')).toBe('value '.repeat(50));
      expect(recorder.count('error')).toBe(0);
    }
  });

  it('leaves a codec alone that compresses by itself', async () => {
    const codec = createCompressingCodec(createSuperjsonCodec(), { above: 10 });
    const cached = await new TestCluster().process({ codec });
    await cached.cache.set('key', 'x'.repeat(100));
    expect(await encodingOf(cached, 'key')).toBe('json+zlib');
  });

  it.each([0, -1, 1.5, Number.NaN])('refuses %s', async (compressAbove) => {
    await expect(new TestCluster().process({ compressAbove })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining('`compressAbove`'),
    });
  });
});

describe('`codec`', () => {
  it('INVARIANT 25: an entry of another codec is a miss and a counted error, then loaded and readable again', async () => {
    const cluster = new TestCluster();
    const old = await cluster.process({ codec: 'superjson' });
    const now = await cluster.process({ codec: 'msgpack' });
    await old.cache.set('key', { at: new Date(0) });
    expect(await now.cache.getOrSet('key', () => 'loaded')).toBe('loaded');
    expect(new Set(now.recorder.of('error').map(({ operation }) => operation))).toEqual(new Set(['decode']));
    expect(await encodingOf(now, 'key')).toBe('msgpack');
  });

  it('INVARIANT 25: an entry of another version of a class likewise', async () => {
    const cluster = new TestCluster();
    const quiet = { onClass: () => undefined };
    const versions = [{ classes }, { classes: { 'Money@2': classes['Money@1'] } }, quiet].map(createSuperjsonCodec);
    const [first, second, plain] = versions.map((codec) => cluster.process({ codec, local: false }));
    await (await first)?.cache.set('price', new Money(5));
    for (const reader of [await second, await plain]) {
      expect(await reader?.cache.get('price')).toBeUndefined();
      expect(reader?.recorder.count('error')).toBe(1);
    }
    expect(await (await first)?.cache.get('price')).toEqual(new Money(5));
  });

  it('that throws in its own ways harms no call', async () => {
    const broken: Codec = {
      name: 'broken',
      encode: () => ({ encoding: 'broken', body: 'x' }),
      decode: () => {
        throw new Error('broken');
      },
    };
    const { cache, recorder } = await new TestCluster().process({ codec: broken });
    expect(await cache.getOrSet('key', () => 'loaded')).toBe('loaded');
    expect(recorder.count('error')).toBeGreaterThan(0);
  });

  it('warns of classes nobody registered, once each, whichever it is', async () => {
    for (const codec of ['superjson', 'msgpack'] as const) {
      const { cache, warnings } = await new TestCluster().process({ codec });
      await cache.set('one', new Money(1));
      await cache.set('two', new Money(2));
      expect(warnings).toEqual([expect.stringContaining('instances of `Money` are cached and returned as plain data')]);
      expect(await cache.get('one')).toEqual({ cents: 1 });
    }
  });

  it.each(['json', '', 5, {}, { name: 'x', encode: () => 1 }])('refuses %j', async (codec) => {
    const options = JSON.parse('{}') as CacheOptions;
    await expect(
      new TestCluster().process({ ...options, ...Object.fromEntries([['codec', codec]]) }),
    ).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining("Expected `codec` to be one of 'superjson', 'raw', 'msgpack', or a codec"),
    });
  });
});
