/** What the compiler knows of methods of many ids, and what it refuses. */
import { describe, expectTypeOf, it } from 'vitest';
import { Cache, CachedMany, type CacheInstance, cachedMany, cacheOf } from '../../src/index.js';

interface User {
  readonly id: number;
}

class Users {
  @CachedMany({ key: 'user:{id}', each: 'ids', id: 'id', ttl: '10m', tags: ['users'] })
  async users(ids: readonly number[], options: { readonly lang?: string } = {}): Promise<User[]> {
    return ids.map((id) => ({ id, ...options }));
  }

  @CachedMany({ key: 'user:{id}', returns: 'map', ttl: '10m' })
  async byId(ids: ReadonlySet<number>): Promise<Map<number, User>> {
    return new Map([...ids].map((id) => [id, { id }]));
  }

  // @ts-expect-error what it returns is no collection
  @CachedMany({ key: 'user:{id}', ttl: '10m' })
  async one(ids: readonly number[]): Promise<User | undefined> {
    return { id: ids.length };
  }

  // @ts-expect-error it returns an array, and is said to return a Map
  @CachedMany({ key: 'user:{id}', returns: 'map', ttl: '10m' })
  async array(ids: readonly number[]): Promise<User[]> {
    return ids.map((id) => ({ id }));
  }

  // @ts-expect-error a key is required
  @CachedMany({ ttl: '10m' })
  async keyless(ids: readonly number[]): Promise<User[]> {
    return ids.map((id) => ({ id }));
  }
}

describe('methods and functions of many ids keep their types', () => {
  it('parameters and results', () => {
    expectTypeOf<Users['users']>().toEqualTypeOf<
      (ids: readonly number[], options?: { readonly lang?: string }) => Promise<User[]>
    >();
    const users = cachedMany(async (ids: readonly number[]): Promise<User[]> => ids.map((id) => ({ id })), {
      key: 'user:{id}',
      ttl: '1m',
    });
    expectTypeOf(users).toBeCallableWith([1, 2]);
    expectTypeOf(users).returns.toEqualTypeOf<Promise<User[]>>();
  });
});

describe('handles of many ids', () => {
  it('of functions: key takes one id, the others what the function takes', () => {
    const load = async (tenant: string, ids: readonly number[]): Promise<User[]> =>
      ids.map((id) => ({ id: id + tenant.length }));
    const rows = cachedMany(load, { key: 'user:{id}', each: 'ids', id: 'id', ttl: '1m' });
    expectTypeOf(rows.key).parameters.toEqualTypeOf<[tenant: string, ids: number]>();
    expectTypeOf(rows.peek).parameters.toEqualTypeOf<[tenant: string, ids: readonly number[]]>();
    expectTypeOf(rows.peek).returns.resolves.toEqualTypeOf<User[]>();
    expectTypeOf(rows.refresh).returns.resolves.toEqualTypeOf<User[]>();
    expectTypeOf(rows.invalidate).returns.resolves.toEqualTypeOf<boolean>();
    const positions = cachedMany(load, { key: 'user:{id}', each: 'ids', ttl: '1m' });
    expectTypeOf(positions.peek).returns.resolves.toEqualTypeOf<(User | undefined)[]>();
    expectTypeOf(positions.refresh).returns.resolves.toEqualTypeOf<User[]>();
    const byId = cachedMany(new Users().byId, { key: 'user:{id}', returns: 'map', ttl: '1m' });
    expectTypeOf(byId.key).parameters.toEqualTypeOf<[ids: number]>();
    expectTypeOf(byId.peek).returns.resolves.toEqualTypeOf<Map<number, User>>();
    // @ts-expect-error many ids for one
    void (() => rows.key('acme', [1]));
  });

  it('of methods: types do not tell how they are cached, so key takes the arguments of either kind', () => {
    const handle = cacheOf(new Users(), 'users');
    void (() => [handle.key([1]), handle.key(1, { lang: 'en' }), handle.peek([1], { lang: 'en' })]);
    expectTypeOf(handle.peek).returns.resolves.toEqualTypeOf<(User | undefined)[] | undefined>();
    // @ts-expect-error a text for a number
    void (() => handle.key('1'));
    // @ts-expect-error one id for many
    void (() => handle.peek(1));
  });
});

describe('collections', () => {
  it('values have the type asked for', () => {
    expectTypeOf<CacheInstance['getMany']>().returns.resolves.toEqualTypeOf<Map<string, unknown>>();
    const products = () => Cache.getOrSetMany(['a'], async (keys) => keys.map((key) => key.length));
    expectTypeOf(products).returns.resolves.toEqualTypeOf<Map<string, number>>();
    const partly = () => Cache.getOrSetMany(['a'], async () => new Map([['a', { id: 1 }]]));
    expectTypeOf(partly).returns.resolves.toEqualTypeOf<Map<string, { id: number }>>();
  });
});
