/** What the compiler knows of decorated methods. Legacy mode, and what it refuses, is compiled by test/examples/fixtures.test.ts. */
import { describe, expectTypeOf, it } from 'vitest';
import {
  type AsyncMethodDecorator,
  Cached,
  Early,
  Failover,
  InvalidateTags,
  type KEEPSAKE,
  type MethodInfo,
  type MethodPolicy,
} from '../../src/index.js';

interface Product {
  readonly id: number;
}

class Products {
  @Cached('product:{id}', { ttl: '10m', tags: ['products'] })
  async product(id: number, options: { readonly lang?: string } = {}): Promise<Product> {
    return { id, ...options };
  }

  @Early({ ttl: '10m' })
  @Failover('first')
  async first<Item extends object>(items: readonly Item[]): Promise<Item | undefined> {
    return items[0];
  }

  overloaded(id: number): Promise<number>;
  overloaded(id: string): Promise<string>;
  @Cached()
  async overloaded(id: number | string): Promise<number | string> {
    return id;
  }

  @Cached({ ttl: '1m' })
  static async all(this: typeof Products, ...ids: readonly number[]): Promise<Product[]> {
    return ids.map((id) => ({ id }));
  }

  @InvalidateTags('products', 'product:{product.id}')
  async save(product: Product): Promise<void> {
    void product;
  }

  @Cached({ ttl: '1m' })
  async never(): Promise<never> {
    throw new Error('always');
  }
}

describe('a decorated method keeps its type', () => {
  it('parameters, defaults and result', () => {
    expectTypeOf<Products['product']>().toEqualTypeOf<
      (id: number, options?: { readonly lang?: string }) => Promise<Product>
    >();
    expectTypeOf<Products['save']>().toEqualTypeOf<(product: Product) => Promise<void>>();
    expectTypeOf<Products['never']>().returns.toEqualTypeOf<Promise<never>>();
  });

  it('type parameters and overloads', () => {
    const products = new Products();
    expectTypeOf(products.first([{ id: 1 }])).toEqualTypeOf<Promise<{ id: number } | undefined>>();
    expectTypeOf(products.overloaded(1)).toEqualTypeOf<Promise<number>>();
    expectTypeOf(products.overloaded('1')).toEqualTypeOf<Promise<string>>();
  });

  it('`this`, of static methods too', () => {
    expectTypeOf(Products.all).thisParameter.toEqualTypeOf<typeof Products>();
    expectTypeOf<ReturnType<typeof Products.all>>().toEqualTypeOf<Promise<Product[]>>();
  });
});

describe('decorators', () => {
  it('take a key and options, or options alone, or nothing', () => {
    for (const decorator of [Cached, Early, Failover]) {
      expectTypeOf(decorator('key:{id}')).toEqualTypeOf<AsyncMethodDecorator>();
      expectTypeOf(decorator('key:{id}', { ttl: '1m' })).toEqualTypeOf<AsyncMethodDecorator>();
      expectTypeOf(decorator((id: number, lang: string) => `${id}:${lang}`)).toEqualTypeOf<AsyncMethodDecorator>();
      expectTypeOf(decorator({ key: 'key:{id}', ttl: 1_000 })).toEqualTypeOf<AsyncMethodDecorator>();
      expectTypeOf(decorator()).toEqualTypeOf<AsyncMethodDecorator>();
      expectTypeOf(decorator).parameter(0).extract<boolean>().toEqualTypeOf<never>();
    }
  });

  it('take a policy that was put together elsewhere', () => {
    const policy: MethodPolicy = { ttl: '1m', tags: ['a'] };
    expectTypeOf(Cached('key', policy)).toEqualTypeOf<AsyncMethodDecorator>();
    expectTypeOf(Cached({ ...policy, key: 'key' })).toEqualTypeOf<AsyncMethodDecorator>();
  });

  it('accept asynchronous methods only', () => {
    class Wrong {
      // @ts-expect-error a synchronous method
      @Cached({ ttl: '1m' })
      synchronous(): string {
        return '';
      }

      // @ts-expect-error one that is asynchronous sometimes
      @Early({ ttl: '1m' })
      sometimes(): string | Promise<string> {
        return '';
      }

      // @ts-expect-error a field
      @Failover({ ttl: '1m' })
      field = async (): Promise<string> => '';

      // @ts-expect-error an accessor
      @InvalidateTags('tag')
      get accessor(): () => Promise<string> {
        return this.field;
      }
    }
    expectTypeOf<Wrong['synchronous']>().returns.toEqualTypeOf<string>();
  });

  it('@InvalidateTags takes at least one tag, or options with tags', () => {
    expectTypeOf(InvalidateTags('one')).toEqualTypeOf<AsyncMethodDecorator>();
    expectTypeOf(InvalidateTags('one', 'two:{id}')).toEqualTypeOf<AsyncMethodDecorator>();
    expectTypeOf(InvalidateTags({ tags: ['one'], stale: true })).toEqualTypeOf<AsyncMethodDecorator>();
    // @ts-expect-error no tag at all
    expectTypeOf(() => InvalidateTags()).toBeFunction();
    // @ts-expect-error options of another decorator
    expectTypeOf(() => InvalidateTags({ tags: ['one'], ttl: '1m' })).toBeFunction();
  });

  it('what a method publishes is found under a unique symbol', () => {
    expectTypeOf<typeof KEEPSAKE>().toExtend<symbol>();
    expectTypeOf<MethodInfo['role']>().toEqualTypeOf<'cached' | 'puts' | 'invalidates' | 'locks'>();
  });
});
