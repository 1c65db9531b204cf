import { isDeepStrictEqual } from 'node:util';
import { createContext, runInContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { KeyError } from '../../../src/errors.js';
import { encodeArguments, MAX_DEPTH, MAX_VALUES } from '../../../src/keys/encode.js';

class Money {
  readonly amount: number;
  readonly currency: string;
  constructor(amount: number, currency: string) {
    this.amount = amount;
    this.currency = currency;
  }
  toCacheKey(): string {
    return `${this.amount} ${this.currency}`;
  }
}

class Weight {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
  toCacheKey(): string {
    return this.text;
  }
}

function encode(...args: readonly unknown[]): string {
  return encodeArguments(args, 'Users.find');
}

function errorOf(...args: readonly unknown[]): KeyError {
  try {
    encode(...args);
  } catch (error) {
    if (error instanceof KeyError) return error;
    throw error;
  }
  throw new Error('Expected a KeyError');
}

function tagged(array: readonly unknown[], name: string, value: unknown): readonly unknown[] {
  return Object.assign([...array], { [name]: value });
}

describe('the encoding reads like the source text of the values', () => {
  it.each(
    (
      [
        [[], ''],
        [[42, 'x'], '42,"x"'],
        [
          [undefined, null, true, 1n, -0, Number.NaN, Number.NEGATIVE_INFINITY],
          'undefined,null,true,1n,-0,NaN,-Infinity',
        ],
        [[{ page: 1, 'a-b': [1, '2'] }], '{"a-b":[1,"2"],page:1}'],
        [[new Date(0)], 'Date("1970-01-01T00:00:00.000Z")'],
        [
          [
            new Map<unknown, unknown>([
              ['b', 1],
              ['a', { x: 1 }],
            ]),
          ],
          'Map{"a"=>{x:1},"b"=>1}',
        ],
        [[new Set([2, 1])], 'Set{1,2}'],
        [[/a"b/gi], 'RegExp("a\\"b","gi",0)'],
        [[new URL('https://example.com/?q=1')], 'URL("https://example.com/?q=1")'],
        [
          [Buffer.from('hello'), new Uint8Array([1]), new ArrayBuffer(1)],
          'Buffer(aGVsbG8),Uint8Array(AQ),ArrayBuffer(AA)',
        ],
        [[new Money(12, 'EUR')], '@Money("12 EUR")'],
        [[Object.create(null)], 'null{}'],
        [['\0\uD800\n'], '"\\u0000\\ud800\\n"'],
      ] as readonly [readonly unknown[], string][]
    ).map(([args, encoded]) => ({ args, encoded })),
  )('$encoded', ({ args, encoded }) => {
    expect(encode(...args)).toBe(encoded);
  });
});

describe('INVARIANT 21: near misses stay apart', () => {
  const hole = new Array(1);
  const regex = /a/g;
  regex.lastIndex = 1;
  const groups: readonly (readonly (readonly unknown[])[])[] = [
    [[1], [1n], ['1'], [[1]], [{ 0: 1 }], [new Set([1])], [new Map([[1, undefined]])]],
    [[], [undefined], [null], [undefined, undefined], [[]], [{}], [''], ['undefined'], [Object.create(null)]],
    [[0], [-0], ['-0'], [false], [[0]], [[-0]]],
    [[hole], [[undefined]], [['hole']], [[]], [new Array(2)]],
    [['a', 'b'], ['a,b'], ['a","b'], [['a', 'b']], ['a', ['b']]],
    [[{ a: undefined }], [{}], [{ a: null }], [{ undefined: 'a' }]],
    [
      [{ a: 1, b: 2 }],
      [{ a: 1, 'b:2': 2 }],
      [{ 'a:1,b': 2 }],
      [
        new Map([
          ['a', 1],
          ['b', 2],
        ]),
      ],
    ],
    [[new Date(0)], [0], ['1970-01-01T00:00:00.000Z'], ['Date("1970-01-01T00:00:00.000Z")'], [new Date(1)]],
    [[/a/], [/a/g], [regex], ['/a/'], [/A/]],
    [[new Money(1, 'kg')], [new Weight('1 kg')], ['1 kg'], ['@Weight("1 kg")'], [new Weight('1  kg')]],
    [
      [new Uint8Array(2)],
      [new Uint16Array(1)],
      [new Uint8Array(3)],
      [Buffer.alloc(2)],
      [new ArrayBuffer(2)],
      [new DataView(new ArrayBuffer(2))],
      [new Int8Array(2)],
    ],
    [[new Float64Array([0])], [new Float64Array([-0])], [new BigInt64Array(1)]],
    [[new URL('http://a/')], [new URL('http://b/')], ['http://a/']],
    [[new Set([{ a: 1 }, { a: 1 }])], [new Set([{ a: 1 }])]],
    [['\uD800'], ['\uDC00'], ['\uFFFD'], ['\\ud800']],
  ];

  it.each(groups.map((group) => ({ group, encoded: group.map((args) => encode(...args)) })))(
    '$encoded',
    ({ group }) => {
      for (const [index, one] of group.entries()) {
        for (const other of group.slice(index + 1)) {
          expect(isDeepStrictEqual(one, other)).toBe(false);
          expect(encode(...one)).not.toBe(encode(...other));
        }
      }
    },
  );

  it('property order, Map order and Set order do not count', () => {
    expect(encode({ a: 1, b: { c: 1, d: 2 } })).toBe(encode({ b: { d: 2, c: 1 }, a: 1 }));
    expect(
      encode(
        new Map([
          [{ a: 1 }, 1],
          [{ b: 1 }, 2],
        ]),
      ),
    ).toBe(
      encode(
        new Map([
          [{ b: 1 }, 2],
          [{ a: 1 }, 1],
        ]),
      ),
    );
    expect(encode(new Set([[1], '1', 1]))).toBe(encode(new Set(['1', 1, [1]])));
  });

  it('own properties called __proto__ count', () => {
    expect(encode(JSON.parse('{"__proto__":1}'))).toBe('{__proto__:1}');
    expect(encode(JSON.parse('{"__proto__":1}'))).not.toBe(encode({}));
  });

  it('a part that occurs twice is no cycle', () => {
    const part = { a: 1 };
    expect(encode([part, part])).toBe(encode([{ a: 1 }, { a: 1 }]));
  });

  it('plain objects and arrays of another realm are plain', () => {
    expect(encode(runInContext('({ a: [1] })', createContext()))).toBe(encode({ a: [1] }));
  });

  it('properties nobody can enumerate do not count', () => {
    const value = Object.defineProperties({ a: 1 }, { b: { value: 2 }, [Symbol('c')]: { value: 3 } });
    expect(isDeepStrictEqual(value, { a: 1 })).toBe(true);
    expect(encode(value)).toBe(encode({ a: 1 }));
  });
});

describe('what has no canonical form is refused', () => {
  const cycle: { self?: unknown } = {};
  cycle.self = [cycle];
  it.each([
    ['a function', () => 1],
    ['a symbol', Symbol('x')],
    ['an instance of Promise', Promise.resolve()],
    ['an instance of WeakMap', new WeakMap()],
    ['an instance of Error', new Error('x')],
    ['an instance of String', Object('x')],
    ['an instance of Sub', new (class Sub extends Map {})()],
    ['an array', new (class Sub extends Array {})()],
    ['an instance of Foo', new (class Foo {})()],
    ['an instance of AbortSignal', new AbortController().signal],
    ['an instance of SharedArrayBuffer', new SharedArrayBuffer(1)],
    ['a plain object', new Function('return arguments')(1)],
    ['a plain object', { [Symbol.toStringTag]: 'x' }],
  ])('%s', (kind, value) => {
    const error = errorOf(1, { filter: [value] });
    expect(error.code).toBe('UNSUPPORTED_ARGUMENT');
    expect(error.message).toContain('Expected `filter.0` in argument 1 of Users.find to');
    expect(error.message).toContain(`got ${kind}`);
    expect(error.message).toContain('`ignoreArgs`');
  });

  it.each([
    ['a cycle', cycle, 'Expected `self.0` in argument 0 of Users.find to contain no cycle'],
    [
      'a symbol as property name',
      { a: { [Symbol('x')]: 1 } },
      'Expected `a` in argument 0 of Users.find to have no symbols',
    ],
    [
      'an array with a name',
      [tagged([1], 'index', 0)],
      'Expected `0` in argument 0 of Users.find to hold elements only',
    ],
    ['a Date with a property', Object.assign(new Date(), { a: 1 }), 'without properties of its own'],
    ['an invalid date', new Date(Number.NaN), 'Expected argument 0 of Users.find to be a valid date'],
    ['toCacheKey() that returns no string', { toCacheKey: () => 1 }, 'returns a string'],
    ['a key of a Map', new Map([[() => 1, 1]]), 'Expected `<key>` in argument 0'],
    ['a value of a Map', new Map([['a', () => 1]]), 'Expected `a` in argument 0'],
    ['a huge hole', new Array(4e9), `at most ${MAX_VALUES} values`],
  ])('%s', (_kind, value, part) => {
    const error = errorOf(value);
    expect(error.code).toBe('UNSUPPORTED_ARGUMENT');
    expect(error.message).toContain(part);
  });

  it('the place named is the one refused, not one seen before', () => {
    expect(errorOf([[{ deep: [1] }], { [Symbol('x')]: 1 }]).message).toContain('Expected `1` in argument 0');
  });

  it('nesting is bounded, without a stack overflow', () => {
    const nest = (depth: number): unknown => Array.from({ length: depth }).reduce((inner: unknown) => [inner], 1);
    expect(encode(nest(MAX_DEPTH))).toBe(`${'['.repeat(MAX_DEPTH)}1${']'.repeat(MAX_DEPTH)}`);
    expect(errorOf(nest(MAX_DEPTH + 1)).message).toContain(`at most ${MAX_DEPTH} deep`);
    expect(errorOf(nest(100_000)).message).toContain(`at most ${MAX_DEPTH} deep`);
  });

  it('objects that repeat the same parts over and over are bounded', () => {
    let value: unknown = 1;
    for (let depth = 0; depth < 60; depth++) value = [value, value];
    expect(errorOf(value).message).toContain(`at most ${MAX_VALUES} values`);
  });

  it('a getter that throws is kept as the cause', () => {
    const cause = new Error('boom');
    const value = {
      get a(): number {
        throw cause;
      },
    };
    expect(errorOf(value)).toMatchObject({ code: 'UNSUPPORTED_ARGUMENT', cause });
  });

  it('no message shows a value', () => {
    expect(errorOf({ password: 'secret', f: () => 'secret' }).message).not.toContain('secret');
  });
});
