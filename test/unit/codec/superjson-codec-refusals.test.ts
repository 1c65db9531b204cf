import { deepStrictEqual } from 'node:assert';
import { describe, expect, it } from 'vitest';
import { createSuperjsonCodec } from '../../../src/codec/superjson-codec.js';
import { CodecError } from '../../../src/errors.js';
import { deepClone } from '../../../src/kernel/deep-clone.js';

const codec = createSuperjsonCodec({ onClass: () => undefined });

/** Encodes and decodes as a store would give it back: bytes, not text. */
function roundTrip(value: unknown): unknown {
  const { encoding, body } = codec.encode(value);
  return codec.decode({ encoding, body: Buffer.from(body) });
}

function damageOf(encoding: string | null, body: string | Uint8Array): CodecError {
  try {
    codec.decode({ encoding, body });
  } catch (error) {
    if (error instanceof CodecError) return error;
    throw error;
  }
  throw new Error('It was decoded');
}

describe('INVARIANT 25: an undecodable body is a CodecError, never another exception or another value', () => {
  const bodies: Record<string, [string | null, string | Uint8Array]> = {
    'raw bytes of a foreign writer': [null, Buffer.from('1')],
    'an unknown encoding': ['msgpack', '1'],
    'no JSON': ['json', '{"a":'],
    'an empty body': ['json', ''],
    'no UTF-8': ['json', new Uint8Array([0x22, 0xff, 0x22])],
    'SuperJSON that is no object': ['superjson', '1'],
    'SuperJSON without meta': ['superjson', '{"json":1}'],
    'SuperJSON with a damaged meta': ['superjson', '{"json":1,"meta":{"values":"Date","v":1}}'],
    'SuperJSON of another version': ['superjson', '{"json":"1","meta":{"values":["bigint"],"v":2}}'],
    'an unknown type': ['superjson', '{"json":"1","meta":{"values":["banana"],"v":1}}'],
    'a type that is never written': ['superjson', '{"json":{"message":"x"},"meta":{"values":["Error"],"v":1}}'],
    'an unregistered class': ['superjson', '{"json":{},"meta":{"values":[["class","User"]],"v":1}}'],
    'a bigint that is none': ['superjson', '{"json":"x","meta":{"values":["bigint"],"v":1}}'],
    'a URL that is none': ['superjson', '{"json":"x","meta":{"values":["URL"],"v":1}}'],
    'an unknown tag': ['superjson', '{"json":["soup",1],"meta":{"values":[["custom","keepsake"]],"v":1}}'],
    'bytes that are no base64': [
      'superjson',
      '{"json":["bytes",["Buffer","?!"]],"meta":{"values":[["custom","keepsake"]],"v":1}}',
    ],
    'bytes that fill no element': [
      'superjson',
      '{"json":["bytes",["Int32Array","AQ=="]],"meta":{"values":[["custom","keepsake"]],"v":1}}',
    ],
    'references, which are never written': [
      'superjson',
      '{"json":{"a":{}},"meta":{"values":{"b":["undefined"]},"referentialEqualities":{"a":["b"]},"v":1}}',
    ],
    'a path to a prototype': ['superjson', '{"json":{},"meta":{"values":{"__proto__.polluted":["undefined"]},"v":1}}'],
    'a path through a constructor': [
      'superjson',
      '{"json":{},"meta":{"values":{"constructor.prototype.polluted":["undefined"]},"v":1}}',
    ],
  };

  it.each(Object.keys(bodies))('%s', (name) => {
    const [encoding, body] = bodies[name] ?? [null, ''];
    expect(damageOf(encoding, body).code).toBe('UNDECODABLE_VALUE');
    expect('polluted' in {}).toBe(false);
  });

  it('what is nested deeper than anything that is written: a copy of it would end the stack', () => {
    const nested = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`;
    expect(damageOf('json', nested(501)).code).toBe('UNDECODABLE_VALUE');
    expect(codec.decode({ encoding: 'json', body: nested(500) })).toHaveLength(1);
    const typed = (levels: number): string => `{"json":[1,${nested(levels)}],"meta":{"values":{"0":["bigint"]},"v":1}}`;
    expect(damageOf('superjson', typed(2000)).code).toBe('UNDECODABLE_VALUE');
    const deepest = codec.decode({ encoding: 'superjson', body: typed(1999) });
    expect(deepClone(deepest)).toHaveLength(2);
  });

  it('arrays of many holes, which would cost memory and no bytes', () => {
    const holes = '["array",[1000000,[]]]';
    const custom = '["custom","keepsake"]';
    const body = (json: string, values: string): string => `{"json":${json},"meta":{"values":${values},"v":1}}`;
    expect(codec.decode({ encoding: 'superjson', body: body(holes, `[${custom}]`) })).toHaveLength(1_000_000);
    const two = body(`[${holes},${holes}]`, `{"0":[${custom}],"1":[${custom}]}`);
    expect(damageOf('superjson', two).code).toBe('UNDECODABLE_VALUE');
  });

  it('names the encoding and keeps the cause', () => {
    const error = damageOf('json', '{');
    expect(error.message).toBe('Expected a body in the encoding `json`, but it is damaged');
    expect(error.cause).toBeInstanceOf(SyntaxError);
  });
});

describe('isolation of instances', () => {
  it('what the application registers with its own SuperJSON does not reach the codec', async () => {
    const { default: shared } = await import('superjson');
    class Registered {
      readonly at = new Date(0);
    }
    shared.registerClass(Registered);
    deepStrictEqual(roundTrip(new Registered()), { at: new Date(0) });
  });
});
