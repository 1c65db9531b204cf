import { describe, expect, it } from 'vitest';
import type { CacheInstance } from '../../../src/engine/cache.js';
import type { CallOptions } from '../../../src/engine/given-call.js';
import { Gate, TestCluster, turnOfTheLoop } from '../../support/test-cache.js';

class Kept extends Error {}

const fails = (): never => {
  throw new Error('down');
};
const keepsError = (): never => {
  throw new Kept('no');
};

/** Every way in which one call can end. */
const ENDINGS: readonly (readonly [string, (cache: CacheInstance, policy: CallOptions) => Promise<unknown>])[] = [
  ['a miss, then a hit', async (cache, policy) => [await get(cache, policy, () => 1), await get(cache, policy, fails)]],
  ['a loader that fails', (cache, policy) => get(cache, policy, fails)],
  ['a fallback', (cache, policy) => get(cache, { ...policy, fallback: 1 }, fails)],
  ['a fallback that fails', (cache, policy) => get(cache, { ...policy, fallback: fails }, fails)],
  [
    'an error that is kept',
    (cache, policy) => twice(cache, { ...policy, cacheErrors: { classes: [Kept], ttl: '1m' } }),
  ],
  [
    'a fallback for an error that is kept',
    (cache, policy) => twice(cache, { ...policy, cacheErrors: { classes: [Kept], ttl: '1m' }, fallback: fails }),
  ],
  ['a policy that is refused', (cache, policy) => get(cache, { ...policy, ttl: -1 }, () => 1)],
  [
    'a policy that is refused where an error is kept',
    async (cache, policy) => {
      await twice(cache, { ...policy, cacheErrors: { classes: [Kept], ttl: '1m' } });
      await get(cache, { ...policy, ttl: -1 }, () => 1);
    },
  ],
  ['one that was cancelled before', (cache, policy) => get(cache, { ...policy, signal: AbortSignal.abort() }, () => 1)],
  [
    'one that is cancelled meanwhile',
    async (cache, policy) => {
      const gate = new Gate();
      const cancel = new AbortController();
      const call = get(cache, { ...policy, signal: cancel.signal }, gate.load);
      await turnOfTheLoop();
      cancel.abort();
      // A load that nobody waits for any more, or, where nothing is cached, a method that knows of no signal.
      if (gate.calls > 0) gate.open(1);
      await call;
      await turnOfTheLoop();
    },
  ],
  ['a key that is none', (cache, policy) => cache.getOrSet('', () => 1, policy)],
];

function get(cache: CacheInstance, policy: CallOptions, load: () => unknown): Promise<unknown> {
  return cache.getOrSet('k', load, policy).catch(() => undefined);
}

async function twice(cache: CacheInstance, policy: CallOptions): Promise<void> {
  await get(cache, policy, keepsError);
  await get(cache, policy, keepsError);
}

type Way = (cache: CacheInstance, call: () => Promise<unknown>) => Promise<unknown>;

/** Where a call may be made from. */
const PLACES: readonly (readonly [string, Way])[] = [
  ['plainly', (_cache, call) => call()],
  ['in `refresh`', (cache, call) => cache.refresh(call)],
  ['in `disable`', (cache, call) => cache.disable(call)],
  ['past the local tier', (cache, call) => cache.bypass({ local: true }, call)],
  ['past the shared tier', (cache, call) => cache.bypass({ shared: true }, call)],
  ['in `bypass` of reads', (cache, call) => cache.bypass({ read: true }, call)],
];

const PROVIDED = [undefined, null, { tiers: 'shared' }, { ramp: { local: 0, shared: 0 } }] as const;

describe('INVARIANT 32: the accounts', () => {
  for (const [ending, run] of ENDINGS) {
    it.each(PLACES)(`are right after ${ending}, %s, whatever a provider says`, async (_place, within) => {
      for (const provided of PROVIDED) {
        const { cache } = await new TestCluster().process({ policyProvider: () => provided });
        const policy: CallOptions = { ttl: '1h', useCase: 'A' };
        await within(cache, () => run(cache, policy)).catch(() => undefined);
        await cache.idle();
        const { calls, fresh, early, stale, misses, bypassed, ...counted } = cache.stats();
        expect([calls, JSON.stringify(provided)]).toEqual([
          fresh + early + stale + misses + bypassed,
          JSON.stringify(provided),
        ]);
        expect(counted.loads).toBe(counted.loadsSucceeded + counted.loadsFailed + counted.loadsAbandoned);
      }
    });
  }

  it.each([
    ['softTimeouts', { softTimeout: 100 }, 'stale'],
    ['hardTimeouts', { hardTimeout: 100 }, 'misses'],
  ] as const)('%s count callers, loads loaders: those that run, too', async (timeouts, limits, answered) => {
    const cluster = new TestCluster();
    const { cache } = await cluster.process();
    const policy: CallOptions = { ttl: '1m', grace: '1h', exceptions: [], ...limits };
    await cache.getOrSet('k', () => 'old', policy);
    cluster.clock.advance(61_000);
    const before = cache.stats();
    const gate = new Gate();
    const calls = Array.from({ length: 3 }, () => get(cache, policy, gate.load));
    await gate.begun();
    await cluster.clock.advanceAsync(101);
    await Promise.all(calls);
    const running = cache.stats();
    expect(running[timeouts] - before[timeouts]).toBe(3);
    expect(running[answered] - before[answered]).toBe(3);
    expect(running.calls - before.calls).toBe(3);
    expect(running.loads - before.loads).toBe(1);
    expect(running.loads).toBe(running.loadsSucceeded + running.loadsFailed + running.loadsAbandoned + 1);
    gate.open('new');
    await cache.idle();
    for (let turn = 0; turn < 5; turn += 1) await turnOfTheLoop();
    const { loads, loadsSucceeded, loadsFailed, loadsAbandoned } = cache.stats();
    expect(loads).toBe(loadsSucceeded + loadsFailed + loadsAbandoned);
  });
});
