import { deepStrictEqual } from 'node:assert';
import { types } from 'node:util';
import { describe, expect, it } from 'vitest';
import { isolate, take } from '../../../src/kernel/isolation.js';

const plain = (): { id: number; tags: string[]; owner: { name: string | undefined } } => ({
  id: 1,
  tags: ['a'],
  owner: { name: undefined },
});

class Account {
  readonly at = new Date(0);
}

/** Fresh values of every type that is not plain, and what a careless caller does to them. */
const others: Record<string, [() => unknown, (value: never) => void]> = {
  Date: [() => new Date(1), (value: Date) => value.setTime(99)],
  Map: [
    () => new Map([['a', { b: 1 }]]),
    (value: Map<string, { b: number }>) => Object.assign(value.get('a') ?? {}, { b: 99 }),
  ],
  'Map keys': [
    () => new Map([[{ id: 1 }, 'a']]),
    (value: Map<object, string>) => Object.assign([...value.keys()][0] ?? {}, { id: 99 }),
  ],
  Set: [() => new Set([1]), (value: Set<number>) => value.clear()],
  RegExp: [() => Object.assign(/a/g, { lastIndex: 1 }), (value: RegExp) => Object.assign(value, { lastIndex: 99 })],
  URL: [() => new URL('http://a.b/c'), (value: URL) => Object.assign(value, { pathname: '/changed' })],
  Buffer: [() => Buffer.from('abc'), (value: Buffer) => value.fill(0)],
  Float64Array: [() => new Float64Array([1]), (value: Float64Array) => value.fill(0)],
  BigInt64Array: [() => new BigInt64Array([1n]), (value: BigInt64Array) => value.fill(0n)],
  DataView: [() => new DataView(new ArrayBuffer(2)), (value: DataView) => value.setInt8(0, 9)],
  ArrayBuffer: [() => new ArrayBuffer(2), (value: ArrayBuffer) => new Uint8Array(value).fill(9)],
  'an error’s cause': [
    () => new TypeError('x', { cause: { a: 1 } }),
    (value: Error) => Object.assign(value.cause ?? {}, { a: 99 }),
  ],
  'an array with holes': [() => Object.assign(new Array(2), { 1: new Date(1) }), (value: Date[]) => value.pop()],
  'an own __proto__': [
    () => Object.assign(JSON.parse('{"__proto__": {"a": 1}}'), { at: new Date(0) }),
    (value: object) => Object.assign(Object.values(value)[0], { a: 99 }),
  ],
  'a plain object around a Date': [
    () => ({ list: [1], at: new Date(1) }),
    (value: { list: number[] }) => value.list.push(99),
  ],
  'an instance of a class': [() => new Account(), (value: Account) => value.at.setTime(99)],
};

describe('INVARIANT 24: what one caller does to a value never changes what others get', () => {
  it('frozen: plain objects and arrays cannot be changed, in any depth, and cost a hit nothing', () => {
    const isolated = isolate(plain(), 'frozen');
    const value = take(isolated) as ReturnType<typeof plain>;
    expect(() => value.tags.push('b')).toThrow(TypeError);
    expect(() => Object.assign(value.owner, { name: 'x' })).toThrow(TypeError);
    expect(take(isolated)).toBe(value);
    deepStrictEqual(value, plain());
  });

  it('frozen: what is frozen above is frozen below, too', () => {
    const value = take(isolate(Object.freeze({ list: [1] }), 'frozen')) as { list: number[] };
    expect(() => value.list.push(2)).toThrow(TypeError);
  });

  it.each(Object.keys(others))('frozen and cloned: %s', (name) => {
    const [make, change] = others[name] ?? [() => 0, () => 0];
    for (const isolation of ['frozen', 'cloned'] as const) {
      const isolated = isolate(make(), isolation);
      const mine = take(isolated);
      deepStrictEqual(mine, make());
      change(mine as never);
      expect(() => deepStrictEqual(mine, make())).toThrow();
      deepStrictEqual(take(isolated), make());
    }
  });

  it('cloned: everybody may change what they got', () => {
    const isolated = isolate(plain(), 'cloned');
    const mine = take(isolated) as ReturnType<typeof plain>;
    mine.tags.push('mine');
    deepStrictEqual(take(isolated), plain());
  });

  it('shared: everybody gets the same, unprotected', () => {
    const value = plain();
    expect(take(isolate(value, 'shared'))).toBe(value);
    expect(Object.isFrozen(value)).toBe(false);
  });

  it.each([0, -0, '', 'text', false, null, undefined, 1n, Number.NaN])('%s needs no protection', (value) => {
    for (const isolation of ['frozen', 'cloned', 'shared'] as const) {
      expect(isolate(value, isolation)).toEqual({ value, handing: 'itself' });
      expect(take(isolate(value, isolation))).toBe(value);
    }
  });

  it('a value that is cloned is not frozen as well', () => {
    const value = { list: [1], at: new Date(0) };
    isolate(value, 'frozen');
    expect(Object.isFrozen(value.list)).toBe(false);
  });
});

describe('clones', () => {
  it('of errors are errors of the same class, name, stack and properties', () => {
    const error = Object.assign(new RangeError('far', { cause: 1 }), { code: 'E' });
    const copy = take(isolate(error, 'cloned')) as typeof error;
    expect(copy).not.toBe(error);
    expect(types.isNativeError(copy)).toBe(true);
    expect(copy).toBeInstanceOf(RangeError);
    expect([copy.name, copy.message, copy.cause, copy.code, copy.stack]).toEqual([
      'RangeError',
      'far',
      1,
      'E',
      error.stack,
    ]);
    expect(Object.keys(copy)).toEqual(['code']);
  });

  it('of bytes have memory of their own, and of views only what they show', () => {
    const whole = new Uint8Array([1, 2, 3, 4]);
    const copy = take(isolate(whole.subarray(1, 3), 'cloned')) as Uint8Array;
    expect([copy, copy.buffer.byteLength]).toEqual([new Uint8Array([2, 3]), 2]);
  });

  it('of instances keep the class', () => {
    expect(take(isolate(new Account(), 'cloned'))).toBeInstanceOf(Account);
  });

  it('of objects without prototype have none', () => {
    expect(Object.getPrototypeOf(take(isolate(Object.create(null), 'cloned')))).toBeNull();
  });

  it('end at cycles, as freezing does, and keep them', () => {
    for (const isolation of ['frozen', 'cloned'] as const) {
      const cycle: { self?: unknown; all: unknown[] } = { all: [] };
      cycle.self = cycle;
      cycle.all.push(cycle, new Map([['cycle', isolation === 'cloned' ? cycle : null]]).get('cycle'));
      const copy = take(isolate(cycle, isolation)) as typeof cycle;
      expect(copy.self).toBe(copy);
      expect(copy.all[0]).toBe(copy);
    }
  });
});
