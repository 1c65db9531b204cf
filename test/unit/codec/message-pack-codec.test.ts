import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decode } from '@msgpack/msgpack';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createMessagePackCodec } from '../../../src/codec/message-pack/codec.js';
import { loadMessagePack } from '../../../src/codec/message-pack/peer.js';
import { deepClone } from '../../../src/kernel/deep-clone.js';
import { withHoles } from './codecs-under-test.js';

class Point {
  x = 1;
}
const codec = createMessagePackCodec({ classes: { 'Point@1': Point } });
const undecodable = expect.objectContaining({ name: 'CodecError', code: 'UNDECODABLE_VALUE' });

function hexOf(value: unknown): string {
  return Buffer.from(codec.encode(value).body).toString('hex');
}

function read(body: string): unknown {
  return codec.decode({ encoding: 'msgpack', body: Buffer.from(body, 'hex') });
}

function causeOf(body: string): string {
  try {
    read(body);
  } catch (error) {
    return error instanceof Error ? String(error.cause) : '';
  }
  throw new Error('It was decoded');
}

function hex(text: string): string {
  return Buffer.from(text).toString('hex');
}

/** An extension as MessagePack has it: a header of its own for some sizes. */
function extension(type: number, data: string): string {
  const size = data.length / 2;
  const fixed = [1, 2, 4, 8, 16].indexOf(size);
  const header = fixed === -1 ? [0xc7, size, type] : [0xd4 + fixed, type];
  return Buffer.from(header).toString('hex') + data;
}

describe('the format', () => {
  it('is MessagePack that any program reads, for what MessagePack knows', () => {
    const value = {
      id: 2 ** 40,
      name: 'ä',
      share: 0.1,
      ok: true,
      none: null,
      list: [-1, 300, -70_000],
      at: new Date(1.5e12 + 1),
    };
    const { encoding, body } = codec.encode(value);
    expect(encoding).toBe('msgpack');
    expect(decode(Buffer.from(body))).toEqual(value);
  });

  /** Written by the first version: a change here makes rows of other versions something else, so it needs another encoding. */
  const stored: Record<string, [value: unknown, hex: string]> = {
    undefined: [undefined, extension(0, '')],
    '-0': [-0, extension(1, '')],
    'a bigint': [-255n, extension(2, '01ff')],
    'half of a pair': ['\ud800', extension(3, '00d8')],
    'a URL': [new URL('http://a.b'), extension(4, hex('http://a.b/'))],
    'a Buffer': [Buffer.from('hi'), extension(5, `00${hex('hi')}`)],
    'a typed array': [new Uint16Array([1]), extension(5, '070100')],
    'a Date': [new Date(1000), extension(0xff, '00000001')],
    'a Map': [new Map([[1, 'a']]), extension(16, `9201a1${hex('a')}`)],
    'a Set': [new Set([1]), extension(17, '9101')],
    'a RegExp': [/a/g, extension(18, `92a1${hex('a')}a1${hex('g')}`)],
    'an object with `__proto__`': [JSON.parse('{"__proto__":1}'), extension(19, `9192a9${hex('__proto__')}01`)],
    'an array with holes': [withHoles(2, { 1: 5 }), extension(20, `92029192a1${hex('1')}05`)],
    'an invalid Date': [new Date(Number.NaN), extension(21, 'c0')],
    'an instance': [new Point(), extension(23, `92a7${hex('Point@1')}81a1${hex('x')}01`)],
  };

  it.each(Object.keys(stored))('stores %s as ever', (name) => {
    const [value, body] = stored[name] ?? [null, ''];
    expect(hexOf(value)).toBe(body);
    expect(read(body)).toEqual(value);
  });

  it('is read from text by nobody', () => {
    expect(() => codec.decode({ encoding: 'msgpack', body: 'a' })).toThrow(undecodable);
  });

  it('carries the name by which a definition knows it, classes and all', () => {
    expect([createMessagePackCodec().name, codec.name]).toEqual(['msgpack', 'msgpack(Point@1)']);
  });

  it.each([null, 'json', 'superjson', 'msgpack2'])(
    'INVARIANT 25: an entry in the encoding %s is a miss',
    (encoding) => {
      expect(() => codec.decode({ encoding, body: Buffer.from('c0', 'hex') })).toThrow(undecodable);
    },
  );

  it('INVARIANT 24: bytes share no memory with the row, nor the row with them', () => {
    const given = Buffer.from('given');
    const encoded = codec.encode([given]);
    given.fill(0);
    const [first] = codec.decode(encoded) as [Buffer];
    first.fill(1);
    expect(codec.decode(encoded)).toEqual([Buffer.from('given')]);
    expect(first.buffer.byteLength).toBe(5);
  });
});

describe('INVARIANT 25: hostile bodies', () => {
  const bodies: Record<string, [hex: string, why: string]> = {
    nothing: ['', 'ends too early'],
    'a byte that means nothing': ['c1', 'never written'],
    'something behind the value': ['c0c0', 'after the end'],
    'binary, which would be memory of the row': ['c40101', 'never written'],
    'a 32-bit float, which is never written': ['ca3f800000', 'never written'],
    'a text that ends too early': ['d9ff61', 'ends too early'],
    'a text that is no UTF-8': ['a2c328', 'not UTF-8'],
    'a long text that is no UTF-8': [`d9ff${'61'.repeat(254)}c3`, 'not UTF-8'],
    'a list that ends too early': ['9301', 'ends too early'],
    'a list of four thousand million': ['ddffffffff', 'ends too early'],
    'a map of four thousand million': ['dfffffffff', 'ends too early'],
    'a key that is a number': ['810101', 'no text'],
    'a key that is a list': ['819001', 'no text'],
    'a key that is an extension': [`81${extension(3, '00d8')}01`, 'no text'],
    'the key `__proto__`': [`81a9${hex('__proto__')}01`, '__proto__'],
    'an extension nobody knows': [extension(99, '90'), 'unknown extension'],
    'one of a number without content, nobody knows it either': [extension(6, 'ddffffffff'), 'unknown extension'],
    'an extension of another sign': [extension(0xfe, 'ddffffffff'), 'unknown extension'],
    'an extension that ends too early': ['c7ff02', 'ends too early'],
    'an extension whose content is longer than itself': [extension(16, 'd9'), 'ends too early'],
    'an extension whose content is shorter than itself': [extension(16, '90c0'), 'another size'],
    'a Map with a key but no value': [extension(16, '9101'), 'without a value'],
    'a Map that is no list': [extension(16, 'c0'), 'without its list'],
    'a RegExp that is none': [extension(18, `92a1${hex('(')}a0`), 'Invalid regular expression'],
    'a URL that is none': [extension(4, hex('x')), 'Invalid URL'],
    'bytes of no type': [extension(5, 'ff'), 'unknown type'],
    'bytes of nothing': [extension(5, ''), 'unknown type'],
    'bytes that fill no element': [extension(5, '0801'), 'multiple of 4'],
    'a bigint without digits': [extension(2, '00'), 'no bigint'],
    'a bigint with another sign': [extension(2, '0201'), 'no bigint'],
    'half a character': [extension(3, '41'), 'half a character'],
    'a timestamp of another size': [extension(0xff, '01'), 'timestamp'],
    'more holes than a value may have': [extension(20, '92ce7fffffff90'), 'no length'],
    'a negative length': [extension(20, '92ff90'), 'no length'],
    'an error without parts': [extension(22, 'c0'), 'Damaged error'],
    'an instance of an unknown class': [extension(23, `92a7${hex('Other@1')}80`), 'not registered'],
    'an instance of another version': [extension(23, `92a7${hex('Point@2')}80`), 'not registered'],
    'an instance without properties': [extension(23, `92a7${hex('Point@1')}01`), 'no properties'],
  };

  it.each(Object.keys(bodies))('%s', (name) => {
    const [body, why] = bodies[name] ?? ['', ''];
    expect(() => read(body)).toThrow(undecodable);
    expect(causeOf(body)).toContain(why);
  });

  it('lists that claim terabytes in a few kilobytes cost nothing', () => {
    const before = process.memoryUsage().rss;
    expect(() => read('dd00ffffff'.repeat(1000))).toThrow(undecodable);
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
  });

  it('nor do arrays of nothing but holes, many of them', () => {
    const holes = extension(20, '92ce000f424090');
    expect(read(holes)).toHaveLength(1_000_000);
    expect(() => read(`92${holes}${holes}`)).toThrow(undecodable);
  });

  it('what is nested deeper than anything that is written, in lists or in extensions', () => {
    expect(() => read(`${'91'.repeat(100_000)}c0`)).toThrow(undecodable);
    let nested = Buffer.from('c0', 'hex');
    for (let level = 0; level < 5000; level++) {
      const header = Buffer.from('c90000000011', 'hex');
      header.writeUInt32BE(nested.length + 1, 1);
      nested = Buffer.concat([header, Buffer.from('91', 'hex'), nested]);
    }
    expect(() => read(nested.toString('hex'))).toThrow(undecodable);
  });

  it('what is nested as deep as is read can be copied', () => {
    const deepest = read(`${'91'.repeat(2000)}c0`);
    expect(JSON.stringify(deepClone(deepest))).toBe(`${'['.repeat(2000)}null${']'.repeat(2000)}`);
  });
});

describe('the package', () => {
  function emptyProject(): string {
    const folder = mkdtempSync(join(tmpdir(), 'keepsake-peer-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    return folder;
  }

  it('that is missing is asked for by name', () => {
    expect(() => loadMessagePack(join(emptyProject(), 'index.js'))).toThrow(
      expect.objectContaining({
        name: 'ConfigurationError',
        code: 'MISSING_PEER',
        message:
          'Expected the package `@msgpack/msgpack` to be installed, because the codec `msgpack` is asked for; add it with `npm install @msgpack/msgpack`',
        cause: expect.objectContaining({ code: 'MODULE_NOT_FOUND' }),
      }),
    );
  });

  it('that is something else is refused', () => {
    const folder = emptyProject();
    const home = join(folder, 'node_modules/@msgpack/msgpack');
    mkdirSync(home, { recursive: true });
    writeFileSync(join(home, 'index.js'), 'exports.encode = () => 1;');
    expect(() => loadMessagePack(join(folder, 'index.js'))).toThrow(
      expect.objectContaining({ code: 'MISSING_PEER', message: expect.stringContaining('in version 3.1 or newer') }),
    );
  });
});
