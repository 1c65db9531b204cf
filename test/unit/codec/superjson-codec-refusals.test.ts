import { deepStrictEqual } from 'node:assert';
import { describe, expect, it } from 'vitest';
import { createSuperjsonCodec } from '../../../src/codec/superjson-codec.js';
import { CodecError } from '../../../src/errors.js';

const codec = createSuperjsonCodec();

/** Encodes and decodes as a store would give it back: bytes, not text. */
function roundTrip(value: unknown): unknown {
  const { encoding, body } = codec.encode(value);
  return codec.decode({ encoding, body: Buffer.from(body) });
}

function refusalOf(value: unknown): CodecError {
  try {
    codec.encode(value);
  } catch (error) {
    if (error instanceof CodecError) return error;
    throw error;
  }
  throw new Error('It was encoded');
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

describe('what is refused', () => {
  class Thenable {
    // biome-ignore lint/suspicious/noThenProperty: a thenable is what is tested.
    then(): void {}
  }
  const refused: Record<string, unknown> = {
    'a function': () => 1,
    'a symbol': Symbol('x'),
    'a Promise': Promise.resolve(1),
    'a Thenable': new Thenable(),
    'a WeakMap': new WeakMap(),
    'a WeakSet': new WeakSet(),
    'a WeakRef': new WeakRef({}),
    'a Headers': new Headers(),
    'a Blob': new Blob(['x']),
    'a NumberFormat': new Intl.NumberFormat('en'),
    'a String': Object('boxed'),
    'a SharedArrayBuffer': new SharedArrayBuffer(1),
    'a Map with keys that become equal': new Map([
      [{ toJSON: () => 1 }, 1],
      [{ toJSON: () => 1 }, 2],
    ]),
  };

  it.each(Object.keys(refused))('%s, anywhere', (what) => {
    const direct = refusalOf(refused[what]);
    expect([direct.code, direct.message]).toEqual([
      'UNENCODABLE_VALUE',
      `Expected a value that can be stored, got ${what}`,
    ]);
    expect(refusalOf({ users: [{ 'e-mail': refused[what] }] }).message).toBe(
      `Expected a value that can be stored, got ${what} at \`users[0]["e-mail"]\``,
    );
  });

  it('names the place in a Map or Set by position, not by content', () => {
    const refusal = refusalOf(new Map([['secret', new Set([1, { f: () => 1 }])]]));
    expect(refusal.message).toBe('Expected a value that can be stored, got a function at `<value 0><member 1>.f`');
  });

  it('cycles through any container', () => {
    const object: Record<string, unknown> = {};
    object['self'] = object;
    const list: unknown[] = [];
    list.push({ list });
    const map = new Map<string, unknown>();
    map.set('self', map);
    const error = new Error('x');
    error.cause = { error };
    for (const cyclic of [object, list, map, error, { ok: 1, object }])
      expect(refusalOf(cyclic).message).toContain('a cycle');
  });

  it('what is nested without end, without running out of stack', () => {
    let deep: unknown = 1;
    for (let level = 0; level < 100_000; level++) deep = { deep };
    expect(refusalOf(deep).message).toContain('more than 500 levels');
  });

  it('but 500 levels of anything are kept', () => {
    let objects: unknown = 1n;
    let maps: unknown = 1;
    let hostile: unknown = 1;
    for (let level = 0; level < 500; level++) {
      objects = [objects];
      maps = new Map([['m', maps]]);
      hostile = Object.fromEntries([['__proto__', hostile]]);
    }
    const flatten = (value: unknown): string => JSON.stringify(codec.encode(value));
    for (const value of [objects, maps, { at: 1, list: [2] }]) expect(flatten(roundTrip(value))).toBe(flatten(value));
    expect(codec.encode(hostile).encoding).toBe('json');
  });

  it('a small graph whose tree is endless, before it has used up time or memory', () => {
    let bomb: unknown = [1];
    for (let level = 0; level < 60; level++) bomb = [bomb, bomb];
    expect(refusalOf(bomb).message).toContain('more than 1000000 parts');
  });

  it('a value that throws when it is read keeps the cause', () => {
    const cause = new Error('no');
    const refusal = refusalOf({
      get broken(): never {
        throw cause;
      },
    });
    expect([refusal.code, refusal.cause]).toEqual(['UNENCODABLE_VALUE', cause]);
  });
});

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
