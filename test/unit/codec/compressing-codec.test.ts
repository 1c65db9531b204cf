import { deflateSync, inflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { createCompressingCodec } from '../../../src/codec/compressing-codec.js';
import { createMessagePackCodec } from '../../../src/codec/message-pack/codec.js';
import { createRawCodec } from '../../../src/codec/raw-codec.js';
import { createSuperjsonCodec } from '../../../src/codec/superjson-codec.js';
import type { Codec } from '../../../src/kernel/codec.js';

const plain = createSuperjsonCodec();
const large = { text: 'large '.repeat(200), at: new Date(0) };
const undecodable = expect.objectContaining({ name: 'CodecError', code: 'UNDECODABLE_VALUE' });
const MAX_PLAIN_BYTES = 16 * 1024 * 1024;

/** A codec that says whatever encoding it is told to, and takes any. */
function textCodec(encoding: string | null): Codec {
  return {
    name: 'text',
    encode: (value) => ({ encoding, body: String(value) }),
    decode: ({ body }) => (typeof body === 'string' ? body : Buffer.from(body).toString('utf8')),
  };
}

describe('what is compressed', () => {
  it('bodies of more bytes than `above`, and the encoding says so', () => {
    const { encoding, body } = createCompressingCodec(plain, { above: 1000 }).encode(large);
    expect(encoding).toBe('superjson+zlib');
    expect(body.length).toBeLessThan(200);
    expect(inflateSync(body).toString()).toBe(plain.encode(large).body);
    expect(createCompressingCodec(plain, { above: 1000 }).encode(large.text).encoding).toBe('json+zlib');
    expect(createCompressingCodec(createMessagePackCodec(), { above: 1000 }).encode(large).encoding).toBe(
      'msgpack+zlib',
    );
  });

  it('not those of exactly so many, counted in bytes of UTF-8', () => {
    const value = 'ä'.repeat(500); // 1000 bytes, and two quotes
    expect(createCompressingCodec(plain, { above: 1002 }).encode(value)).toEqual(plain.encode(value));
    expect(createCompressingCodec(plain, { above: 1001 }).encode(value).encoding).toBe('json+zlib');
  });

  it('not those that would not become smaller', () => {
    const codec = createCompressingCodec(plain, { above: 0 });
    expect(codec.encode('short')).toEqual(plain.encode('short'));
  });

  it('nothing when no threshold is given', () => {
    expect(createCompressingCodec(plain).encode(large)).toEqual(plain.encode(large));
  });

  it('not raw bytes, which programs in other languages read', () => {
    const bytes = Buffer.alloc(5000);
    expect(createCompressingCodec(createRawCodec(), { above: 0 }).encode(bytes)).toEqual({
      encoding: null,
      body: bytes,
    });
    expect(createCompressingCodec(createRawCodec()).decode({ encoding: null, body: bytes })).toEqual(bytes);
  });

  it('not what would be more than a reader takes', () => {
    const codec = createCompressingCodec(textCodec('text'), { above: 0 });
    expect(codec.encode('x'.repeat(MAX_PLAIN_BYTES + 1)).encoding).toBe('text');
    const most = 'x'.repeat(MAX_PLAIN_BYTES);
    const encoded = codec.encode(most);
    expect(encoded.encoding).toBe('text+zlib');
    expect(codec.decode(encoded) === most).toBe(true);
  });

  it('not text that UTF-8 cannot carry', () => {
    const halves = '\ud800'.repeat(1000);
    const encoded = createCompressingCodec(textCodec('text'), { above: 0 }).encode(halves);
    expect(encoded).toEqual({ encoding: 'text', body: halves });
  });
});

describe('what is read', () => {
  it('compressed and uncompressed rows, whatever the setting of the reader', () => {
    const [never, always] = [createCompressingCodec(plain), createCompressingCodec(plain, { above: 0 })];
    for (const reader of [never, always]) {
      for (const writer of [never, always, plain]) expect(reader.decode(writer.encode(large))).toEqual(large);
    }
  });

  it('INVARIANT 25: not by a process that knows nothing of compression, for which it is a miss', () => {
    const encoded = createCompressingCodec(plain, { above: 0 }).encode(large);
    expect(() => plain.decode(encoded)).toThrow(undecodable);
    expect(() => createMessagePackCodec().decode(encoded)).toThrow(undecodable);
    expect(() => createRawCodec().decode(encoded)).toThrow(undecodable);
  });

  it('INVARIANT 25: nothing that inflates to more than any writer compresses', () => {
    const bomb = deflateSync(Buffer.alloc(MAX_PLAIN_BYTES + 1));
    expect(bomb.length).toBeLessThan(20_000);
    expect(() => createCompressingCodec(plain).decode({ encoding: 'json+zlib', body: bomb })).toThrow(
      expect.objectContaining({
        code: 'UNDECODABLE_VALUE',
        message: 'Expected a body in the encoding `json+zlib`, but it is damaged',
        cause: expect.objectContaining({ code: 'ERR_BUFFER_TOO_LARGE' }),
      }),
    );
  });

  it('INVARIANT 25: nothing with a bit flipped: it has a checksum', () => {
    const codec = createCompressingCodec(plain, { above: 0 });
    const { encoding, body } = codec.encode(large);
    const whole = Buffer.from(body);
    for (let index = 0; index < whole.length; index++) {
      const damaged = Buffer.from(whole);
      damaged[index] = (damaged[index] ?? 0) ^ 1;
      expect(() => codec.decode({ encoding, body: damaged })).toThrow(undecodable);
      expect(() => codec.decode({ encoding, body: whole.subarray(0, index) })).toThrow(undecodable);
    }
  });

  it.each([
    ['text', 'json+zlib', 'text'],
    ['another format', 'json+gzip', deflateSync('1')],
    ['a compressed body of an unknown encoding', 'pickle+zlib', deflateSync('1')],
    ['what was compressed twice', 'json+zlib+zlib', deflateSync(deflateSync('1'))],
    ['an uncompressed body', 'json+zlib', Buffer.from('1')],
    ['a compressed body that is no JSON', 'json+zlib', deflateSync('{')],
  ])('INVARIANT 25: not %s', (_, encoding, body) => {
    expect(() => createCompressingCodec(plain, { above: 0 }).decode({ encoding, body })).toThrow(undecodable);
  });
});

describe('the wrapper', () => {
  it('has the name of the codec inside: what one writes the other reads', () => {
    expect(createCompressingCodec(plain, { above: 1 }).name).toBe('superjson');
  });

  it('around another one replaces its threshold, and without one leaves it alone', () => {
    const codec = createCompressingCodec(plain, { above: 1000 });
    expect(createCompressingCodec(codec)).toBe(codec);
    const higher = createCompressingCodec(codec, { above: 1_000_000 });
    expect(higher.encode(large)).toEqual(plain.encode(large));
    expect(higher.decode(codec.encode(large))).toEqual(large);
  });

  it('refuses to write an encoding of a codec of yours that it would take for its own', () => {
    expect(() => createCompressingCodec(textCodec('text+zlib')).encode('x')).toThrow(
      expect.objectContaining({
        name: 'CodecError',
        code: 'UNENCODABLE_VALUE',
        message: expect.stringContaining('text+zlib'),
      }),
    );
  });

  it.each([-1, 1.5, Number.NaN, Infinity])('refuses %s as `above`', (above) => {
    expect(() => createCompressingCodec(plain, { above })).toThrow(
      expect.objectContaining({
        name: 'ConfigurationError',
        code: 'INVALID_OPTION',
        message: expect.stringContaining('`above`'),
      }),
    );
  });
});
