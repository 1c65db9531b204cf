/**
 * Caches in the process, each as its own documentation would use it for reading through: a key made from an id, an hour to live,
 * room for every key. Each has its loop written out: in a shared one the call would see all of them, and the engine could optimise none.
 */
import { cachified } from '@epic-web/cachified';
import { Cacheable as cacheableMethod } from '@type-cacheable/core';
import { useAdapter } from '@type-cacheable/lru-cache-adapter';
import { createCache as createDedupe } from 'async-cache-dedupe';
import { BentoCache, bentostore } from 'bentocache';
import { memoryDriver } from 'bentocache/drivers/memory';
import { createCache as createManager } from 'cache-manager';
import { Cacheable } from 'cacheable';
import { Loader } from 'layered-loader';
import { LRUCache } from 'lru-cache';
import type { Product } from '../fixtures/product.js';
import type { LocalRival, LocalSource } from '../harness/rivals.js';

const HOUR = 3_600_000;

export async function openLocalRivals(source: LocalSource): Promise<readonly LocalRival[]> {
  const rivals = [
    layeredLoader(source),
    dedupe(source),
    manager(source),
    cacheable(source),
    cachifiedLru(source),
    bento(source),
    typeCacheable(source),
  ];
  for (const rival of rivals) await rival.loop(source.keys);
  return rivals;
}

const nothing = async (): Promise<void> => undefined;

function layeredLoader({ keys, load, amount }: LocalSource): LocalRival {
  const loader = new Loader<Product>({
    inMemoryCache: { cacheType: 'lru-map', ttlInMsecs: HOUR, maxItems: 10_000 },
    dataSources: [
      {
        name: 'source',
        get: (key: string) => load(Number(key.slice(8))),
        getMany: (wanted: string[]) => Promise.all(wanted.map((key) => load(Number(key.slice(8))))),
      },
    ],
  });
  return {
    name: 'layered-loader',
    async loop(times) {
      let sum = 0;
      for (let i = 0; i < times; i++) sum += amount((await loader.get(`product:${i & (keys - 1)}`)) ?? undefined);
      return sum;
    },
    close: nothing,
  };
}

function dedupe({ keys, load, amount }: LocalSource): LocalRival {
  const cache = createDedupe({ ttl: 3600, storage: { type: 'memory', options: { size: 10_000 } } }).define(
    'product',
    (id: number) => load(id),
  );
  return {
    name: 'async-cache-dedupe',
    async loop(times) {
      let sum = 0;
      for (let i = 0; i < times; i++) sum += amount((await cache.product(i & (keys - 1))) as Product);
      return sum;
    },
    close: nothing,
  };
}

function manager({ keys, load, amount }: LocalSource): LocalRival {
  const cache = createManager({ ttl: HOUR });
  return {
    name: 'cache-manager',
    async loop(times) {
      let sum = 0;
      for (let i = 0; i < times; i++) {
        const id = i & (keys - 1);
        sum += amount(await cache.wrap(`product:${id}`, () => load(id)));
      }
      return sum;
    },
    close: nothing,
  };
}

function cacheable({ keys, load, amount }: LocalSource): LocalRival {
  const cache = new Cacheable({ ttl: HOUR });
  return {
    name: 'cacheable',
    async loop(times) {
      let sum = 0;
      for (let i = 0; i < times; i++) {
        const id = i & (keys - 1);
        sum += amount(await cache.getOrSet(`product:${id}`, () => load(id)));
      }
      return sum;
    },
    close: async () => {
      await cache.disconnect();
    },
  };
}

function cachifiedLru({ keys, load, amount }: LocalSource): LocalRival {
  const lru = new LRUCache<string, never>({ max: 10_000 });
  return {
    name: 'cachified',
    async loop(times) {
      let sum = 0;
      for (let i = 0; i < times; i++) {
        const id = i & (keys - 1);
        sum += amount(
          await cachified({ key: `product:${id}`, cache: lru as never, ttl: HOUR, getFreshValue: () => load(id) }),
        );
      }
      return sum;
    },
    close: nothing,
  };
}

function bento({ keys, load, amount }: LocalSource): LocalRival {
  const cache = new BentoCache({
    default: 'local',
    stores: { local: bentostore().useL1Layer(memoryDriver({ maxItems: 10_000, serialize: false })) },
  });
  return {
    name: 'bentocache',
    async loop(times) {
      let sum = 0;
      for (let i = 0; i < times; i++) {
        const id = i & (keys - 1);
        sum += amount(await cache.getOrSet({ key: `product:${id}`, ttl: HOUR, factory: () => load(id) }));
      }
      return sum;
    },
    close: async () => {
      await cache.disconnectAll();
    },
  };
}

function typeCacheable({ keys, load, amount }: LocalSource): LocalRival {
  // It has an lru-cache of an older major version of its own, whose type is another.
  useAdapter(new LRUCache<string, Product>({ max: 10_000 }) as never);
  class Products {
    product(id: number): Promise<Product> {
      return load(id);
    }
  }
  const descriptor = Object.getOwnPropertyDescriptor(Products.prototype, 'product') as PropertyDescriptor;
  // Its decorators are of the legacy kind, which this file is not compiled for: so it is applied as compiled code would.
  const decorate = cacheableMethod({ cacheKey: ([id]: number[]) => `product:${id}`, ttlSeconds: 3600 });
  const decorated = decorate(Products.prototype, 'product', descriptor) as unknown as PropertyDescriptor | undefined;
  Object.defineProperty(Products.prototype, 'product', decorated ?? descriptor);
  const products = new Products();
  return {
    name: 'type-cacheable',
    async loop(times) {
      let sum = 0;
      for (let i = 0; i < times; i++) sum += amount(await products.product(i & (keys - 1)));
      return sum;
    },
    close: nothing,
  };
}
