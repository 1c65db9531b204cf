/** Redis, through both of its clients, each with and without what it has to send many commands at once. */
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import type { Product } from '../fixtures/product.js';
import type { SharedRival } from '../harness/rivals.js';

const SECONDS = 3600;

export async function openRedisRivals(url: string): Promise<readonly SharedRival[]> {
  return [await ioredis(url, 'ioredis'), await ioredis(url, 'ioredis, auto-pipelining'), await nodeRedis(url)];
}

async function ioredis(url: string, name: 'ioredis' | 'ioredis, auto-pipelining'): Promise<SharedRival> {
  const client = new Redis(url, { lazyConnect: true, enableAutoPipelining: name !== 'ioredis' });
  await client.connect();
  return {
    name,
    async get(key) {
      const text = await client.get(key);
      return text === null ? undefined : (JSON.parse(text) as Product);
    },
    async set(key, product) {
      await client.set(key, JSON.stringify(product), 'EX', SECONDS);
    },
    async increment(key) {
      await client.incr(key);
    },
    async close() {
      await client.quit();
    },
  };
}

/** It sends what was asked in one turn of the event loop at once, always. */
async function nodeRedis(url: string): Promise<SharedRival> {
  const client = createClient({ url });
  client.on('error', () => undefined);
  await client.connect();
  return {
    name: 'node-redis',
    async get(key) {
      const text = await client.get(key);
      return text === null ? undefined : (JSON.parse(String(text)) as Product);
    },
    async set(key, product) {
      await client.set(key, JSON.stringify(product), { expiration: { type: 'EX', value: SECONDS } });
    },
    async increment(key) {
      await client.incr(key);
    },
    async close() {
      await client.close();
    },
  };
}
