import { deepStrictEqual } from 'node:assert';
import { inspect } from 'node:util';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { CODECS, roundTripsOf, withHoles } from './codecs-under-test.js';

describe.each(CODECS)('$name keeps', ({ make }) => {
  const roundTrip = roundTripsOf(make());

  /** Round-trips, and compares types and content; then everything that can be seen, the order of Maps and Sets too. */
  function expectKept(value: unknown): void {
    const copy = roundTrip(value);
    deepStrictEqual(copy, value);
    const everything = { depth: 20, maxArrayLength: null, maxStringLength: null };
    expect(inspect(copy, everything)).toBe(inspect(value, everything));
  }

  describe('INVARIANT 23: every type comes back as it was', () => {
    const lone = '\ud800x\udfff';
    const kept: Record<string, unknown> = {
      '0': 0,
      '-0': -0,
      'an empty text': '',
      false: false,
      null: null,
      NaN: Number.NaN,
      Infinity: Number.POSITIVE_INFINITY,
      '-Infinity': Number.NEGATIVE_INFINITY,
      undefined: undefined,
      bigint: -(2n ** 80n),
      'a lone surrogate': lone,
      'NUL and controls': '\u0000\u001f\u2028\ufeff',
      'a long text that begins with a byte order mark': `\ufeff${'x'.repeat(300)}`,
      Date: new Date(1234567890123),
      'a Date before year 0': new Date(-8.64e15),
      Map: new Map<unknown, unknown>([
        ['a', 1],
        [2, new Date(2)],
      ]),
      Set: new Set([1, 'a', Number.NaN, undefined, null]),
      RegExp: /a\/[/]b\n/giu,
      URL: new URL('https://user@example.org:8080/ä?q=1#h'),
      Buffer: Buffer.from([0, 255, 128]),
      'an empty Buffer': Buffer.alloc(0),
      Uint8Array: new Uint8Array([1, 2, 255]),
      Uint8ClampedArray: new Uint8ClampedArray([1, 255]),
      Int8Array: new Int8Array([-1, 127]),
      Int16Array: new Int16Array([-1, 32767]),
      Uint16Array: new Uint16Array([65535]),
      Int32Array: new Int32Array([-1]),
      Uint32Array: new Uint32Array([4294967295]),
      Float32Array: new Float32Array([0.5, -0, Number.NaN]),
      Float64Array: new Float64Array([Number.NaN, -0, Number.POSITIVE_INFINITY, 0.1]),
      BigInt64Array: new BigInt64Array([-1n, 2n ** 62n]),
      BigUint64Array: new BigUint64Array([2n ** 64n - 1n]),
      DataView: new DataView(new Uint8Array([1, 2, 3]).buffer),
      ArrayBuffer: new Uint8Array([1, 2, 3]).buffer,
      'undefined in an object': { a: undefined, b: 1 },
      'undefined in an array': [undefined, 1, undefined],
      'an array with holes': withHoles(4, { 0: 1, 2: new Date(3) }),
      'an array of nothing but holes': withHoles(3, {}),
      'a Map with objects as keys': new Map([
        [{ id: 1 }, 'a'],
        [{ id: 2, at: new Date(1) }, 'b'],
      ]),
      'nested mixes': { list: [new Map([['k', new Set([{ at: new Date(0), big: 1n }])]])], b: [[Buffer.from('x')]] },
      'equal dates, NaNs and bigints in many places': {
        nan: Number.NaN,
        map: new Map([[Number.NaN, 1n]]),
        set: new Set([Number.NaN, 1n]),
        list: [1n, Number.NaN],
      },
    };

    it.each(Object.keys(kept))('%s', (name) => {
      expectKept(kept[name]);
      expectKept({ nested: [kept[name]] });
      expectKept(new Map([[name, kept[name]]]));
    });

    it('an invalid Date', () => {
      for (const copy of [roundTrip(new Date(Number.NaN)), roundTrip([new Date(Number.NaN)])].flat()) {
        expect(copy).toBeInstanceOf(Date);
        expect(copy).toHaveProperty('getTime');
        expect(copy instanceof Date && copy.getTime()).toBeNaN();
      }
    });

    it('a view comes back with the bytes it showed, and no others', () => {
      const whole = Buffer.from('secret-shown-secret');
      const copy = roundTrip(whole.subarray(7, 12));
      expect(copy).toEqual(Buffer.from('shown'));
      expect(copy instanceof Buffer && copy.buffer.byteLength).toBe(5);
    });

    it('Map and Set keep their order, with parts that stand in several places', () => {
      const [a, b] = [{ a: 1 }, { b: 2 }];
      const map = new Map<object, string>([
        [a, 'first'],
        [b, 'second'],
      ]);
      const copy = roundTrip({ a, b, map, set: new Set([a, b, 3]), at: new Date(0) });
      expect(copy).toHaveProperty('map', map);
      const { map: copied, set } = copy as { map: Map<unknown, unknown>; set: Set<unknown> };
      expect([...copied]).toEqual([...map]);
      expect([...set]).toEqual([a, b, 3]);
    });
  });

  describe('keys', () => {
    const keys = [
      '__proto__',
      'constructor',
      'prototype',
      'a.b',
      '',
      '.',
      '\\',
      'a\\.b',
      '\\\\.',
      '0',
      '-1',
      'toString',
      'json',
      'toJSON',
      '\ud800',
      `\ufeff${'k'.repeat(300)}`,
    ];

    it.each(keys)('%j is a key like any other, in plain JSON and beside other types', (key) => {
      const entries: [string, unknown][] = [
        [key, { [`${key}.x`]: 'text' }],
        ['other', 1],
      ];
      const plain: unknown = Object.fromEntries(entries);
      const typed: unknown = Object.fromEntries([...entries, ['at', new Date(0)]]);
      const inside: unknown = Object.fromEntries([[key, { at: new Date(0), [key]: 1n }]]);
      for (const value of [plain, typed, inside, [inside], new Map([['m', inside]])]) expectKept(value);
    });

    it('an own `__proto__` changes no prototype', () => {
      const hostile: unknown = JSON.parse(
        '{"__proto__": {"polluted": true}, "constructor": {"prototype": {"polluted": true}}}',
      );
      for (const value of [hostile, { hostile, at: new Date(0) }]) {
        const copy = roundTrip(value);
        deepStrictEqual(copy, value);
        expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
        expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
      }
    });
  });

  describe('errors as values', () => {
    it('keep class, name, message, cause and primitive properties, and lose the rest', () => {
      const source = Object.assign(new RangeError('too far', { cause: new Date(5) }), {
        code: 'E_FAR',
        request: { secret: 1 },
      });
      const copy = roundTrip({ error: source });
      const { error } = copy as { error: RangeError & { code?: string; request?: unknown } };
      expect(error).toBeInstanceOf(RangeError);
      expect([error.name, error.message, error.cause, error.code]).toEqual([
        'RangeError',
        'too far',
        new Date(5),
        'E_FAR',
      ]);
      expect('request' in error).toBe(false);
      expect(error.stack).toBe('RangeError: too far');
    });

    it('have a cause only when they had one', () => {
      expect(Object.hasOwn(roundTrip(new Error('x')) as Error, 'cause')).toBe(false);
      expect(Object.hasOwn(roundTrip(new Error('x', { cause: undefined })) as Error, 'cause')).toBe(true);
    });

    it('of a class of your own keep its name and the native class below it', () => {
      class NotFound extends TypeError {
        override readonly name = 'NotFound';
      }
      const copy = roundTrip(new NotFound('x')) as Error;
      expect(copy).toBeInstanceOf(TypeError);
      expect([copy.name, Object.keys(copy)]).toEqual(['NotFound', []]);
    });

    it('that aggregate others keep them', () => {
      const copy = roundTrip(new AggregateError([new SyntaxError('a'), 1n], 'both')) as AggregateError;
      expect(copy).toBeInstanceOf(AggregateError);
      expect(copy.errors[0]).toBeInstanceOf(SyntaxError);
      expect(copy.errors[1]).toBe(1n);
    });
  });

  describe('what becomes plain data', () => {
    class User {
      readonly id = 1;
      readonly born = new Date(0);
      readonly #secret = 'x';
      greet(): string {
        return this.#secret;
      }
    }

    it('instances keep their own enumerable properties, with the types of these', () => {
      const copy = roundTrip([new User()]);
      deepStrictEqual(copy, [{ id: 1, born: new Date(0) }]);
    });

    it('each class is told of once', () => {
      const names: string[] = [];
      const telling = make({ onClass: (name) => names.push(name) });
      class Users extends Array<User> {}
      telling.encode([new User(), new User(), { at: new Date(0) }, Object.create(null), new (class extends Map {})()]);
      telling.encode(Users.of(new User()));
      class Ids extends Array<number> {}
      telling.encode({ ids: Ids.of(1) });
      expect(names).toEqual(['User', 'anonymous class', 'Users', 'Ids']);
    });

    it('an instance of a class that extends a built-in one becomes an instance of that', () => {
      class Table extends Map<string, number> {}
      deepStrictEqual(roundTrip(new Table([['a', 1]])), new Map([['a', 1]]));
      class Rows extends Array<number> {}
      deepStrictEqual(roundTrip(Rows.of(1, 2)), [1, 2]);
    });

    it('`toJSON` answers for objects, but not for Date, Buffer and URL', () => {
      const money = { cents: 5, toJSON: () => ({ euro: 0.05, at: new Date(1) }) };
      deepStrictEqual(roundTrip({ money }), { money: { euro: 0.05, at: new Date(1) } });
      class Nothing {
        toJSON(): null {
          return null;
        }
      }
      deepStrictEqual(roundTrip([new Nothing()]), [null]);
      class Self {
        readonly a = 1;
        toJSON(): this {
          return this;
        }
      }
      deepStrictEqual(roundTrip(new Self()), { a: 1 });
    });

    it('objects without prototype become ordinary ones, in either encoding', () => {
      const bare = Object.assign(Object.create(null), { a: 1 });
      deepStrictEqual(roundTrip({ bare }), { bare: { a: 1 } });
      deepStrictEqual(roundTrip({ bare, big: 1n }), { bare: { a: 1 }, big: 1n });
    });

    it('properties of arrays, symbol keys and unlisted properties are left out, in either encoding', () => {
      const match = /(?<x>a)/.exec('a');
      deepStrictEqual(roundTrip({ match }), { match: ['a', 'a'] });
      deepStrictEqual(roundTrip({ match, big: 1n }), { match: ['a', 'a'], big: 1n });
      const asking = Object.assign([1], { toJSON: () => 'asked' });
      deepStrictEqual(roundTrip({ asking }), { asking: [1] });
      deepStrictEqual(roundTrip({ asking, big: 1n }), { asking: [1], big: 1n });
      const hidden = Object.defineProperty({ [Symbol('s')]: 1, a: 1 }, 'b', { value: 2 });
      deepStrictEqual(roundTrip([hidden, 1n]), [{ a: 1 }, 1n]);
    });

    it('a part that stands in two places comes back as two equal parts, in either encoding', () => {
      const part = { id: 1 };
      for (const value of [
        { a: part, b: part },
        { a: part, b: part, big: 1n },
      ]) {
        const copy = roundTrip(value) as { a: object; b: object };
        deepStrictEqual(copy, value);
        expect(copy.a).not.toBe(copy.b);
      }
    });

    it('values of another realm come back as values of this one', () => {
      const names: string[] = [];
      const telling = make({ onClass: (name) => names.push(name) });
      const foreign: unknown = runInNewContext(
        '({ at: new Date(1), map: new Map([["a", [1]]]), set: new Set([1]), re: /x/g, error: new TypeError("x"), bytes: new Uint8Array([1]) })',
      );
      const copy = telling.decode(telling.encode(foreign));
      const { error, ...rest } = copy as { error: unknown };
      deepStrictEqual(rest, {
        at: new Date(1),
        map: new Map([['a', [1]]]),
        set: new Set([1]),
        re: /x/g,
        bytes: new Uint8Array([1]),
      });
      expect(error).toBeInstanceOf(TypeError);
      expect(names).toEqual([]);
    });
  });
});
