/** A store that never answers: whatever is asked of it, the caller hears the end of it by a deadline. */
import { describe, expect, it } from 'vitest';
import type { CacheInstance } from '../../../src/engine/cache.js';
import { StoreError } from '../../../src/errors.js';
import { breakable } from '../../support/breakable-store.js';
import { TestCluster, turnOfTheLoop } from '../../support/test-cache.js';

/** Milliseconds, and how a call ends by then: with an answer, or with a StoreError. */
const [READ, WRITE] = [250, 1_000];

const all = async (entries: AsyncIterable<unknown>): Promise<unknown[]> => {
  const found: unknown[] = [];
  for await (const entry of entries) found.push(entry);
  return found;
};

const ANSWERED: Readonly<Record<string, readonly [call: (cache: CacheInstance) => Promise<unknown>, answer: unknown]>> =
  {
    get: [(cache) => cache.get('k'), undefined],
    getEntry: [(cache) => cache.getEntry('k'), undefined],
    has: [(cache) => cache.has('k'), false],
    ttl: [(cache) => cache.ttl('k'), undefined],
    getMany: [(cache) => cache.getMany(['k', 'l']), new Map()],
    getOrSet: [(cache) => cache.getOrSet('k', () => 1), 1],
    getOrSetMany: [
      (cache) => cache.getOrSetMany(['k', 'l'], async (keys) => keys.map(() => 1)),
      new Map([
        ['k', 1],
        ['l', 1],
      ]),
    ],
  };

const REJECTED: Readonly<Record<string, (cache: CacheInstance) => Promise<unknown>>> = {
  set: (cache) => cache.set('k', 1),
  setIfAbsent: (cache) => cache.setIfAbsent('k', 1),
  setMany: (cache) => cache.setMany([['k', 1]]),
  touch: (cache) => cache.touch('k'),
  expire: (cache) => cache.expire('k'),
  delete: (cache) => cache.delete('k'),
  deleteMany: (cache) => cache.deleteMany(['k']),
  deletePattern: (cache) => cache.deletePattern('k%'),
  entries: (cache) => all(cache.entries({ prefix: 'k' })),
  invalidateTags: (cache) => cache.invalidateTags('t'),
  invalidateEntity: (cache) => cache.invalidateEntity('user', 1),
  clear: (cache) => cache.clear(),
  clearAll: (cache) => cache.clearAll(),
  incr: (cache) => cache.incr('n'),
  decr: (cache) => cache.decr('n'),
  lock: (cache) => cache.lock('l'),
};

/** How a call ends by itself, while the fake clock goes on for one deadline and a turn. */
async function ending(call: (cache: CacheInstance) => Promise<unknown>): Promise<PromiseSettledResult<unknown>> {
  const cluster = new TestCluster();
  const { outage, around } = breakable('hangs');
  const { cache } = await cluster.process({ store: around(cluster.store()) });
  outage.now = true;
  let ended: PromiseSettledResult<unknown> | undefined;
  void Promise.allSettled([call(cache)]).then(([result]) => (ended = result));
  await turnOfTheLoop();
  await cluster.clock.advanceAsync(WRITE + READ);
  for (let turn = 0; turn < 5; turn += 1) await turnOfTheLoop();
  // What the fake clock does not end keeps no test waiting.
  outage.now = false;
  await closing(cluster, cache);
  if (ended === undefined) throw new Error('It has not ended');
  return ended;
}

async function closing(cluster: TestCluster, cache: CacheInstance): Promise<void> {
  let isClosed = false;
  void cache.close().then(() => (isClosed = true));
  for (let step = 0; step < 100 && !isClosed; step += 1) {
    await cluster.clock.advanceAsync(WRITE);
    await turnOfTheLoop();
  }
}

describe('INVARIANT 27: a store that hangs', () => {
  it.each(Object.entries(ANSWERED))('%s answers by the deadline', async (_, [call, answer]) => {
    expect(await ending(call)).toEqual({ status: 'fulfilled', value: answer });
  });

  it.each(Object.entries(REJECTED))('%s rejects by the deadline', async (_, call) => {
    expect(await ending(call)).toEqual({ status: 'rejected', reason: expect.any(StoreError) });
  });

  it('leases that hang keep nobody from loading', async () => {
    const cluster = new TestCluster();
    const { outage, around } = breakable('hangs');
    const healthy = cluster.store();
    const leases = healthy.leases === undefined ? undefined : around(healthy.leases);
    const { cache } = await cluster.process({}, { leases });
    outage.now = true;
    let loads = 0;
    const answer = cache.getOrSet('k', () => (loads += 1));
    for (let step = 0; step < 20 && loads === 0; step += 1) {
      await turnOfTheLoop();
      await cluster.clock.advanceAsync(READ);
    }
    expect([await answer, loads]).toEqual([1, 1]);
    outage.now = false;
    await closing(cluster, cache);
  });

  it('sweep and close end as well', async () => {
    const cluster = new TestCluster();
    const { outage, around } = breakable('hangs');
    const { cache } = await cluster.process({ store: around(cluster.store()) });
    outage.now = true;
    const ends: string[] = [];
    void Promise.allSettled([cache.sweep()]).then(() => ends.push('sweep'));
    void cache.getOrSet('k', () => 1);
    await turnOfTheLoop();
    void cache.close().then(() => ends.push('close'));
    for (let step = 0; step < 20; step += 1) {
      await cluster.clock.advanceAsync(WRITE);
      await turnOfTheLoop();
    }
    expect(ends.sort()).toEqual(['close', 'sweep']);
  });
});
