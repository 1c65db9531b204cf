/** Handles of methods and functions of many ids. */
import { describe, expect, it } from 'vitest';
import { cacheOf } from '../../../src/decorators/cache-of.js';
import { CachedMany, cachedMany } from '../../../src/decorators/cached-many.js';
import { KeyError } from '../../../src/errors.js';
import { turnOfTheLoop } from '../../support/test-cache.js';
import { cacheName, open } from './support.js';

interface User {
  readonly id: number;
  readonly name: string;
}

const user = (id: number): User => ({ id, name: `user ${id}` });

/** A Kysely-like database without anything in it. */
const db = {
  transaction: () => ({ execute: <T>(work: (trx: string) => Promise<T>): Promise<T> => work('trx') }),
};

/** A class with a cached method of many ids; there are users below 100, in an order of the database's own. */
function service(key = 'user:{id}') {
  const cache = cacheName();
  class Users {
    readonly asked: (readonly number[])[] = [];
    fail: unknown = undefined;

    @CachedMany({ key, each: 'ids', id: 'id', cache, ttl: '1h' })
    async users(ids: readonly number[], _note?: string): Promise<User[]> {
      this.asked.push(ids);
      if (this.fail !== undefined) throw this.fail;
      return ids
        .filter((id) => id < 100)
        .sort((one, other) => other - one)
        .map(user);
    }
  }
  return { name: cache, users: new Users() };
}

describe('cacheOf a method of many ids', () => {
  it('key: of one id, as @Cached with the same template makes it; other arguments in their places', async () => {
    const { name, users } = service('user:{id}:{_note}');
    const handle = cacheOf(users, 'users');
    expect(handle.key(7, 'x')).toBe('user:7:x');
    await open(name);
    expect(handle.key(7, 'x')).toBe('user:7:x');
    expect(() => handle.key(undefined as never, 'x')).toThrow(KeyError);
  });

  it('peek: what is fresh, in the shape of the method, and never runs it', async () => {
    const { name, users } = service();
    const { cache } = await open(name);
    const handle = cacheOf(users, 'users');
    expect(await handle.peek([1, 2])).toEqual([]);
    await users.users([2, 1, 200]);
    expect(await handle.peek([1, 200, 3, 2, 1])).toEqual([user(1), user(2), user(1)]);
    expect(await handle.peek([])).toEqual([]);
    await cache.expire('user:2');
    expect(await handle.peek([1, 2])).toEqual([user(1)]);
    expect(users.asked).toHaveLength(1);
    await expect(handle.peek(1 as never)).rejects.toThrow(KeyError);
  });

  it('refresh: runs the method once for all ids, and publishes what it returns', async () => {
    const { name, users } = service();
    await open(name);
    const handle = cacheOf(users, 'users');
    await users.users([1, 2]);
    expect(await handle.refresh([1, 3, 1, 200])).toEqual([user(1), user(3), user(1)]);
    expect(users.asked).toEqual([
      [1, 2],
      [1, 3, 200],
    ]);
    expect(await users.users([1, 2, 3])).toHaveLength(3);
    expect(await handle.refresh([])).toEqual([]);
    expect(users.asked).toHaveLength(2);
    users.fail = new Error('down');
    await expect(handle.refresh([1])).rejects.toThrow('down');
    expect(await handle.peek([1])).toEqual([user(1)]);
  });

  it('refresh: waits for loads of its ids that began before, and loads them anew', async () => {
    const name = cacheName();
    await open(name);
    const asked: (readonly number[])[] = [];
    const answers: ((values: string[]) => void)[] = [];
    const load = (ids: readonly number[]): Promise<string[]> => {
      asked.push(ids);
      return new Promise((resolve) => answers.push(resolve));
    };
    const until = async (calls: number): Promise<void> => {
      for (let turn = 0; turn < 1_000 && asked.length < calls; turn += 1) await turnOfTheLoop();
    };
    const many = cachedMany(load, { key: 'k:{id}', cache: name, ttl: '1h' });
    const older = many([1]);
    await until(1);
    const refreshed = many.refresh([1, 2]);
    await until(2);
    expect(asked).toEqual([[1], [2]]);
    answers[0]?.(['old']);
    expect(await older).toEqual(['old']);
    await until(3);
    answers[1]?.(['new']);
    answers[2]?.(['new']);
    expect([await refreshed, asked]).toEqual([
      ['new', 'new'],
      [[1], [2], [1]],
    ]);
    expect(await many.peek([2, 1, 3])).toEqual(['new', 'new', undefined]);
  });

  it('invalidate: deletes the entries of all its ids; whether one was there', async () => {
    const { name, users } = service();
    const { cache } = await open(name);
    const handle = cacheOf(users, 'users');
    await users.users([1, 2, 3]);
    expect(await handle.invalidate([1, 2, 50])).toBe(true);
    expect(await handle.invalidate([1, 2])).toBe(false);
    expect(await handle.invalidate([])).toBe(false);
    expect(await handle.peek([1, 2, 3])).toEqual([user(3)]);
    await cache.transaction(db, async () => {
      expect(await handle.invalidate([3])).toBe(false);
    });
    expect(await handle.peek([3])).toEqual([]);
  });

  it('a Map stays a Map, and a Set of ids is one of ids', async () => {
    const name = cacheName();
    await open(name);
    const many = cachedMany(async (ids: ReadonlySet<number>) => new Map([...ids].map((id) => [id, user(id)])), {
      key: 'user:{id}',
      returns: 'map',
      cache: name,
      ttl: '1h',
    });
    expect(await many.peek(new Set([1]))).toEqual(new Map());
    await many.refresh(new Set([1, 2]));
    expect(await many.peek(new Set([3, 2]))).toEqual(new Map([[2, user(2)]]));
    expect(many.key(2)).toBe('user:2');
  });

  it('without an open cache: peek finds nothing, refresh runs the method, invalidate answers false', async () => {
    const { users } = service();
    const handle = cacheOf(users, 'users');
    expect(await handle.peek([1])).toEqual([]);
    expect(await handle.refresh([1])).toEqual([user(1)]);
    expect(await handle.invalidate([1])).toBe(false);
  });
});
