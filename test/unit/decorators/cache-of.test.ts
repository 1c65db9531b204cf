import { describe, expect, it } from 'vitest';
import { cacheOf } from '../../../src/decorators/cache-of.js';
import { CachePut } from '../../../src/decorators/cache-put.js';
import { Cached } from '../../../src/decorators/cached.js';
import { cached } from '../../../src/decorators/cached-function.js';
import { InvalidateTags } from '../../../src/decorators/invalidate-tags.js';
import { KeyError } from '../../../src/errors.js';
import { applyLegacy, cacheName, open } from './support.js';

const name = cacheName();
const hidden = Symbol('hidden');

class Base {
  calls = 0;
  readonly tenant: string;

  constructor(tenant = 'acme') {
    this.tenant = tenant;
  }

  @Cached('{this.tenant}:product:{id}', { ttl: '1m', cache: name })
  async product(id: number): Promise<string> {
    this.calls += 1;
    return `${this.tenant} ${id} no. ${this.calls}`;
  }

  @Cached({ ttl: '1m', cache: name })
  async [hidden](id: number): Promise<number> {
    return id;
  }

  @Cached('all', { ttl: '1m', cache: name })
  static async all(): Promise<string> {
    return 'all';
  }

  @InvalidateTags({ tags: ['t'], cache: name })
  async change(): Promise<void> {}

  @CachePut('{this.tenant}:product:{id}', { ttl: '1m', cache: name })
  async write(id: number): Promise<string> {
    return `${id}`;
  }

  async plain(): Promise<void> {}
}

class Derived extends Base {
  override async plain(): Promise<void> {}
}

class Overriding extends Base {
  override async product(id: number): Promise<string> {
    return `${id}`;
  }
}

describe('cacheOf', () => {
  it('is the handle of a method on that object: its key, its value, a load now, its deletion', async () => {
    const { cache } = await open(name);
    const products = new Base();
    const handle = cacheOf(products, 'product');
    expect(handle.key(1)).toBe('acme:product:1');
    expect(await handle.peek(1)).toBeUndefined();
    await products.product(1);
    expect(await handle.peek(1)).toBe('acme 1 no. 1');
    expect(await handle.refresh(1)).toBe('acme 1 no. 2');
    expect(await products.product(1)).toBe('acme 1 no. 2');
    expect(await handle.invalidate(1)).toBe(true);
    expect(await handle.peek(1)).toBeUndefined();
    expect(cacheOf(new Base('other'), 'product').key(1)).toBe('other:product:1');
    await cache.close();
  });

  it('works for static, inherited and symbol-named methods, and before any call', async () => {
    expect(cacheOf(Base, 'all').key()).toBe('all');
    expect(cacheOf(new Derived(), 'product').key(2)).toBe('acme:product:2');
    expect(cacheOf(Derived, 'all').key()).toBe('all');
    expect(cacheOf(new Derived(), hidden).key(3)).toBe('Base.[hidden](3)');
  });

  it('works for functions of an object, and for methods under another’s decorator in legacy mode', async () => {
    const service = { report: cached(async (day: string) => day, { key: 'report:{day}', ttl: '1m' }) };
    expect(cacheOf(service, 'report').key('mon')).toBe('report:mon');
    class Legacy {
      async find(id: number): Promise<number> {
        return id;
      }
    }
    applyLegacy(Legacy.prototype, 'find', Cached('legacy:{id}', { ttl: '1m' }));
    const { find } = Legacy.prototype;
    Legacy.prototype.find = function logged(this: Legacy, id: number): Promise<number> {
      return find.call(this, id);
    };
    expect(cacheOf(new Legacy(), 'find').key(4)).toBe('legacy:4');
  });

  it.each<[string, () => unknown, string]>([
    ['an ordinary method', () => cacheOf(new Base(), 'plain'), 'a method without @Cached'],
    ['one that overrides a cached one', () => cacheOf(new Overriding(), 'product'), 'a method without @Cached'],
    ['one that invalidates', () => cacheOf(new Base(), 'change'), 'one with @InvalidateTags'],
    ['one that puts', () => cacheOf(new Base(), 'write'), 'one with @CachePut'],
    ['no method', () => Reflect.apply(cacheOf, undefined, [new Base(), 'calls']), '`0` (number)'],
    ['nothing', () => Reflect.apply(cacheOf, undefined, [new Base(), 'prodct']), 'nothing of that name'],
    ['no object', () => Reflect.apply(cacheOf, undefined, [undefined, 'product']), 'an object with a cached method'],
  ])('refuses %s, and says what it is', (_what, take, said) => {
    expect(take).toThrow(
      expect.objectContaining({ code: 'INVALID_DECORATION', message: expect.stringContaining(said) }),
    );
  });

  it('a method without a template that was taken off its object has no key', () => {
    class Unseen {
      @Cached({ ttl: '1m' })
      async find(id: number): Promise<number> {
        return id;
      }
    }
    const { find } = new Unseen();
    expect(() => cacheOf({ find }, 'find').key(1)).toThrow(KeyError);
  });
});
