import { describe, expect, it } from 'vitest';
import { CachePut } from '../../../src/decorators/cache-put.js';
import { Cached } from '../../../src/decorators/cached.js';
import { InvalidateTags } from '../../../src/decorators/invalidate-tags.js';
import { cacheEntry } from '../../../src/engine/load-context.js';
import { ConfigurationError, StoreError } from '../../../src/errors.js';
import type { Store } from '../../../src/ports/store.js';
import { TestCluster } from '../../support/test-cache.js';
import { applyLegacy, cacheName, infoOf, open, refusal } from './support.js';

interface Product {
  readonly id: number;
  readonly price: number;
}

/** What a service does while it saves. */
type Meanwhile = () => Promise<unknown>;

function makeService(cache: string, meanwhile: Meanwhile = async () => undefined) {
  class Products {
    loads = 0;
    stored: Product = { id: 1, price: 1 };

    @Cached('product:{id}', { ttl: '1h', tags: ['products'], cache })
    async find(id: number): Promise<Product> {
      this.loads += 1;
      return { ...this.stored, id };
    }

    @CachePut('product:{product.id}', { ttl: '1h', tags: ['products'], cache })
    async save(product: Product): Promise<Product> {
      this.stored = product;
      await meanwhile();
      return product;
    }
  }
  return new Products();
}

describe('@CachePut', () => {
  it('runs its method on every call and stores the result where cached methods find it, with its tags', async () => {
    const name = cacheName();
    const { cache, recorder } = await open(name);
    const products = makeService(name);
    await products.find(1);
    const saved: Product = { id: 1, price: 2 };
    expect(await products.save(saved)).toBe(saved);
    expect(await products.find(1)).toEqual(saved);
    await products.save({ id: 1, price: 3 });
    expect(await products.find(1)).toEqual({ id: 1, price: 3 });
    expect(products.loads).toBe(1);
    expect(recorder.of('write').map(({ useCase }) => useCase)).toEqual([
      'Products.find',
      'Products.save',
      'Products.save',
    ]);
    await cache.invalidateTags('products');
    await products.find(1);
    expect(products.loads).toBe(2);
    expect(infoOf(products.save).role).toBe('puts');
  });

  it.each(['both', 'local', 'shared'] as const)('tiers %s: the result is found where it was put', async (tiers) => {
    const name = cacheName();
    const { cache } = await open(name);
    class Service {
      @CachePut('k', { ttl: '1h', tiers, cache: name })
      async save(): Promise<number> {
        return 1;
      }
    }
    await cache.set('k', 0, { ttl: '1h', tiers });
    await new Service().save();
    expect(await cache.get('k', { tiers })).toBe(1);
  });

  it('callers get the method’s own result, and cannot change what was stored through it', async () => {
    const name = cacheName();
    await open(name);
    const products = makeService(name);
    const product = { id: 1, price: 2 };
    const saved = await products.save(product);
    product.price = 99;
    expect(saved).toBe(product);
    expect(await products.find(1)).toEqual({ id: 1, price: 2 });
  });

  it.each<[string, (name: string) => (cache: Awaited<ReturnType<typeof open>>['cache']) => Meanwhile]>([
    ['its key was deleted', () => (cache) => () => cache.delete('product:1')],
    ['a tag of it was invalidated', () => (cache) => () => cache.invalidateTags('products')],
    ['the namespace was cleared', () => (cache) => () => cache.clear()],
  ])('INVARIANT 1: nothing is stored when %s meanwhile, and an event says so', async (_what, act) => {
    const name = cacheName();
    const { cache, recorder } = await open(name);
    const products = makeService(name, () => act(name)(cache)());
    await products.save({ id: 1, price: 2 });
    expect(recorder.of('notStored').map(({ reason, key }) => [reason, key])).toEqual([['invalidated', 'product:1']]);
    expect(await cache.get('product:1')).toBeUndefined();
  });

  it('INVARIANT 1: nothing is stored over what was written meanwhile, nor is that believed: it may be older', async () => {
    const name = cacheName();
    const { cache, recorder } = await open(name);
    // A load that runs beside the change and reads what was before it.
    const products = makeService(name, () => cache.getOrSet('product:1', () => ({ id: 1, price: 1 })));
    await products.save({ id: 1, price: 2 });
    expect(recorder.of('notStored').map(({ reason }) => reason)).toEqual(['newer']);
    expect(recorder.of('invalidate').map(({ key, kind }) => [key, kind])).toEqual([['product:1', 'delete']]);
    expect(await products.find(1)).toEqual({ id: 1, price: 2 });
  });

  it('tiers local: a load that began before the put is not kept over it', async () => {
    const name = cacheName();
    const { cache } = await open(name);
    class Service {
      @CachePut('k', { ttl: '1h', tiers: 'local', cache: name })
      async save(): Promise<string> {
        return 'put';
      }
    }
    let finish: (value: string) => void = () => undefined;
    const load = cache.getOrSet('k', () => new Promise<string>((resolve) => (finish = resolve)), { tiers: 'local' });
    await new Promise(setImmediate);
    await new Service().save();
    finish('loaded');
    await load;
    expect(await cache.get('k', { tiers: 'local' })).toBe('put');
  });

  it('a result that is not stored makes its key invalid: undefined, skipped, without an encoding', async () => {
    const name = cacheName();
    const { cache, recorder } = await open(name);
    class Service {
      @CachePut('k', { ttl: '1h', cache: name })
      async save(what: unknown): Promise<unknown> {
        if (what === 'skip') cacheEntry().skip();
        return what;
      }
    }
    for (const result of [undefined, 'skip', () => 1]) {
      await cache.set('k', 'old');
      expect(await new Service().save(result)).toBe(result);
      expect(await cache.get('k')).toBeUndefined();
    }
    expect(recorder.of('notStored').map(({ reason }) => reason)).toEqual(['skipped', 'skipped', 'unencodable']);
  });

  it('cacheEntry() inside says how the result is kept', async () => {
    const name = cacheName();
    const { cache } = await open(name);
    class Service {
      @CachePut('k', { ttl: '1h', cache: name })
      async save(): Promise<number> {
        const entry = cacheEntry();
        expect(entry).toMatchObject({ key: 'k', reason: 'put' });
        entry.ttl('1m');
        entry.tags('learned');
        return 1;
      }
    }
    await new Service().save();
    expect(await cache.ttl('k')).toBe(60_000);
    await cache.invalidateTags('learned');
    expect(await cache.get('k')).toBeUndefined();
  });

  it('a method that throws stores and invalidates nothing', async () => {
    const name = cacheName();
    const { cache } = await open(name);
    const products = makeService(name, () => Promise.reject(new Error('no')));
    await cache.set('product:1', 'old');
    await expect(products.save({ id: 1, price: 2 })).rejects.toThrow('no');
    expect(await cache.get('product:1')).toBe('old');
  });

  it('a store that fails costs nobody the result; the old value is not served, and the key is owed until the store has it', async () => {
    const name = cacheName();
    let down = false;
    const failing = async (): Promise<never> => {
      throw new StoreError('down', { outcome: 'failed' });
    };
    const cluster = new TestCluster();
    const healthy = cluster.store();
    const around: Partial<Store> = {
      read: (id) => (down ? failing() : healthy.read(id)),
      put: (write, token) => (down ? failing() : healthy.fill(write, token)),
      invalidate: (names, kind) => (down ? failing() : healthy.invalidate(names, kind)),
    };
    const { cache } = await cluster.process({ name }, around);
    const products = makeService(name);
    await products.find(1);
    down = true;
    expect(await products.save({ id: 1, price: 2 })).toEqual({ id: 1, price: 2 });
    expect(cache.stats().owed).toBe(1);
    expect(await products.find(1)).toEqual({ id: 1, price: 2 });
    down = false;
    await cluster.clock.advanceAsync(60_000);
    await cache.idle();
    expect(cache.stats().owed).toBe(0);
    expect(await cache.get('product:1')).toBeUndefined();
  });

  it('a key that cannot be built is reported, and the method runs', async () => {
    const name = cacheName();
    const { recorder } = await open(name);
    const products = makeService(name);
    const odd = { price: 1 };
    expect(await Reflect.apply(products.save, products, [odd])).toBe(odd);
    expect(recorder.of('error').map(({ operation, code }) => [operation, code])).toEqual([
      ['invalidate', 'MISSING_KEY_VALUE'],
    ]);
  });

  it('without a cache the method runs', async () => {
    expect(await makeService(cacheName()).save({ id: 1, price: 2 })).toEqual({ id: 1, price: 2 });
  });
});

describe('@CachePut beside other decorators', () => {
  it.each(['above', 'below'])(
    '@InvalidateTags %s it: both do their work, templates name the method’s parameters',
    async (where) => {
      const name = cacheName();
      const { cache } = await open(name);
      const put = CachePut('product:{product.id}', { ttl: '1h', tags: ['products'], cache: name });
      const invalidate = InvalidateTags({ tags: ['list:{product.id}'], cache: name });
      class Service {
        async save(product: Product): Promise<Product> {
          return product;
        }
      }
      applyLegacy(Service.prototype, 'save', ...(where === 'above' ? [invalidate, put] : [put, invalidate]));
      await cache.set('list', 'old', { tags: ['list:7'] });
      await new Service().save({ id: 7, price: 1 });
      expect(await cache.get('list')).toBeUndefined();
      expect(await cache.get('product:7')).toEqual({ id: 7, price: 1 });
    },
  );

  it('in standard mode both know their class', async () => {
    const name = cacheName();
    const { recorder } = await open(name);
    class Service {
      @InvalidateTags({ tags: ['list'], cache: name })
      @CachePut('k', { ttl: '1h', cache: name })
      async save(): Promise<number> {
        return 1;
      }
    }
    await new Service().save();
    expect(recorder.of('write').map(({ useCase }) => useCase)).toEqual(['Service.save']);
  });

  it.each<[string, () => unknown]>([
    ['@Cached on the same method', () => stacked(Cached('k', { ttl: 1 }), CachePut('k', { ttl: 1 }))],
    ['the other way round', () => stacked(CachePut('k', { ttl: 1 }), Cached('k', { ttl: 1 }))],
    ['itself', () => stacked(CachePut('k', { ttl: 1 }), CachePut('j', { ttl: 1 }))],
    ['no key', () => stacked(Reflect.apply(CachePut, undefined, [{ ttl: 1 }]))],
    ['unknown placeholders', () => stacked(CachePut('k:{nothing}', { ttl: 1 }))],
  ])('is refused with %s', (_what, define) => {
    expect(refusal(define)).toBeInstanceOf(ConfigurationError);
  });
});

function stacked(...decorators: Parameters<typeof applyLegacy>[2][]): void {
  class Service {
    async save(id: number): Promise<number> {
      return id;
    }
  }
  applyLegacy(Service.prototype, 'save', ...decorators);
}
