import { describe, expect, it } from 'vitest';
import { cacheOf } from '../../../src/decorators/cache-of.js';
import { Cached } from '../../../src/decorators/cached.js';
import { cacheEntry, type LoadContext } from '../../../src/engine/load-context.js';
import { cacheName, open } from './support.js';

describe('cacheEntry()', () => {
  it('inside a cached method is the context of its load: lifetime, tags, and not to keep it at all', async () => {
    const name = cacheName();
    const { cluster, cache } = await open(name, { defaults: { jitter: 0 } });
    class Rates {
      calls = 0;
      @Cached('rates:{source}', { cache: name, ttl: '1h' })
      async rates(source: string): Promise<number> {
        await Promise.resolve();
        cacheEntry().ttl('1m');
        cacheEntry().tags(`source:${source}`);
        if (source === 'none') cacheEntry().skip();
        this.calls += 1;
        return this.calls;
      }
    }
    const rates = new Rates();
    await rates.rates('ecb');
    expect(await cache.ttl('rates:ecb')).toBe(60_000);
    await cache.invalidateTags('source:ecb');
    expect(await rates.rates('ecb')).toBe(2);
    await rates.rates('none');
    expect(await cache.has('rates:none')).toBe(false);
    cluster.clock.advance(60_001);
    expect(await rates.rates('ecb')).toBe(4);
  });

  it('says why its load runs, what is at hand and in which state', async () => {
    const name = cacheName();
    const { cluster, cache } = await open(name, { defaults: { jitter: 0 } });
    const seen: unknown[] = [];
    class Rates {
      @Cached('rates', { cache: name, ttl: '10m', earlyTtl: '8m', grace: '1h' })
      async rates(): Promise<number> {
        const { key, reason, state, stale } = cacheEntry();
        seen.push([key, reason, state, stale?.value]);
        return seen.length;
      }
    }
    const rates = new Rates();
    await rates.rates();
    cluster.clock.advance(9 * 60_000);
    await rates.rates();
    await cache.idle();
    cluster.clock.advance(11 * 60_000);
    await rates.rates();
    await cacheOf(rates, 'rates').refresh();
    await cache.refresh(() => rates.rates());
    expect(seen).toEqual([
      ['rates', 'miss', 'dead', undefined],
      ['rates', 'early', 'early', 1],
      ['rates', 'stale', 'stale', 2],
      ['rates', 'refresh', 'fresh', 3],
      ['rates', 'refresh', 'dead', undefined],
    ]);
    expect([cacheEntry().reason, cacheEntry().state]).toEqual(['uncached', 'dead']);
  });

  it('inside a method that runs uncached is inert, and never that of a load around it', async () => {
    const [cached, uncached] = [cacheName(), cacheName()];
    const { cache } = await open(cached);
    class Rates {
      inner: LoadContext | undefined;
      around: LoadContext | undefined;
      after: LoadContext | undefined;
      @Cached('outer', { cache: cached })
      async outer(): Promise<number> {
        this.around = cacheEntry();
        const value = await this.unkept();
        this.after = cacheEntry();
        return value;
      }
      @Cached('inner', { cache: uncached, ttl: '1m' })
      async unkept(): Promise<number> {
        this.inner = cacheEntry();
        this.inner.skip();
        this.inner.ttl(1);
        return 1;
      }
    }
    const rates = new Rates();
    await rates.outer();
    expect(rates.around).toMatchObject({ key: 'outer', reason: 'miss' });
    expect(rates.after).toBe(rates.around);
    expect(rates.inner).toMatchObject({ key: undefined, reason: 'uncached', stale: undefined });
    expect(await cache.ttl('outer')).toBe(3_600_000);
  });

  it('a cached method inside another has a context of its own', async () => {
    const name = cacheName();
    const { cache } = await open(name);
    class Rates {
      @Cached('outer', { cache: name })
      async outer(): Promise<number> {
        return await this.inner();
      }
      @Cached('inner', { cache: name })
      async inner(): Promise<number> {
        cacheEntry().ttl('1s');
        return 1;
      }
    }
    await new Rates().outer();
    expect(await cache.ttl('inner')).toBe(1_000);
    expect(await cache.ttl('outer')).toBe(3_600_000);
  });
});
