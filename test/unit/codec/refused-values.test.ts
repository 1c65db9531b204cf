import { describe, expect, it } from 'vitest';
import { CodecError } from '../../../src/errors.js';
import { CODECS, roundTripsOf } from './codecs-under-test.js';

describe.each(CODECS)('$name refuses', ({ make }) => {
  const codec = make();
  const roundTrip = roundTripsOf(codec);

  function refusalOf(value: unknown): CodecError {
    try {
      codec.encode(value);
    } catch (error) {
      if (error instanceof CodecError) return error;
      throw error;
    }
    throw new Error('It was encoded');
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
      for (const value of [objects, maps, hostile]) expect(flatten(roundTrip(value))).toBe(flatten(value));
    });

    it('arrays of more holes together than anybody could read back', () => {
      const holes = Array.from({ length: 2 }, () => new Array(600_000));
      expect(refusalOf(holes).message).toContain('more than 1000000 holes');
      expect(roundTrip(holes[0])).toHaveLength(600_000);
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
});
