import { describe, expect, it } from 'vitest';
import { InvalidateTags } from '../../../src/decorators/invalidate-tags.js';
import { StoreError } from '../../../src/errors.js';
import { TestCluster } from '../../support/test-cache.js';
import { cacheName, open } from './support.js';

describe('@InvalidateTags', () => {
  it('invalidates what its arguments name after the method has succeeded, and returns its result', async () => {
    const name = cacheName();
    const { cache } = await open(name);
    const during: boolean[] = [];
    class Service {
      @InvalidateTags({ tags: ['product:{product.id}'], cache: name })
      async save(product: { id: number }): Promise<string> {
        during.push(await cache.has('k1'));
        const { id } = product;
        product.id = 2;
        return `saved ${id}`;
      }
    }
    await cache.set('k1', 1, { tags: ['product:1'] });
    await cache.set('k2', 2, { tags: ['product:2'] });
    expect(await new Service().save({ id: 1 })).toBe('saved 1');
    expect(during).toEqual([true]);
    expect([await cache.has('k1'), await cache.has('k2')]).toEqual([false, true]);
  });

  it('invalidates nothing when the method fails, and passes its error on unchanged', async () => {
    const name = cacheName();
    const { cache } = await open(name);
    const failure = new Error('constraint');
    class Service {
      @InvalidateTags({ tags: ['t'], cache: name })
      async save(): Promise<never> {
        throw failure;
      }
    }
    await cache.set('k', 1, { tags: ['t'] });
    await expect(new Service().save()).rejects.toBe(failure);
    expect(await cache.has('k')).toBe(true);
  });

  it('with stale: true leaves entries to be served when loading them fails', async () => {
    const name = cacheName();
    const { cache } = await open(name);
    class Service {
      @InvalidateTags({ tags: ['t'], stale: true, cache: name })
      async save(): Promise<void> {}
    }
    const policy = { ttl: '1h', grace: '1h', tags: ['t'] };
    await cache.set('k', 'old', policy);
    await new Service().save();
    expect(await cache.has('k')).toBe(false);
    expect(await cache.getOrSet('k', () => Promise.reject(new Error('down')), policy)).toBe('old');
  });

  it('a tag that cannot be made is reported and keeps no other from being invalidated', async () => {
    const name = cacheName();
    const { cache, recorder } = await open(name);
    class Service {
      @InvalidateTags({ tags: ['product:{id}', 'products'], cache: name })
      async save(id: number | undefined): Promise<string> {
        return `saved ${id}`;
      }
    }
    await cache.set('k', 1, { tags: ['products'] });
    expect(await new Service().save(undefined)).toBe('saved undefined');
    expect(await cache.has('k')).toBe(false);
    expect(recorder.of('error')).toMatchObject([
      { operation: 'invalidate', useCase: 'Service.save', code: 'MISSING_KEY_VALUE' },
    ]);
  });

  it('a store that fails costs the method nothing; the failure is reported', async () => {
    const name = cacheName();
    const cluster = new TestCluster();
    const failing = { invalidate: () => Promise.reject(new StoreError('store is down', { outcome: 'failed' })) };
    const { recorder } = await cluster.process({ name }, failing);
    class Service {
      @InvalidateTags({ tags: ['t'], cache: name })
      async save(): Promise<string> {
        return 'saved';
      }
    }
    expect(await new Service().save()).toBe('saved');
    expect(recorder.of('error')).toMatchObject([{ operation: 'invalidate', code: 'STORE_FAILED' }]);
  });

  it('converts arguments by `args` and names them by `params`', async () => {
    const name = cacheName();
    const { recorder } = await open(name);
    class Service {
      @InvalidateTags({
        tags: ['{what}'],
        params: ['what'],
        args: { what: (what: string) => what.toUpperCase() },
        cache: name,
      })
      async save(a: string): Promise<string> {
        return a;
      }
    }
    await new Service().save('x');
    expect(recorder.of('invalidate')).toMatchObject([{ tags: ['X'] }]);
  });
});
