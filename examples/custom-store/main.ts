/**
 * How do I write a store of my own? Implement `Store`, and let the contract suite judge it.
 *
 * `npx tsx examples/custom-store/main.ts`; with Vitest, Jest or Mocha give the suite their `describe` and `it`.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createCache, scopeNames } from 'keepsake';
import { describeStoreContract } from 'keepsake/testing';
import { FileStore } from './file-store.js';

const options = { scopeNames: scopeNames('example'), loadDeadline: 600_000 };
let folder = '';
let files = 0;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'file-store-'));
});

after(async () => {
  await rm(folder, { recursive: true });
});

describeStoreContract('file', {
  describe,
  it,
  lacks: ['put', 'extend', 'readMany', 'counters', 'locks', 'second', 'neighbour'],
  create: async () => {
    let passed = 0;
    const now = (): number => Date.now() + passed;
    const store = new FileStore({ ...options, path: join(folder, String(files++)), now });
    await store.open();
    return {
      ...{ store, options, now },
      async advance(ms) {
        passed += ms;
      },
      close: () => store.close(),
    };
  },
});

describe('a cache over it', () => {
  it('finds the next time what was cached the last time, unless it was invalidated', async () => {
    const path = join(folder, 'cache');
    let loads = 0;
    const run = async (): Promise<readonly number[]> => {
      const cache = await createCache({
        name: 'example',
        namespace: 'example',
        store: new FileStore({ ...options, path }),
      });
      const kept = await cache.getOrSet('kept', () => ++loads, { ttl: '1h' });
      const tagged = await cache.getOrSet('tagged', () => ++loads, { ttl: '1h', tags: ['everything'] });
      await cache.invalidateTags(['everything']);
      await cache.close();
      return [kept, tagged];
    };
    assert.deepEqual(await run(), [1, 2]);
    assert.deepEqual(await run(), [1, 3]);
  });
});
