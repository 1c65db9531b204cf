/** Keyv over PostgreSQL: the usual way to have a cache there. */
import KeyvPostgres from '@keyv/postgres';
import Keyv from 'keyv';
import type { Product } from '../fixtures/product.js';
import type { SharedRival } from '../harness/rivals.js';

const HOUR = 3_600_000;

export async function openKeyv(connectionString: string, connections: number): Promise<SharedRival> {
  const store = new KeyvPostgres({ uri: connectionString, max: connections, useUnloggedTable: true });
  const keyv = new Keyv<Product>({ store, ttl: HOUR });
  return {
    name: '@keyv/postgres',
    async get(key) {
      return keyv.get(key);
    },
    async set(key, product) {
      await keyv.set(key, product);
    },
    async close() {
      await keyv.disconnect();
    },
  };
}
