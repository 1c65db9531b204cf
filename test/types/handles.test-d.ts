/** What the compiler knows of cached functions and of the handles of cached methods. */
import { describe, expectTypeOf, it } from 'vitest';
import {
  type AsyncMethodDecorator,
  Cache,
  type CacheHandle,
  CachePut,
  cached,
  cacheOf,
  createCache,
} from '../../src/index.js';

interface Report {
  readonly day: string;
}

const named = Symbol('named');

class Reports {
  readonly title = 'reports';

  async report(day: string, options: { readonly full?: boolean } = {}): Promise<Report> {
    void options;
    return { day };
  }

  async [named](id: number): Promise<number> {
    return id;
  }

  synchronous(): number {
    return 1;
  }

  static async all(): Promise<Report[]> {
    return [];
  }
}

class Inheriting extends Reports {}

describe('cached()', () => {
  it('is the function, and its handle', () => {
    const report = cached(new Reports().report, { key: 'report:{0}', ttl: '1m' });
    expectTypeOf(report).toBeCallableWith('monday', { full: true });
    expectTypeOf(report).returns.toEqualTypeOf<Promise<Report>>();
    expectTypeOf(report.key).returns.toEqualTypeOf<string>();
    expectTypeOf(report.peek).parameters.toEqualTypeOf<[day: string, options?: { readonly full?: boolean }]>();
    expectTypeOf(report.peek).returns.toEqualTypeOf<Promise<Report | undefined>>();
    expectTypeOf(report.refresh).returns.toEqualTypeOf<Promise<Report>>();
    expectTypeOf(report.invalidate).returns.toEqualTypeOf<Promise<boolean>>();
    // @ts-expect-error a number for a text
    void (() => report.key(1));
  });

  it('keeps type parameters', () => {
    const first = cached(async <Item>(items: readonly Item[]) => items[0], { key: '{0:hash}', ttl: 1 });
    expectTypeOf(first([1])).toEqualTypeOf<Promise<number | undefined>>();
  });

  it('takes asynchronous functions and known options only', () => {
    // @ts-expect-error a synchronous function
    void (() => cached(() => 1, { key: 'k', ttl: 1 }));
    // @ts-expect-error a misspelt option
    void (() => cached(async () => 1, { key: 'k', tll: 1 }));
  });
});

describe('cacheOf()', () => {
  it('knows the arguments and the value of the method', () => {
    const handle = cacheOf(new Reports(), 'report');
    expectTypeOf(handle).toEqualTypeOf<CacheHandle<[day: string, options?: { readonly full?: boolean }], Report>>();
    expectTypeOf(cacheOf(new Inheriting(), named).peek).returns.toEqualTypeOf<Promise<number | undefined>>();
    expectTypeOf(cacheOf(Reports, 'all').refresh).returns.toEqualTypeOf<Promise<Report[]>>();
    // @ts-expect-error a number for a text
    void (() => handle.peek(1));
  });

  it('takes the names of asynchronous methods only', () => {
    // @ts-expect-error there is no such method
    void (() => cacheOf(new Reports(), 'reprot'));
    // @ts-expect-error a synchronous method
    void (() => cacheOf(new Reports(), 'synchronous'));
    // @ts-expect-error a property
    void (() => cacheOf(new Reports(), 'title'));
  });
});

describe('@CachePut and Cache.key', () => {
  it('@CachePut needs a key', () => {
    expectTypeOf(CachePut('product:{product.id}', { ttl: '1m' })).toEqualTypeOf<AsyncMethodDecorator>();
    expectTypeOf(CachePut({ key: 'product:{0}', ttl: '1m' })).toEqualTypeOf<AsyncMethodDecorator>();
    // @ts-expect-error no key
    void (() => CachePut({ ttl: '1m' }));
    // @ts-expect-error nothing
    void (() => CachePut());
  });

  it('Cache.key is a template tag, on instances too', async () => {
    expectTypeOf(Cache.key`product:${1}:${'a'}`).toEqualTypeOf<string>();
    const make = async () => (await createCache()).key`product:${1}`;
    expectTypeOf(make).returns.toEqualTypeOf<Promise<string>>();
  });
});
