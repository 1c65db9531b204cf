/** `@CachedMany` and `cachedMany`: methods of many ids, cached by id. */
import { describe, expect, it } from 'vitest';
import { Cached } from '../../../src/decorators/cached.js';
import { CachedMany, cachedMany } from '../../../src/decorators/cached-many.js';
import type { CachedManyOptions } from '../../../src/decorators/cached-many-options.js';
import { Early } from '../../../src/decorators/early.js';
import { cacheEntry } from '../../../src/engine/load-context.js';
import { turnOfTheLoop } from '../../support/test-cache.js';
import { cacheName, open, refusal } from './support.js';

interface User {
  readonly id: number;
  readonly name: string;
}

const user = (id: number): User => ({ id, name: `user ${id}` });

/** Rows there are for some ids, in an order of the database's own. */
const rowsOf = (ids: Iterable<number>): User[] =>
  [...new Set(ids)]
    .filter((id) => id < 100)
    .sort((one, other) => other - one)
    .map(user);

/** A Kysely-like database without anything in it. */
const db = {
  transaction: () => ({ execute: <T>(work: (trx: string) => Promise<T>): Promise<T> => work('trx') }),
};

/** A class with a cached method of many ids and one of one id, over one key template. */
function service(options: Partial<CachedManyOptions> = {}) {
  const cache = cacheName();
  const shared = { cache, ttl: '1h', tags: ['users', 'user:{id}'] };
  class Users {
    readonly asked: (readonly number[])[] = [];
    fail: unknown = undefined;

    @CachedMany({ key: 'user:{id}', each: 'ids', id: 'id', ...shared, ...options, returns: 'array' })
    async users(ids: readonly number[], _note?: string): Promise<User[]> {
      this.asked.push(ids);
      if (this.fail !== undefined) throw this.fail;
      return rowsOf(ids);
    }

    @Cached('user:{id}', { useCase: `one ${cache}`, ...shared })
    async user(id: number): Promise<User | null> {
      this.asked.push([id]);
      return rowsOf([id])[0] ?? null;
    }
  }
  return { name: cache, users: new Users() };
}

describe('@CachedMany', () => {
  it('calls the method once, with only the missing ids; order and repetitions stay, what is absent is left out', async () => {
    const { name, users } = service();
    await open(name);
    expect(await users.users([3, 1, 200])).toEqual([user(3), user(1)]);
    expect(await users.users([2, 3, 2, 300, 1])).toEqual([user(2), user(3), user(2), user(1)]);
    expect(await users.users([1, 2, 3])).toEqual([user(1), user(2), user(3)]);
    expect(await users.users([])).toEqual([]);
    expect(users.asked).toEqual([
      [3, 1, 200],
      [2, 300],
    ]);
  });

  it('shares entries with @Cached of the same key, both ways, nulls included', async () => {
    const { name, users } = service();
    await open(name);
    await users.users([1, 2]);
    expect(await users.user(1)).toEqual(user(1));
    expect([await users.user(7), await users.user(200)]).toEqual([user(7), null]);
    expect(await users.users([7, 200, 1])).toEqual([user(7), user(1)]);
    expect(users.asked).toEqual([[1, 2], [7], [200]]);
  });

  it('a load of one is joined by many, and the other way round', async () => {
    const { name, users } = service();
    await open(name);
    const calls = [users.users([1, 2, 3]), users.user(2), users.users([2, 3, 4])];
    expect(await Promise.all(calls)).toEqual([[1, 2, 3].map(user), user(2), [2, 3, 4].map(user)]);
    expect(users.asked.flat().sort((one, other) => one - other)).toEqual([1, 2, 3, 4]);
    expect(users.asked.length).toBeLessThanOrEqual(3);
  });

  it('tags are each id’s own', async () => {
    const { name, users } = service();
    const { cache } = await open(name);
    await users.users([1, 2]);
    await cache.invalidateTags('user:2');
    await users.users([1, 2]);
    await cache.invalidateTags('users');
    await users.users([1, 2]);
    expect(users.asked).toEqual([[1, 2], [2], [1, 2]]);
  });

  it('nullTtl: what is absent is remembered as null, for that long', async () => {
    const { name, users } = service({ nullTtl: '1m' });
    const { cluster, cache } = await open(name);
    expect(await users.users([1, 200])).toEqual([user(1)]);
    expect(await users.users([1, 200])).toEqual([user(1)]);
    expect(await cache.get('user:200')).toBeNull();
    cluster.clock.advance(60_001);
    await users.users([1, 200]);
    expect(users.asked).toEqual([[1, 200], [200]]);
  });

  it('an error rejects the call and caches nothing; stale values answer where there are any', async () => {
    const { name, users } = service({ grace: '1d' });
    const { cluster } = await open(name);
    await users.users([1]);
    cluster.clock.advance(3_600_001);
    users.fail = new Error('down');
    await expect(users.users([1, 2])).rejects.toThrow('down');
    expect(await users.users([1])).toEqual([user(1)]);
    users.fail = undefined;
    expect(await users.users([1, 2])).toEqual([user(1), user(2)]);
  });

  it('stacked with @Early its entries are refreshed together in the background', async () => {
    const cache = cacheName();
    const asked: (readonly number[])[] = [];
    class Users {
      @Early({ earlyTtl: '30m' })
      @CachedMany({ cache, key: 'user:{id}', id: 'id', ttl: '1h', jitter: 0 })
      async users(ids: readonly number[]): Promise<User[]> {
        asked.push(ids);
        return rowsOf(ids);
      }
    }
    const opened = await open(cache);
    const users = new Users();
    await users.users([1, 2, 3]);
    opened.cluster.clock.advance(31 * 60_000);
    await users.users([1, 3]);
    await turnOfTheLoop();
    await opened.cache.idle();
    expect(asked).toEqual([
      [1, 2, 3],
      [1, 3],
    ]);
  });

  it('inside of a transaction the method runs for all ids, once, and nothing is kept', async () => {
    const { name, users } = service();
    const { cache } = await open(name);
    await users.users([1]);
    expect(await cache.transaction(db, () => users.users([2, 1, 2]))).toEqual([user(2), user(1), user(2)]);
    expect(users.asked).toEqual([[1], [2, 1]]);
    expect([...(await cache.getMany(['user:1', 'user:2'])).keys()]).toEqual(['user:1']);
  });

  it('without a cache the method runs uncached, with the same order', async () => {
    const { users } = service();
    expect(await users.users([1, 3, 1])).toEqual([user(1), user(3), user(1)]);
    expect(users.asked).toEqual([[1, 3]]);
  });

  it('cacheEntry() speaks for all ids that are loaded', async () => {
    const cache = cacheName();
    class Users {
      @CachedMany({ cache, key: 'user:{id}', id: 'id', ttl: '1h' })
      async users(ids: readonly number[]): Promise<User[]> {
        cacheEntry().tags('loaded together');
        return rowsOf(ids);
      }
    }
    const opened = await open(cache);
    await new Users().users([1, 2]);
    expect((await opened.cache.getEntry('user:2'))?.tags).toEqual(['loaded together']);
  });
});

describe('what methods take and return', () => {
  it('a Set of ids, and a Map of values', async () => {
    const cache = cacheName();
    const asked: unknown[] = [];
    class Names {
      @CachedMany({ cache, key: 'name:{ids}', each: 'ids', returns: 'map', ttl: '1h' })
      async names(ids: ReadonlySet<number>): Promise<Map<number, string>> {
        asked.push(ids);
        return new Map(rowsOf(ids).map((row) => [row.id, row.name]));
      }
    }
    await open(cache);
    const names = new Names();
    await names.names(new Set([2]));
    expect([...(await names.names(new Set([3, 2, 200])))]).toEqual([
      [3, 'user 3'],
      [2, 'user 2'],
    ]);
    expect(asked).toEqual([new Set([2]), new Set([3, 200])]);
  });

  it('one value for each id, by position; nothing is kept of undefined, null is a value', async () => {
    const cache = cacheName();
    const asked: (readonly string[])[] = [];
    const lengths = cachedMany(
      async (words: readonly string[]): Promise<(number | null | undefined)[]> => {
        asked.push(words);
        return words.map((word) => (word === '?' ? undefined : word === '!' ? null : word.length));
      },
      { cache, key: 'length:{id}', ttl: '1h' },
    );
    await open(cache);
    expect(await lengths(['one', '?', '!', 'three', 'one'])).toEqual([3, undefined, null, 5, 3]);
    expect(await lengths(['!', '?', 'three'])).toEqual([null, undefined, 5]);
    expect(asked).toEqual([['one', '?', '!', 'three'], ['?']]);
  });

  it('other arguments belong to the key where it names them, wherever the ids stand; ids of a row may be made by a function', async () => {
    const cache = cacheName();
    const asked: unknown[][] = [];
    const prices = cachedMany(
      async (currency: string, pairs: readonly { shop: string; sku: number }[]) => {
        asked.push([currency, ...pairs.map(({ sku }) => sku)]);
        return pairs.map((pair) => ({ ...pair, price: `${currency} ${pair.sku}` }));
      },
      {
        cache,
        key: 'price:{currency}:{pairs.shop}:{pairs.sku}',
        each: 1,
        id: ({ shop, sku }: { shop: string; sku: number }) => ({ shop, sku }),
        ttl: '1h',
      },
    );
    await open(cache);
    const pair = (sku: number) => ({ shop: 'a', sku });
    await prices('EUR', [pair(1), pair(2)]);
    await prices('USD', [pair(1)]);
    expect((await prices('EUR', [pair(2), pair(3)])).map(({ price }) => price)).toEqual(['EUR 2', 'EUR 3']);
    expect(asked).toEqual([
      ['EUR', 1, 2],
      ['USD', 1],
      ['EUR', 3],
    ]);
  });

  it('ids are one where their keys are: 1 and its text', async () => {
    const cache = cacheName();
    const asked: unknown[] = [];
    const rows = cachedMany(
      async (ids: readonly (number | string)[]) => {
        asked.push(ids);
        return ids.map((id) => ({ id: String(id) }));
      },
      { cache, key: 'row:{id}', id: 'id', ttl: '1h' },
    );
    await open(cache);
    expect(await rows([1, '1', 2])).toEqual([{ id: '1' }, { id: '1' }, { id: '2' }]);
    expect(asked).toEqual([[1, 2]]);
  });

  it.each<[string, (ids: readonly number[]) => unknown, Partial<CachedManyOptions>, string]>([
    ['a row nobody asked for', () => [user(9)], {}, 'returned a row of `9` (number), which it was not asked for'],
    ['two rows of one id', () => [user(1), user(1)], {}, 'returned two rows of `1`'],
    ['a row without an id', () => [{ name: 'x' }], {}, 'whose id is `undefined`'],
    ['null among rows', () => [user(1), null], {}, 'to return rows, got `null`'],
    ['an object', () => ({}), {}, 'to return an array'],
    ['a Map', () => new Map(), {}, "give it `returns: 'map'`"],
    ['too few positions', () => [1], { id: undefined }, 'asked for 2 ids and returned an array of 1'],
    ['an array for a Map', () => [], { id: undefined, returns: 'map' }, 'to return a Map by ids'],
  ])('%s: a clear error that caches nothing', async (_, answer, options, message) => {
    const cache = cacheName();
    const broken = cachedMany(async (ids: readonly number[]) => answer(ids) as never, {
      cache,
      key: 'row:{id}',
      id: 'id',
      ttl: '1h',
      ...options,
    } as never) as (ids: readonly number[]) => Promise<unknown>;
    const opened = await open(cache);
    await expect(broken([1, 2])).rejects.toMatchObject({
      code: 'UNMATCHED_RESULT',
      message: expect.stringContaining(message),
    });
    expect((await opened.cache.getMany(['row:1', 'row:2'])).size).toBe(0);
  });

  it('an id that makes no key, and ids that are none: the method runs uncached, and that is reported', async () => {
    const { name, users } = service();
    const { recorder } = await open(name);
    expect(await users.users([1, undefined as never])).toEqual([user(1)]);
    await expect(users.users(1 as never)).rejects.toThrow();
    expect(recorder.of('bypass').map(({ reason }) => reason)).toEqual(['key', 'key']);
    expect(users.asked).toHaveLength(2);
  });
});

describe('definitions', () => {
  const define = (options: object) => () =>
    cachedMany(async (ids: readonly number[], _other?: string) => rowsOf(ids), { ttl: '1h', ...options } as never);

  it.each<[string, object, string]>([
    ['no key', { useCase: 'rows' }, 'Expected `key` to be a template'],
    ['a key without the id', { key: 'user:{_other}' }, 'names the id'],
    ['an unknown placeholder', { key: 'user:{id}:{tenant}' }, 'tenant'],
    ['an unknown parameter', { key: 'user:{id}', each: 'users' }, 'Expected `each` to be a parameter'],
    ['a position there is not', { key: 'user:{id}', each: 2 }, 'Expected `each`'],
    ['an id that is none', { key: 'user:{id}', id: 7 }, 'Expected `id` to be the name of a property'],
    ['an id beside a Map', { key: 'user:{id}', id: 'id', returns: 'map' }, 'Expected `id` to be left out'],
    ['an unknown shape', { key: 'user:{id}', returns: 'set' }, "Expected `returns` to be 'array' or 'map'"],
    ['an unknown absence', { key: 'user:{id}', absent: 'error' }, "Expected `absent` to be 'miss' or 'null'"],
    ['nulls that are not kept', { key: 'user:{id}', absent: 'null', cacheNull: false }, 'Expected `absent`'],
    ['ignoreArgs', { key: 'user:{id}', ignoreArgs: [1] }, 'Expected `ignoreArgs` to be left out'],
    ['an unknown option', { key: 'user:{id}', eech: 'ids' }, 'eech'],
    ['a bad lifetime', { key: 'user:{id}', ttl: -1 }, 'Expected `ttl`'],
  ])('%s: a clear error', (_, options, message) => {
    expect(refusal(define(options))).toMatchObject({
      name: 'ConfigurationError',
      message: expect.stringContaining(message),
    });
  });

  it('other tags than @Cached of the same template: an error', async () => {
    const cache = cacheName();
    const make = (tags: string[], useCase: string) =>
      cachedMany(async (ids: readonly number[]) => rowsOf(ids), {
        cache,
        key: 'agree:{id}',
        id: 'id',
        ttl: '1h',
        tags,
        useCase,
      });
    await open(cache);
    await make(['a'], `one ${cache}`)([1]);
    await expect(make(['b'], `other ${cache}`)([1])).rejects.toMatchObject({ code: 'INVALID_DECORATION' });
  });

  it('above another decorator: an error', async () => {
    const stacked = () => {
      class Users {
        @CachedMany({ key: 'user:{id}', ttl: '1h' })
        @Cached('other:{ids}', { ttl: '1h' })
        async users(ids: readonly number[]): Promise<User[]> {
          return rowsOf(ids);
        }
      }
      return Users;
    };
    expect(refusal(stacked)).toMatchObject({ code: 'INVALID_DECORATION' });
  });
});
