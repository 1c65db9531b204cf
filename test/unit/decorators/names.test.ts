import { describe, expect, it } from 'vitest';
import { createRawCodec } from '../../../src/codec/raw-codec.js';
import { createCache } from '../../../src/configure.js';
import { Cached } from '../../../src/decorators/cached.js';
import type { AsyncMethodDecorator } from '../../../src/decorators/method-decorator.js';
import { TestCluster } from '../../support/test-cache.js';
import { applyLegacy, cacheName, hearWarnings, infoOf, open, refusal } from './support.js';

describe('the use case', () => {
  it('is the class and the method; `static` for static ones, brackets for symbols', async () => {
    const name = cacheName();
    await open(name);
    const symbol = Symbol('symbolic');
    class Products {
      @Cached({ cache: name })
      async find(): Promise<number> {
        return 1;
      }
      @Cached({ cache: name })
      static async find(): Promise<number> {
        return 2;
      }
      @Cached({ cache: name })
      async [symbol](): Promise<number> {
        return 3;
      }
    }
    expect(infoOf(Products.find).useCase).toBe('static Products.find');
    const products = new Products();
    expect([await products.find(), await Products.find(), await products[symbol]()]).toEqual([1, 2, 3]);
    expect(infoOf(products.find).useCase).toBe('Products.find');
    expect(infoOf(products[symbol]).useCase).toBe('Products.[symbolic]');
  });

  it('is that of the class which defines the method, whoever calls it first', async () => {
    const name = cacheName();
    await open(name);
    class Base {
      @Cached({ cache: name })
      async inherited(): Promise<string> {
        return 'base';
      }
      @Cached({ cache: name })
      async overridden(): Promise<string> {
        return 'base';
      }
    }
    class Sub extends Base {
      @Cached({ cache: name })
      override async overridden(): Promise<string> {
        return `sub of ${await super.overridden()}`;
      }
    }
    const sub = new Sub();
    expect([await sub.inherited(), await sub.overridden()]).toEqual(['base', 'sub of base']);
    expect(await new Base().overridden()).toBe('base');
    expect(infoOf(Base.prototype.inherited).useCase).toBe('Base.inherited');
    expect(infoOf(Base.prototype.overridden).useCase).toBe('Base.overridden');
    expect(infoOf(Sub.prototype.overridden).useCase).toBe('Sub.overridden');
  });

  it('never is a static member called `name`, nor the name of the class above', () => {
    class Named {
      static override = true;
      async find(): Promise<number> {
        return 1;
      }
    }
    Object.defineProperty(Named, 'name', { value: () => 'not this' });
    applyLegacy(Named.prototype, 'find', Cached({ ttl: '1m' }));
    expect(infoOf(Named.prototype.find).useCase).toBe('find');

    class Above {}
    const Nameless = (() =>
      class extends Above {
        async find(): Promise<number> {
          return 1;
        }
      })();
    Object.defineProperty(Nameless, 'name', { value: '' });
    applyLegacy(Nameless.prototype, 'find', Cached({ ttl: '1m' }));
    expect(infoOf(Nameless.prototype.find).useCase).toBe('find');
  });

  it('is what `useCase` says, in keys and events too', async () => {
    const name = cacheName();
    const { recorder } = await open(name);
    class Products {
      @Cached({ cache: name, useCase: 'catalogue' })
      async find(id: number): Promise<number> {
        return id;
      }
    }
    await new Products().find(1);
    expect(recorder.of('write')).toMatchObject([{ useCase: 'catalogue', key: 'catalogue(1)' }]);
  });
});

describe('keys without a template', () => {
  /** A class of that name whose only method answers `answer`; nothing but the answer tells two of them apart. */
  function repository(
    name: string,
    className: string,
    decorator: AsyncMethodDecorator,
    answer: string,
  ): () => Promise<string> {
    const classes = {
      [className]: class {
        async find(id: number): Promise<string> {
          return `${answer} ${id}`;
        }
      },
    };
    const made = classes[className];
    if (made === undefined) throw new Error(`no class ${className} for ${name}`);
    applyLegacy(made.prototype, 'find', decorator);
    return () => new made().find(1);
  }

  it('INVARIANT 21: two classes of one name never answer for each other: the second runs uncached and says what to do', async () => {
    const name = cacheName();
    const warnings = hearWarnings('Twin.find');
    const { recorder } = await open(name);
    const first = () => {
      class Twin {
        @Cached({ cache: name })
        async find(id: number): Promise<string> {
          return `user ${id}`;
        }
      }
      return new Twin();
    };
    const second = () => {
      class Twin {
        @Cached({ cache: name })
        async find(id: number): Promise<string> {
          return `order ${id}`;
        }
      }
      return new Twin();
    };
    const [one, other] = [first(), second()];
    expect(await one.find(1)).toBe('user 1');
    expect(await other.find(1)).toBe('order 1');
    expect(await other.find(1)).toBe('order 1');
    expect(await one.find(1)).toBe('user 1');
    expect(recorder.of('hit')).toHaveLength(1);
    expect(recorder.of('bypass')).toMatchObject([{ reason: 'key' }, { reason: 'key' }]);
    expect(await warnings()).toEqual([
      {
        code: 'KEEPSAKE_SAME_NAME',
        message: expect.stringMatching(
          /`Twin\.find` has no `key`, and another method of this name.*give it a `key` or a `useCase`/,
        ),
      },
    ]);
  });

  it('are not contested by the class of a cache that was closed', async () => {
    const name = cacheName();
    const before = () => {
      class Repeated {
        @Cached({ cache: name })
        async find(): Promise<string> {
          return 'first';
        }
      }
      return new Repeated();
    };
    const after = () => {
      class Repeated {
        @Cached({ cache: name })
        async find(): Promise<string> {
          return 'second';
        }
      }
      return new Repeated();
    };
    const { cache } = await open(name);
    expect(await before().find()).toBe('first');
    await cache.close();
    await open(name);
    expect(await after().find()).toBe('second');
  });

  it('of a class that is made twice, by a function or a reload, are those of the first', async () => {
    const name = cacheName();
    await open(name);
    const decorator = Cached({ cache: name });
    expect(await repository(name, 'Made', decorator, 'first')()).toBe('first 1');
    expect(await repository(name, 'Made', decorator, 'second')()).toBe('second 1');
  });

  it.each([
    ['no name at all', ''],
    ['the name of a default export', 'default'],
    ['a name TypeScript made up', 'default_1'],
    ['a name esbuild made up', 'products_default'],
    ['a name as minifiers give them', 'e'],
    ['two letters of a minifier', 'x7'],
  ])('of a class with %s work, with a warning', async (_what, className) => {
    const name = cacheName();
    const warnings = hearWarnings(className === '' ? '`find`' : `\`${className}.find\``);
    await open(name);
    const find = repository(name, className, Cached({ cache: name }), 'found');
    expect([await find(), await find()]).toEqual(['found 1', 'found 1']);
    expect(await warnings()).toMatchObject([{ code: 'KEEPSAKE_DOUBTFUL_NAME' }]);
  });

  it.each([
    ['a template', Cached('doubtless:{id}', { ttl: '1m' })],
    ['a use case', Cached({ useCase: 'doubtless', ttl: '1m' })],
    ['a key function', Cached({ key: (id: number) => `doubtless ${id}`, ttl: '1m' })],
  ])('warn of no name where there is %s', async (_what, decorator) => {
    const warnings = hearWarnings('doubtless');
    await open('default');
    const find = repository('default', 'q', decorator, 'found');
    expect([await find(), await find()]).toEqual(['found 1', 'found 1']);
    expect(await warnings()).toEqual([]);
  });

  it('of a method that was taken off its object are not guessed: it runs uncached and says what to do', async () => {
    const name = cacheName();
    const { recorder } = await open(name);
    class Products {
      @Cached({ cache: name })
      async find(id: number): Promise<number> {
        return id;
      }
    }
    const products = new Products();
    const { find } = products;
    expect([await find(1), await find(1)]).toEqual([1, 1]);
    expect(recorder.of('error')).toHaveLength(2);
    expect(String(recorder.of('error')[0]?.error)).toContain('give it a `key` or a `useCase`');
    expect(await products.find(1)).toBe(1);
    expect(await find(1)).toBe(1);
    expect(recorder.of('hit')).toMatchObject([{ useCase: 'Products.find' }]);
  });
});

describe('two use cases with one key template', () => {
  const legacy = (name: string, options: Parameters<typeof Cached>[0] & object, className: string): unknown => {
    const classes = { [className]: class {} };
    const prototype: object = classes[className]?.prototype ?? {};
    Object.defineProperty(prototype, 'find', {
      value: async (id: number) => `${className} ${id}`,
      writable: true,
      configurable: true,
    });
    applyLegacy(prototype, 'find', Cached({ ttl: '1m', ...options, cache: name }));
    return Reflect.construct(classes[className] ?? Object, []);
  };
  const find = (service: unknown): Promise<unknown> => Reflect.get(Object(service), 'find').call(service, 1);

  it('share their entries when tags and codec are the same', async () => {
    const name = cacheName();
    await open(name);
    const one = legacy(name, { key: 'shared:{id}', tags: ['a', 'b'] }, 'One');
    const other = legacy(name, { key: 'shared:{id}', tags: ['b', 'a'] }, 'Other');
    expect(await find(one)).toBe('One 1');
    expect(await find(other)).toBe('One 1');
  });

  it('and different tags are refused when the next method is decorated', () => {
    const name = cacheName();
    legacy(name, { key: 'tags:{id}', tags: ['a'] }, 'One');
    legacy(name, { key: 'tags:{id}' }, 'Other');
    const error = refusal(() => legacy(name, {}, 'Next'));
    expect(error).toMatchObject({ code: 'INVALID_DECORATION' });
    expect(String(error)).toMatch(
      /`One\.find` and `Other\.find` share entries \(template tags:\{id\}\), but not their tags/,
    );
  });

  it('and different codecs are refused when their cache opens', async () => {
    const name = cacheName();
    legacy(name, { key: 'codec:{id}', codec: createRawCodec() }, 'One');
    legacy(name, { key: 'codec:{id}' }, 'Other');
    await expect(createCache({ name, store: new TestCluster().store() })).rejects.toThrow(/but not their codec/);
  });

  it('and different tags are refused at the first call of the one that was defined later', async () => {
    const name = cacheName();
    await open(name);
    const one = legacy(name, { key: 'late:{id}', tags: ['a'] }, 'One');
    expect(await find(one)).toBe('One 1');
    const other = legacy(name, { key: 'late:{id}' }, 'Other');
    await expect(find(other)).rejects.toThrow(/`One\.find` and `Other\.find` share entries/);
    expect(await find(one)).toBe('One 1');
  });

  it('in different caches have nothing to do with each other', async () => {
    const [here, there] = [cacheName(), cacheName()];
    await open(here);
    await open(there);
    const one = legacy(here, { key: 'apart:{id}', tags: ['a'] }, 'One');
    const other = legacy(there, { key: 'apart:{id}' }, 'Other');
    expect([await find(one), await find(other)]).toEqual(['One 1', 'Other 1']);
  });

  it('are one when the class was evaluated again: the later definition counts', async () => {
    const name = cacheName();
    legacy(name, { key: 'again:{id}', tags: ['a'] }, 'Again');
    const again = legacy(name, { key: 'again:{id}', tags: ['b'] }, 'Again');
    await open(name);
    expect(await find(again)).toBe('Again 1');
  });

  it('are seen in standard mode too, as soon as both classes are known', async () => {
    const name = cacheName();
    await open(name);
    class Left {
      @Cached('mode:{id}', { cache: name, tags: ['a'] })
      async left(id: number): Promise<number> {
        return id;
      }
    }
    class Right {
      @Cached('mode:{id}', { cache: name })
      async right(id: number): Promise<number> {
        return id;
      }
    }
    await expect(new Right().right(1)).rejects.toThrow(/share entries/);
    await expect(new Left().left(1)).rejects.toThrow(/share entries/);
  });
});
