/** What a cache must show in every fault of its store, whatever the fault is: while it is on, and when it is over. */
import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import type { CacheOptions } from '../../src/cache-options.js';
import { InvalidateTags } from '../../src/decorators/invalidate-tags.js';
import type { CacheInstance } from '../../src/engine/cache.js';
import { StoreError } from '../../src/errors.js';
import { eventually, type OpenCache, openCache } from './cache-fixture.js';

/** Short, so that a fault does not take long, and long enough for a busy machine that is well. */
export const DEADLINES = { read: 1_000, write: 1_500 };

/** A cache whose every read goes to the store, in a namespace of its own. */
export function open(options: CacheOptions): Promise<OpenCache> {
  return openCache({ namespace: randomUUID(), local: false, timeouts: DEADLINES, ...options });
}

/** Calls of missing keys complete with what their loaders return, each run once. */
export async function expectLoads({ cache }: OpenCache, count = 20): Promise<void> {
  const loads = new Map<string, number>();
  const call = (key: string): Promise<unknown> =>
    cache.getOrSet(key, async () => {
      loads.set(key, (loads.get(key) ?? 0) + 1);
      return { loaded: key };
    });
  const keys = Array.from({ length: count }, () => randomUUID());
  expect(await Promise.all(keys.map(call))).toEqual(keys.map((key) => ({ loaded: key })));
  expect([...loads.values()]).toEqual(keys.map(() => 1));
}

/** Reads are misses; calls that carry correctness say that they failed. */
export async function expectDown(opened: OpenCache): Promise<void> {
  const { cache, recorder } = opened;
  await expectLoads(opened);
  expect(await cache.get('known')).toBeUndefined();
  const explicit = [cache.set('a', 1), cache.delete('b'), cache.expire('c'), cache.invalidateTags('d'), cache.clear()];
  for (const { status, ...rest } of await Promise.allSettled(explicit)) {
    expect(status).toBe('rejected');
    expect(rest).toMatchObject({ reason: expect.any(StoreError) });
    expect(rest).toMatchObject({
      reason: { code: 'STORE_FAILED', outcome: expect.stringMatching(/^(failed|unknown)$/) },
    });
  }
  expect(cache.stats().store.health).not.toBe('well');
  expect(recorder.count('error')).toBeGreaterThan(0);
}

/** After failures in a row nobody waits for the store any more: calls go past it. */
export async function expectOpenBreaker(opened: OpenCache): Promise<void> {
  const { recorder } = opened;
  await eventually(async () => {
    await expectLoads(opened, 1);
    expect(recorder.of('breaker').map(({ state }) => state)).toContain('open');
    expect(recorder.of('bypass').map(({ reason }) => reason)).toContain('breaker');
  });
}

/** Within a bounded time, and with nobody's help, an entry is stored and found again. */
export async function expectRecovery({ cache, recorder }: OpenCache): Promise<void> {
  await eventually(async () => {
    const key = randomUUID();
    let loads = 0;
    const load = (): number => {
      loads += 1;
      return loads;
    };
    expect([await cache.getOrSet(key, load), await cache.getOrSet(key, load)]).toEqual([1, 1]);
  });
  await eventually(() => cache.set('known', 'again'));
  expect(cache.stats().store).toMatchObject({ health: 'well', breaker: 'closed' });
  expect(recorder.of('breaker').at(-1)?.state ?? 'closed').toBe('closed');
}

/** A decorated method that changes something tagged, as an application has them. */
export function changing(cache: CacheInstance, tag: string): () => Promise<string> {
  class Service {
    @InvalidateTags({ tags: [tag], cache: cache.name })
    async change(): Promise<string> {
      return 'changed';
    }
  }
  const service = new Service();
  return () => service.change();
}

/** INVARIANT 29: of all that went on during the fault nothing is remembered; only copies that are bounded, and their names. */
export async function expectNothingLeft({ cache }: OpenCache, mostCopies: number): Promise<void> {
  await eventually(() => {
    const { owed, underWay, local } = cache.stats();
    expect({ owed, ...underWay }).toMatchObject({ owed: 0, keys: 0, background: 0, transactions: 0 });
    expect(local.entries).toBeLessThanOrEqual(mostCopies);
    // The scope has some names, and each copy its key and tags; work that is over has none.
    expect(underWay.names).toBeLessThanOrEqual(5 + mostCopies * 5);
  });
}

export interface Fault {
  begin(): unknown;
  end(): unknown;
}

const COPIES = 50;

/** Far more than is ever under way at once, and than copies are kept of. */
const CALLS_PAST_THE_STORE = 1_000;

/**
 * Two caches of one namespace go through a fault: one that always asks the store, and one with a local tier, which listens. Calls are
 * answered while it is on, what a decorated method has invalidated meanwhile reaches the other when it is over, and nothing is left of it.
 */
export async function expectSurvival(options: CacheOptions, fault: Fault): Promise<OpenCache> {
  const namespace = randomUUID();
  const opened = await open({ namespace, ...options });
  const listening = await open({ namespace, ...options, local: { max: COPIES } });
  const both = [opened, listening] as const;
  const { cache } = opened;
  await eventually(() => cache.set('known', 'before'));
  await eventually(() => cache.set('tagged', 'before', { tags: ['changing'] }));
  await eventually(async () => expect(await cache.get('known')).toBe('before'));
  await eventually(async () => expect(await listening.cache.get('tagged')).toBe('before'));
  await fault.begin();
  await Promise.all([expectDown(opened), expectLoads(listening)]);
  expect(await changing(cache, 'changing')()).toBe('changed');
  expect(cache.stats().owed).toBe(1);
  await Promise.all(both.map(expectOpenBreaker));
  await Promise.all(both.map((one) => expectLoads(one, CALLS_PAST_THE_STORE)));
  expect(listening.cache.stats().local.entries).toBeLessThanOrEqual(COPIES);
  await fault.end();
  await Promise.all(both.map(expectRecovery));
  await eventually(() => expect(listening.cache.stats().stream).toMatchObject({ state: 'listening' }));
  await eventually(async () => expect(await listening.cache.get('tagged')).toBeUndefined());
  expect(await cache.get('tagged')).toBeUndefined();
  await expectNothingLeft(opened, 0);
  await expectNothingLeft(listening, COPIES);
  return opened;
}
