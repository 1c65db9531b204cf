import { describe, expect, it } from 'vitest';
import { createRawCodec } from '../../../src/codec/raw-codec.js';

const codec = createRawCodec();

describe('raw', () => {
  it('writes the bytes untouched, with no encoding', () => {
    const encoded = codec.encode(Buffer.from([0, 255, 10]));
    expect(encoded.encoding).toBeNull();
    expect(encoded.body).toEqual(Buffer.from([0, 255, 10]));
  });

  it('reads any row of a foreign writer as a Buffer', () => {
    for (const body of [new Uint8Array([104, 105]), Buffer.from('hi'), 'hi']) {
      const value = codec.decode({ encoding: null, body });
      expect(value).toBeInstanceOf(Buffer);
      expect(value).toEqual(Buffer.from('hi'));
    }
  });

  it('INVARIANT 24: shares no memory with what it was given, nor with what it has encoded', () => {
    const given = Buffer.from('given');
    const encoded = codec.encode(given);
    given.fill(0);
    const first = codec.decode(encoded);
    if (first instanceof Buffer) first.fill(1);
    expect(codec.decode(encoded)).toEqual(Buffer.from('given'));
  });

  it('writes of a view only the bytes it shows', () => {
    expect(codec.encode(Buffer.from('abcdef').subarray(2, 4)).body).toEqual(Buffer.from('cd'));
  });

  it.each([
    ['text', 'a string (give `Buffer.from(text)`)'],
    [{ a: 1 }, '[object Object]'],
    [null, 'null'],
    [1, 'number'],
    [new ArrayBuffer(1), '[object ArrayBuffer]'],
  ])('refuses %s, which would come back as something else', (value, got) => {
    expect(() => codec.encode(value)).toThrow(
      expect.objectContaining({
        name: 'CodecError',
        code: 'UNENCODABLE_VALUE',
        message: `Expected a Buffer or Uint8Array for the codec \`raw\`, got ${got}`,
      }),
    );
  });

  it('INVARIANT 25: refuses a row that another codec wrote', () => {
    expect(() => codec.decode({ encoding: 'json', body: '1' })).toThrow(
      expect.objectContaining({ name: 'CodecError', code: 'UNDECODABLE_VALUE' }),
    );
  });
});
