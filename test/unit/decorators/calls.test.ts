import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it } from 'vitest';
import { Cached } from '../../../src/decorators/cached.js';
import { Early } from '../../../src/decorators/early.js';
import { Failover } from '../../../src/decorators/failover.js';
import { applyLegacy, cacheName, open } from './support.js';

describe('a cached method', () => {
  it('runs once per key, and a second process finds its entry', async () => {
    const name = cacheName();
    const { cluster, recorder } = await open(name);
    const there = cacheName();
    const other = await cluster.process({ name: there });
    class Products {
      calls = 0;
      @Cached('product:{id}', { cache: name })
      async find(id: number): Promise<{ id: number }> {
        this.calls += 1;
        return { id };
      }
    }
    class Elsewhere {
      @Cached('product:{id}', { cache: there })
      async find(id: number): Promise<never> {
        throw new Error(`loaded ${id} again`);
      }
    }
    const products = new Products();
    expect(await products.find(1)).toEqual({ id: 1 });
    expect(await products.find(1)).toEqual({ id: 1 });
    expect(await products.find(2)).toEqual({ id: 2 });
    expect(products.calls).toBe(2);
    expect(recorder.of('hit')).toMatchObject([{ tier: 'local', useCase: 'Products.find', key: 'product:1' }]);
    expect(await new Elsewhere().find(1)).toEqual({ id: 1 });
    expect(other.recorder.of('hit')).toMatchObject([{ tier: 'shared', useCase: 'Elsewhere.find' }]);
  });

  it('20 concurrent calls of one missing key run it once', async () => {
    const name = cacheName();
    await open(name);
    class Products {
      calls = 0;
      @Cached({ cache: name })
      async find(id: number): Promise<number> {
        this.calls += 1;
        return id;
      }
    }
    const products = new Products();
    const values = await Promise.all(Array.from({ length: 20 }, () => products.find(7)));
    expect(new Set(values)).toEqual(new Set([7]));
    expect(products.calls).toBe(1);
  });

  it('INVARIANT 17: its rejection reaches every caller unchanged, whatever it is', async () => {
    const name = cacheName();
    await open(name);
    class Products {
      @Cached('rejects:{which}', { cache: name })
      async find(which: number, reason: unknown): Promise<never> {
        void which;
        throw reason;
      }
    }
    const reasons = [new Error('down'), undefined, null, 0, { any: 'object' }];
    for (const [which, reason] of reasons.entries()) {
      const products = new Products();
      const outcomes = await Promise.allSettled([products.find(which, reason), products.find(which, reason)]);
      expect(outcomes.every((outcome) => outcome.status === 'rejected' && outcome.reason === reason)).toBe(true);
    }
  });

  it('never throws synchronously: what is thrown before a promise exists is a rejection, cached or not', async () => {
    const name = cacheName();
    class Products {
      @Cached({ cache: name })
      find(): Promise<number> {
        throw new Error('at once');
      }
    }
    await expect(new Products().find()).rejects.toThrow('at once');
    await open(name);
    await expect(new Products().find()).rejects.toThrow('at once');
  });

  it('one that answers synchronously is refused when it is called, cached or not', async () => {
    const name = cacheName();
    class Products {
      @Cached({ cache: name })
      find(): Promise<number> {
        return 42 as never;
      }
    }
    const refused = { code: 'INVALID_DECORATION', message: expect.stringContaining('did not return a promise') };
    await expect(new Products().find()).rejects.toMatchObject(refused);
    await open(name);
    await expect(new Products().find()).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining('`Products.find`'),
    });
  });

  it('without the cache its own promise is returned as it is', () => {
    const own = Promise.resolve(1);
    class Products {
      @Cached({ cache: cacheName() })
      find(): Promise<number> {
        return own;
      }
    }
    expect(new Products().find()).toBe(own);
  });

  it('a key that cannot be built runs the method uncached, counted and reported', async () => {
    const name = cacheName();
    const { cache, recorder } = await open(name);
    class Products {
      calls = 0;
      @Cached('product:{id}', { cache: name })
      async find(id: number | undefined): Promise<string> {
        this.calls += 1;
        return String(id);
      }
      @Cached({ key: () => '\0', cache: name })
      async forbidden(): Promise<string> {
        this.calls += 1;
        return 'answered';
      }
    }
    const products = new Products();
    expect(await products.find(undefined)).toBe('undefined');
    expect(await products.find(undefined)).toBe('undefined');
    expect(await products.forbidden()).toBe('answered');
    expect(products.calls).toBe(3);
    expect(recorder.of('error').map(({ operation }) => operation)).toEqual(['key', 'key', 'key']);
    expect(recorder.of('bypass').map(({ reason }) => reason)).toEqual(['key', 'key', 'key']);
    expect(cache.stats().calls).toBe(3);
  });

  it('a key that the cache refuses runs the method uncached too', async () => {
    const name = cacheName();
    const { recorder } = await open(name, { keyTransform: () => '' });
    class Products {
      @Cached('product:{id}', { cache: name })
      async find(id: number): Promise<number> {
        return id;
      }
    }
    expect(await new Products().find(1)).toBe(1);
    expect(recorder.of('error')).toMatchObject([{ operation: 'key', useCase: 'Products.find' }]);
  });

  it('tags are made from the arguments as they were, whatever the method does to them', async () => {
    const name = cacheName();
    const { cache } = await open(name);
    class Products {
      calls = 0;
      @Cached('products', { cache: name, tags: ['shop:{filter.shop}'] })
      async list(filter: { shop: number }): Promise<number> {
        this.calls += 1;
        filter.shop = 2;
        return this.calls;
      }
    }
    const products = new Products();
    await products.list({ shop: 1 });
    await cache.invalidateTags('shop:2');
    expect(await products.list({ shop: 1 })).toBe(1);
    await cache.invalidateTags('shop:1');
    expect(await products.list({ shop: 1 })).toBe(2);
  });

  it('its tags stand alone: those of the cache are not added to them', async () => {
    const name = cacheName();
    const { cache } = await open(name, { defaults: { ttl: '1h', tags: ['everything'] } });
    class Products {
      calls = 0;
      @Cached('tagged', { cache: name, tags: ['own'] })
      async tagged(): Promise<number> {
        this.calls += 1;
        return this.calls;
      }
      @Cached('untagged', { cache: name })
      async untagged(): Promise<number> {
        this.calls += 1;
        return this.calls;
      }
    }
    const products = new Products();
    await products.tagged();
    await products.untagged();
    await cache.invalidateTags('everything');
    expect([await products.tagged(), await products.untagged()]).toEqual([1, 3]);
  });

  it('INVARIANT 20: a load that asks for its own key runs the method directly', async () => {
    const name = cacheName();
    const { recorder } = await open(name);
    class Products {
      depth = 0;
      @Cached('own:{id}', { cache: name })
      async find(id: number): Promise<number> {
        this.depth += 1;
        return this.depth < 3 ? await this.find(id) : this.depth;
      }
    }
    expect(await new Products().find(1)).toBe(3);
    expect(recorder.count('loadStart')).toBe(1);
  });
});

describe('the function that stands in for a method', () => {
  it('looks like the method, with what others have put on it, and is no constructor either', () => {
    const marked = Symbol('marked');
    class Products {
      async find(id: number, lang: string, page = 1): Promise<string> {
        return `${id} ${lang} ${page}`;
      }
    }
    const { find } = Products.prototype;
    Object.assign(find, { [marked]: 'by another decorator' });
    applyLegacy(Products.prototype, 'find', Cached({ ttl: '1m' }));
    const replaced = Products.prototype.find;
    expect(replaced).not.toBe(find);
    expect([replaced.name, replaced.length, Reflect.get(replaced, marked)]).toEqual([
      'find',
      2,
      'by another decorator',
    ]);
    expect(() => Reflect.construct(replaced, [])).toThrow(TypeError);
    expect(Object.keys(replaced)).toEqual([]);
    expect(Object.getOwnPropertyDescriptor(Products.prototype, 'find')).toMatchObject({
      enumerable: false,
      writable: true,
    });
  });

  it('an override with the same template calls the method above it within its own load', async () => {
    const name = cacheName();
    const { recorder } = await open(name);
    class Base {
      @Cached('same:{id}', { cache: name })
      async find(id: number): Promise<string> {
        return `base ${id}`;
      }
    }
    class Sub extends Base {
      @Cached('same:{id}', { cache: name })
      override async find(id: number): Promise<string> {
        return `sub of ${await super.find(id)}`;
      }
    }
    const sub = new Sub();
    expect([await sub.find(1), await sub.find(1)]).toEqual(['sub of base 1', 'sub of base 1']);
    expect(recorder.count('loadStart')).toBe(1);
  });
});

describe('@Early and @Failover', () => {
  it('@Early refreshes from 80 % of the ttl on, in the background, outside the scopes of the caller', async () => {
    const name = cacheName();
    const { cluster, cache } = await open(name, { defaults: { jitter: 0 } });
    const requests = new AsyncLocalStorage<string>();
    class Reports {
      seen: (string | undefined)[] = [];
      @Early('report:{day}', { cache: name, ttl: '10m' })
      async report(day: string): Promise<number> {
        void day;
        this.seen.push(requests.getStore());
        return this.seen.length;
      }
    }
    const reports = new Reports();
    const read = (request: string): Promise<number> => requests.run(request, () => reports.report('monday'));
    expect(await read('first')).toBe(1);
    cluster.clock.advance(7 * 60_000);
    expect(await read('second')).toBe(1);
    await cache.idle();
    cluster.clock.advance(90_000);
    expect(await read('third')).toBe(1);
    await cache.idle();
    expect(await read('fourth')).toBe(2);
    expect(reports.seen).toEqual(['first', undefined]);
  });

  it('@Failover answers stale for 24 h when the method fails, and leaves it alone for the backoff', async () => {
    const name = cacheName();
    const { cluster, recorder } = await open(name, { defaults: { jitter: 0 } });
    class Weather {
      attempts = 0;
      @Failover('weather:{city}', { cache: name, ttl: '30m' })
      async weather(city: string): Promise<string> {
        this.attempts += 1;
        if (this.attempts > 1) throw new Error('origin down');
        return `sunny in ${city}`;
      }
    }
    const weather = new Weather();
    await weather.weather('Oslo');
    cluster.clock.advance(23 * 3_600_000);
    expect(await weather.weather('Oslo')).toBe('sunny in Oslo');
    expect(await weather.weather('Oslo')).toBe('sunny in Oslo');
    expect(weather.attempts).toBe(2);
    expect(recorder.of('hit').map(({ state }) => state)).toEqual(['stale', 'stale']);
    cluster.clock.advance(2 * 3_600_000);
    await expect(weather.weather('Oslo')).rejects.toThrow('origin down');
  });

  it('what the cache has as its defaults lies over what the kind of the decorator brings', async () => {
    const name = cacheName();
    const { cluster } = await open(name, { defaults: { jitter: 0, grace: '1m' } });
    class Weather {
      attempts = 0;
      @Failover('weather', { cache: name, ttl: '30m' })
      async weather(): Promise<string> {
        this.attempts += 1;
        if (this.attempts > 1) throw new Error('origin down');
        return 'sunny';
      }
    }
    const weather = new Weather();
    await weather.weather();
    cluster.clock.advance(32 * 60_000);
    await expect(weather.weather()).rejects.toThrow('origin down');
  });
});
