/** What the compiler knows of values that come out of a cache. */
import { describe, expectTypeOf, it } from 'vitest';
import {
  Cache,
  type CacheEvent,
  type CacheInstance,
  type ClusterEvents,
  type Consistency,
  cacheEntry,
  type LoadContext,
  type Policy,
  type PublishedEvent,
  type ReadOptions,
} from '../../src/index.js';

interface Product {
  readonly id: number;
}

describe('Cache and CacheInstance', () => {
  it('get: what the caller says, or unknown; always perhaps undefined', () => {
    expectTypeOf(Cache.get<Product>).returns.toEqualTypeOf<Promise<Product | undefined>>();
    expectTypeOf(() => Cache.get('k')).returns.toEqualTypeOf<Promise<unknown>>();
    expectTypeOf<CacheInstance['get']>().toEqualTypeOf<typeof Cache.get>();
  });

  it('getOrSet: what the loader answers, asynchronous or not', () => {
    const product = (): Product => ({ id: 1 });
    expectTypeOf(() => Cache.getOrSet('k', product)).returns.toEqualTypeOf<Promise<Product>>();
    expectTypeOf(() => Cache.getOrSet('k', async () => product())).returns.toEqualTypeOf<Promise<Product>>();
    expectTypeOf(() => Cache.getOrSet('k', () => null)).returns.toEqualTypeOf<Promise<null>>();
    expectTypeOf(() => Cache.getOrSet<Product | undefined>('k', () => undefined)).returns.toEqualTypeOf<
      Promise<Product | undefined>
    >();
  });

  it('getOrSet: the loader gets the context of its load', () => {
    const wrapped = () =>
      Cache.getOrSet(
        'k',
        (load) => {
          expectTypeOf(load).toEqualTypeOf<LoadContext>();
          expectTypeOf(load.signal).toEqualTypeOf<AbortSignal>();
          expectTypeOf(load.ttl).parameter(0).toEqualTypeOf<number | string>();
          expectTypeOf(load.tags).parameters.toEqualTypeOf<string[]>();
          return 1;
        },
        { ttl: '1m', tags: ['a'], signal: new AbortController().signal },
      );
    expectTypeOf(wrapped).returns.toEqualTypeOf<Promise<number>>();
  });

  it('consistency: one of two words, wherever a policy or the options of a read are taken', () => {
    expectTypeOf<Policy['consistency']>().toEqualTypeOf<'eventual' | 'strong' | undefined>();
    expectTypeOf<ReadOptions['consistency']>().toEqualTypeOf<Consistency | undefined>();
    const table = (cache: CacheInstance) =>
      cache.table<Product, number>('products', { primaryKey: ['id'], consistency: 'strong' });
    expectTypeOf<ReturnType<typeof table>['read']>()
      .parameter(1)
      .toEqualTypeOf<Pick<Policy, 'ttl' | 'consistency'> | undefined>();
  });

  it('both have the same methods', () => {
    expectTypeOf<
      Pick<CacheInstance, 'getOrSet' | 'set' | 'has' | 'ttl' | 'touch' | 'expire' | 'delete' | 'clear'>
    >().toEqualTypeOf<
      Pick<typeof Cache, 'getOrSet' | 'set' | 'has' | 'ttl' | 'touch' | 'expire' | 'delete' | 'clear'>
    >();
    expectTypeOf(Cache.ttl).returns.toEqualTypeOf<Promise<number | undefined>>();
    expectTypeOf(Cache.delete).returns.toEqualTypeOf<Promise<boolean>>();
    expectTypeOf(Cache.named).returns.toEqualTypeOf<CacheInstance>();
    expectTypeOf<CacheInstance>().toExtend<AsyncDisposable>();
  });

  it('on: the event of the name; events: a loop over all of them', () => {
    expectTypeOf(() => Cache.on('hit', (event) => event.tier)).returns.toEqualTypeOf<() => void>();
    Cache.on('stale', ({ state }) => expectTypeOf(state).toEqualTypeOf<'fresh' | 'early' | 'stale'>());
    Cache.on('refresh', ({ outcome }) => expectTypeOf(outcome).toEqualTypeOf<'succeeded' | 'failed' | 'abandoned'>());
    Cache.on('*', (event) => expectTypeOf(event).toEqualTypeOf<CacheEvent>());
    // @ts-expect-error there is no such event
    void (() => Cache.on('hits', () => undefined));
    expectTypeOf(Cache.events({ buffer: 10 })).toExtend<AsyncIterable<CacheEvent>>();
    expectTypeOf(Cache.events({ cluster: true })).toEqualTypeOf<ClusterEvents>();
    expectTypeOf(Cache.events({ cluster: true }).next).returns.resolves.toEqualTypeOf<
      IteratorResult<CacheEvent | PublishedEvent, undefined>
    >();
    expectTypeOf(Cache.invalidateEntity).parameter(1).extract<number>().toEqualTypeOf<number>();
  });

  it('options that were not set may be undefined, and misspelt ones are refused', () => {
    expectTypeOf<{ ttl: undefined; tags: undefined }>().toExtend<Policy>();
    expectTypeOf<Policy['ttl']>().toEqualTypeOf<number | string | undefined>();
    // @ts-expect-error a misspelt option
    const misspelt: Policy = { tll: '1m' };
    void misspelt;
  });

  it('cacheEntry() is the same context', () => {
    expectTypeOf(cacheEntry).returns.toEqualTypeOf<LoadContext>();
  });
});
