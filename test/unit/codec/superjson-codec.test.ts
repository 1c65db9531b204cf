import { describe, expect, it } from 'vitest';
import { createSuperjsonCodec } from '../../../src/codec/superjson-codec.js';
import type { Encoded } from '../../../src/kernel/codec.js';
import { withHoles } from './codecs-under-test.js';

const codec = createSuperjsonCodec({ onClass: () => undefined });

describe('encodings', () => {
  it('writes plain JSON as it is, readable by any program', () => {
    const value = { id: 1, tags: ['a', 'b'], none: null, nested: { ok: true, share: 0.1 } };
    expect(codec.encode(value)).toEqual<Encoded>({ encoding: 'json', body: JSON.stringify(value) });
  });

  it('writes SuperJSON for what JSON would lose', () => {
    const { encoding, body } = codec.encode({ at: new Date(0) });
    expect(encoding).toBe('superjson');
    expect(JSON.parse(String(body))).toEqual({
      json: { at: '1970-01-01T00:00:00.000Z' },
      meta: { values: { at: ['Date'] }, v: 1 },
    });
  });

  it.each([[-0], [Number.NaN], [[undefined]], [{ a: undefined }], [withHoles(2, { 1: 1 })], [1n]])(
    'does not take %s for plain JSON',
    (value) => {
      expect(codec.encode(value).encoding).toBe('superjson');
    },
  );

  it('writes an instance that turned into plain data as plain JSON', () => {
    class Point {
      readonly x = 1;
    }
    expect(codec.encode({ at: new Point() })).toEqual({ encoding: 'json', body: '{"at":{"x":1}}' });
  });

  it('carries the name by which a definition knows it', () => {
    expect(codec.name).toBe('superjson');
  });
});

describe('dates', () => {
  const at = new Date(1);

  it.each([
    [{ at, changed: new Date(2), name: 'x' }],
    [{ 'a.b': at }],
    [{ 'a\\b': at, a: { b: 'x' } }],
    [{ a: { b: at }, 'a.b': 'x' }],
    [{ at, price: 1n }],
    [{ at, changed: new Date(Number.NaN) }],
    [[at]],
    [at],
  ])('come back wherever they stand: %#', (value) => {
    expect(codec.decode(codec.encode(value))).toEqual(value);
  });

  it('change no prototype, whatever a damaged body says', () => {
    const json = '{"__proto__":"1970-01-01T00:00:00.000Z"}';
    for (const path of ['__proto__', 'constructor', 'toString']) {
      const body = `{"json":${json},"meta":{"values":{"${path}":["Date"]},"v":1}}`;
      let decoded: unknown;
      try {
        decoded = codec.decode({ encoding: 'superjson', body });
      } catch (error) {
        decoded = error;
      }
      expect(Object.getPrototypeOf(decoded)).not.toBeInstanceOf(Date);
    }
    expect(Object.prototype.toString.call({})).toBe('[object Object]');
  });
});
