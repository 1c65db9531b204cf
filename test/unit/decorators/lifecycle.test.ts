import { describe, expect, it } from 'vitest';
import { createCache } from '../../../src/configure.js';
import { Cached } from '../../../src/decorators/cached.js';
import { InvalidateTags } from '../../../src/decorators/invalidate-tags.js';
import { ConfigurationError } from '../../../src/errors.js';
import { TestCluster } from '../../support/test-cache.js';
import { applyLegacy, cacheName, hearWarnings, open } from './support.js';

function counting(name: string): { readonly calls: number; find(id: number): Promise<number> } {
  class Service {
    calls = 0;
    @Cached('counted:{id}', { cache: name, ttl: '1m' })
    async find(id: number): Promise<number> {
      this.calls += 1;
      return id;
    }
  }
  return new Service();
}

describe('before, while and after a cache is open', () => {
  it('methods run uncached before, with one warning a process and cache; cached from then on', async () => {
    const name = cacheName();
    const warnings = hearWarnings(name);
    const service = counting(name);
    await service.find(1);
    await service.find(1);
    expect(service.calls).toBe(2);
    expect(await warnings()).toEqual([{ code: 'KEEPSAKE_UNCONFIGURED', message: expect.stringContaining(name) }]);
    await open(name);
    await service.find(1);
    await service.find(1);
    expect(service.calls).toBe(3);
    expect(await warnings()).toHaveLength(1);
  });

  it('methods run uncached while it opens, without a warning', async () => {
    const name = cacheName();
    const warnings = hearWarnings(name);
    const service = counting(name);
    const opening = open(name);
    await service.find(1);
    await opening;
    await service.find(1);
    await service.find(1);
    expect(service.calls).toBe(2);
    expect(await warnings()).toEqual([]);
  });

  it('methods run uncached after it was closed, and through the next one of that name', async () => {
    const name = cacheName();
    const service = counting(name);
    const { cache } = await open(name);
    await service.find(1);
    await cache.close();
    await service.find(1);
    await service.find(1);
    expect(service.calls).toBe(3);
    const next = await open(name);
    await service.find(1);
    await service.find(1);
    expect(service.calls).toBe(4);
    expect(next.cache.stats().calls).toBe(2);
  });

  it('a method follows the defaults of the cache that is open', async () => {
    const name = cacheName();
    class Service {
      @Cached('defaults', { cache: name })
      async find(): Promise<number> {
        return 1;
      }
    }
    const first = await open(name, { defaults: { ttl: '1m', jitter: 0 } });
    await new Service().find();
    expect(await first.cache.ttl('defaults')).toBe(60_000);
    await first.cache.close();
    const second = await open(name, { defaults: { ttl: '2m', jitter: 0 } });
    await new Service().find();
    expect(await second.cache.ttl('defaults')).toBe(120_000);
  });

  it('an invalidating method works without a cache, with the same warning', async () => {
    const name = cacheName();
    const warnings = hearWarnings(name);
    class Service {
      @InvalidateTags({ tags: ['t'], cache: name })
      async save(): Promise<string> {
        return 'saved';
      }
    }
    expect(await new Service().save()).toBe('saved');
    expect(await warnings()).toMatchObject([{ code: 'KEEPSAKE_UNCONFIGURED' }]);
  });
});

describe('what a cache checks before it opens', () => {
  it('refuses to open over a method without a lifetime, naming it', async () => {
    const name = cacheName();
    class Lifeless {
      async find(): Promise<number> {
        return 1;
      }
    }
    applyLegacy(Lifeless.prototype, 'find', Cached({ cache: name }));
    await expect(createCache({ name, store: new TestCluster().store() })).rejects.toThrow(
      /Expected one of `ttl`, `sliding` and `expiresAt` to be set.*@Cached on Lifeless\.find/,
    );
    await open(name, { defaults: { ttl: '1m' } });
    expect(await new Lifeless().find()).toBe(1);
  });

  it('a method without a lifetime that is defined later rejects its calls', async () => {
    const name = cacheName();
    await open(name, { defaults: {} });
    class Late {
      @Cached({ cache: name })
      async find(): Promise<number> {
        return 1;
      }
    }
    await expect(new Late().find()).rejects.toThrow(ConfigurationError);
  });
});
