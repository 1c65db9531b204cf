import { describe, expect, it } from 'vitest';
import { createRawCodec } from '../../../src/codec/raw-codec.js';
import { createSuperjsonCodec } from '../../../src/codec/superjson-codec.js';
import { Cached } from '../../../src/decorators/cached.js';
import { Early } from '../../../src/decorators/early.js';
import { Failover } from '../../../src/decorators/failover.js';
import { InvalidateTags } from '../../../src/decorators/invalidate-tags.js';
import type { AsyncMethodDecorator } from '../../../src/decorators/method-decorator.js';
import { ConfigurationError } from '../../../src/errors.js';
import { applyLegacy, cacheName, infoOf, open, refusal } from './support.js';

/** Somebody else's decorator: it keeps nothing of what it replaces. */
function foreign(method: (...args: never[]) => Promise<unknown>): (...args: never[]) => Promise<unknown> {
  return function (this: unknown, ...args: never[]) {
    return Reflect.apply(method, this, args);
  };
}

const Foreign: AsyncMethodDecorator = (...given: readonly unknown[]) => {
  const descriptor = given[2] as PropertyDescriptor | undefined;
  const method = descriptor === undefined ? given[0] : descriptor.value;
  const replaced = foreign(method as never);
  return (descriptor === undefined ? replaced : { ...descriptor, value: replaced }) as never;
};

/** Every order of three. */
function orders<Item>([a, b, c]: readonly [Item, Item, Item]): readonly (readonly Item[])[] {
  return [
    [a, b, c],
    [a, c, b],
    [b, a, c],
    [b, c, a],
    [c, a, b],
    [c, b, a],
  ];
}

describe('stacked decorators', () => {
  const names = ['@Cached', '@Early', '@Failover'] as const;

  it.each(orders(names))(
    'INVARIANT 20: %s, %s and %s on one method are one policy, in both modes',
    async (...order) => {
      for (const mode of ['legacy', 'standard'] as const) {
        const name = cacheName();
        const { cluster, cache, recorder } = await open(name, { defaults: { jitter: 0 } });
        const made = {
          '@Cached': Cached('stack:{id}', { cache: name, tags: ['stack'] }),
          '@Early': Early({ ttl: '10m' }),
          '@Failover': Failover({ grace: '1h', useCase: 'stacked' }),
        };
        const [first, second, third] = order.map((decorator) => made[decorator]) as [
          AsyncMethodDecorator,
          AsyncMethodDecorator,
          AsyncMethodDecorator,
        ];
        const service =
          mode === 'standard' ? standardService(first, second, third) : legacyService(first, second, third);
        expect(await service.find(1)).toBe(1);
        expect(recorder.of('write')).toMatchObject([{ key: 'stack:1', useCase: 'stacked' }]);
        expect(recorder.count('loadStart')).toBe(1);
        cluster.clock.advance(9 * 60_000);
        expect(await service.find(1)).toBe(1);
        await cache.idle();
        expect(service.calls).toBe(2);
        service.isDown = true;
        cluster.clock.advance(30 * 60_000);
        expect(await service.find(1)).toBe(2);
        await cache.invalidateTags('stack');
        await expect(service.find(1)).rejects.toThrow('down');
      }
    },
  );

  interface Service {
    calls: number;
    isDown: boolean;
    find(id: number): Promise<number>;
  }

  function standardService(
    first: AsyncMethodDecorator,
    second: AsyncMethodDecorator,
    third: AsyncMethodDecorator,
  ): Service {
    class Stacked {
      calls = 0;
      isDown = false;
      @first
      @second
      @third
      async find(id: number): Promise<number> {
        void id;
        if (this.isDown) throw new Error('down');
        this.calls += 1;
        return this.calls;
      }
    }
    return new Stacked();
  }

  function legacyService(...decorators: readonly AsyncMethodDecorator[]): Service {
    class Stacked {
      calls = 0;
      isDown = false;
      async find(id: number): Promise<number> {
        void id;
        if (this.isDown) throw new Error('down');
        this.calls += 1;
        return this.calls;
      }
    }
    applyLegacy(Stacked.prototype, 'find', ...decorators);
    return new Stacked();
  }

  it('may say the same twice', () => {
    const codec = createSuperjsonCodec();
    const expiresAt = new Date('2040-01-01T00:00:00Z');
    class Service {
      async find(id: number): Promise<number> {
        return id;
      }
    }
    const same = { codec, expiresAt, tags: ['a', 'b'], args: { id: String }, grace: undefined };
    applyLegacy(
      Service.prototype,
      'find',
      Cached('same:{id}', same),
      Failover('same:{id}', { ...same, tags: [...same.tags], grace: '1h' }),
    );
    expect(infoOf(Service.prototype.find)).toMatchObject({ key: 'same:{id}', tags: ['a', 'b'] });
  });

  it.each<[string, AsyncMethodDecorator, AsyncMethodDecorator]>([
    ['ttl', Cached({ ttl: '5m' }), Early({ ttl: '10m' })],
    ['key', Cached('one:{0}', { ttl: '5m' }), Early('two:{0}', { ttl: '5m' })],
    ['tags', Cached({ tags: ['a'] }), Early({ tags: ['b'] })],
    ['cache', Cached({ cache: 'a' }), Early({ cache: 'b' })],
    ['useCase', Cached({ useCase: 'a' }), Early({ useCase: 'b' })],
    ['codec', Cached({ codec: createSuperjsonCodec() }), Early({ codec: createRawCodec() })],
    ['cacheNull', Cached({ cacheNull: false }), Early({ cacheNull: true })],
  ])(
    'different values of `%s` are refused where the class is defined, naming both decorators and the option',
    (option, upper, lower) => {
      const error = refusal(() => {
        class Service {
          @upper
          @lower
          async find(id: number): Promise<number> {
            return id;
          }
        }
        return Service;
      });
      expect(error).toBeInstanceOf(ConfigurationError);
      expect(error).toMatchObject({ code: 'INVALID_DECORATION' });
      expect(String(error)).toMatch(
        new RegExp(`@Cached and @Early on .*find.* contradict each other in \`${option}\``),
      );
    },
  );

  it.each<[string, AsyncMethodDecorator, AsyncMethodDecorator]>([
    ['expiresAt', Cached({ ttl: '5m' }), Early({ expiresAt: new Date('2040-01-01T00:00:00Z'), earlyTtl: '1h' })],
    ['earlyTtl', Cached({ ttl: '5m' }), Early({ earlyTtl: '10m' })],
    ['earlyTtl', Cached({ ttl: Infinity }), Early({})],
    ['ignoreArgs', Cached('service:{0}'), Early({ ignoreArgs: [0] })],
    ['nullTtl', Cached({ cacheNull: false }), Early({ nullTtl: '1m' })],
  ])(
    'options that make no sense together (%s) are refused, naming both decorators and the option',
    (option, upper, lower) => {
      class Service {
        async find(id: number): Promise<number> {
          return id;
        }
      }
      const error = refusal(() => applyLegacy(Service.prototype, 'find', upper, lower));
      expect(error).toMatchObject({ code: 'INVALID_DECORATION', cause: expect.any(ConfigurationError) });
      expect(String(error)).toContain('@Early and @Cached on `Service.find` contradict each other');
      expect(String(error)).toContain(option);
    },
  );

  it('a refused stack leaves nothing behind that a cache would be refused for', async () => {
    const name = cacheName();
    class Service {
      async find(id: number): Promise<number> {
        return id;
      }
    }
    // Neither layer has a lifetime: no cache could open while it is on the roll.
    const refused = refusal(() =>
      applyLegacy(Service.prototype, 'find', Cached('a', { cache: name }), Early('b', { cache: name })),
    );
    expect(refused).toBeInstanceOf(ConfigurationError);
    await open(name, { defaults: {} });
  });
});

describe('caching and invalidating', () => {
  it.each<[string, AsyncMethodDecorator[]]>([
    ['@InvalidateTags above @Cached', [InvalidateTags('tag'), Cached({ ttl: '1m' })]],
    ['@Cached above @InvalidateTags', [Cached({ ttl: '1m' }), InvalidateTags('tag')]],
    ['@InvalidateTags above @Early, another between', [InvalidateTags('tag'), Foreign, Early({ ttl: '1m' })]],
    ['@Failover above @InvalidateTags, another between', [Failover({ ttl: '1m' }), Foreign, InvalidateTags('tag')]],
  ])('%s is refused where the class is defined', (_title, decorators) => {
    class Service {
      async save(id: number): Promise<number> {
        return id;
      }
    }
    const error = refusal(() => applyLegacy(Service.prototype, 'save', ...decorators));
    expect(error).toMatchObject({ code: 'INVALID_DECORATION' });
    expect(String(error)).toContain('cannot both stand on `Service.save`');
  });
});

describe('decorators of others', () => {
  it('above ours: run on every call', async () => {
    const name = cacheName();
    const { recorder } = await open(name);
    class Service {
      calls = 0;
      @Foreign
      @Cached({ cache: name })
      async find(id: number): Promise<number> {
        this.calls += 1;
        return id;
      }
    }
    const service = new Service();
    await service.find(1);
    await service.find(1);
    expect(service.calls).toBe(1);
    expect(recorder.of('hit')).toMatchObject([{ useCase: 'Service.find' }]);
  });

  it('below ours: run when the method does, and hide its parameter names; positions remain', async () => {
    const name = cacheName();
    await open(name);
    class Service {
      calls = 0;
      async find(id: number): Promise<number> {
        this.calls += 1;
        return id;
      }
      async get(id: number): Promise<number> {
        return id;
      }
    }
    const hidden = refusal(() => applyLegacy(Service.prototype, 'get', Cached('get:{id}', { cache: name }), Foreign));
    expect(String(hidden)).toContain('`params`');
    applyLegacy(Service.prototype, 'find', Cached('find:{0}', { cache: name }), Foreign);
    const service = new Service();
    expect([await service.find(1), await service.find(1), await service.find(2)]).toEqual([1, 1, 2]);
    expect(service.calls).toBe(2);
  });

  it('between ours: refused where the class is defined, where decorators can know their class', () => {
    class Service {
      async find(id: number): Promise<number> {
        return id;
      }
    }
    const upper = Early({ ttl: '1m' });
    const lower = Cached({ ttl: '1m' });
    const legacy = refusal(() => applyLegacy(Service.prototype, 'find', upper, Foreign, lower));
    const withMetadata = refusal(() => {
      class Separated {
        @upper
        @Foreign
        @lower
        async find(id: number): Promise<number> {
          return id;
        }
      }
      return Separated;
    });
    for (const error of [legacy, withMetadata]) {
      expect(error).toMatchObject({ code: 'INVALID_DECORATION' });
      expect(String(error)).toMatch(/@Early and @Cached on `.*find` are separated by another decorator/);
    }
  });

  it('between two @InvalidateTags: both invalidate', async () => {
    const name = cacheName();
    const { recorder } = await open(name);
    class Service {
      @InvalidateTags({ tags: ['upper:{0}'], cache: name })
      @Foreign
      @InvalidateTags({ tags: ['lower:{id}'], cache: name })
      async save(id: number): Promise<number> {
        return id;
      }
    }
    await new Service().save(1);
    expect(recorder.of('invalidate').flatMap(({ tags }) => tags)).toEqual(['lower:1', 'upper:1']);
  });
});
