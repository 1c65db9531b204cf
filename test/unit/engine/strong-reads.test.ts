import { describe, expect, it } from 'vitest';
import { cached } from '../../../src/decorators/cached-function.js';
import { cachedMany } from '../../../src/decorators/cached-many.js';
import type { CacheInstance } from '../../../src/engine/cache.js';
import type { Store } from '../../../src/ports/store.js';
import { Gate, TestCluster, turnOfTheLoop } from '../../support/test-cache.js';

const STRONG = Object.freeze({ consistency: 'strong' } as const);

/** Two processes that do not hear of each other: what one invalidates, the other serves from its local tier for `localLease`. */
async function pair(around: Partial<Store> = {}) {
  const cluster = new TestCluster();
  const here = await cluster.process({}, around);
  const there = await cluster.process();
  return { cluster, here, there: there.cache };
}

/** The same, with an old copy `here`: the other process has set a newer value since. */
async function apart(around: Partial<Store> = {}) {
  const two = await pair(around);
  await two.here.cache.set('k', 'old', { tags: ['t'] });
  await two.there.set('k', 'new', { tags: ['t'] });
  return two;
}

async function turns(count = 5): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await turnOfTheLoop();
}

describe('a strong read', () => {
  it('never answers a copy that another process has invalidated, where an eventual one does', async () => {
    const { here } = await apart();
    const { cache } = here;
    expect(await cache.get('k')).toBe('old');
    expect(await cache.get('k', STRONG)).toBe('new');
    expect(here.recorder.of('hit').map(({ tier }) => tier)).toEqual(['local', 'shared']);
  });

  it('is what every way of reading can be', async () => {
    const ways: Record<string, (cache: CacheInstance, options: { consistency?: 'strong' }) => Promise<unknown>> = {
      get: (cache, options) => cache.get('k', options),
      getMany: async (cache, options) => (await cache.getMany(['k'], options)).get('k'),
      getOrSet: (cache, options) => cache.getOrSet('k', () => 'loaded', options),
      getOrSetMany: async (cache, options) =>
        (await cache.getOrSetMany(['k'], async () => ['loaded'], options)).get('k'),
      cached: (cache, options) => cached(async () => 'loaded', { key: 'k', cache: cache.name, ...options })(),
      peek: (cache, options) => cached(async () => 'loaded', { key: 'k', cache: cache.name, ...options }).peek(),
      cachedMany: async (cache, options) => {
        const many = cachedMany(async (ids: readonly string[]) => ids, { key: '{id}', cache: cache.name, ...options });
        return (await many(['k']))[0];
      },
    };
    for (const [name, way] of Object.entries(ways)) {
      const { here } = await apart();
      expect([name, await way(here.cache, {}), await way(here.cache, STRONG)]).toEqual([name, 'old', 'new']);
    }
  });

  it('leaves what it has read and loaded to the eventual ones', async () => {
    const { here, there } = await apart();
    const { cache } = here;
    expect(await cache.get('k', STRONG)).toBe('new');
    expect(await cache.get('k')).toBe('new');
    await there.delete('k');
    expect(await cache.getOrSet('k', () => 'loaded', STRONG)).toBe('loaded');
    expect(await cache.getOrSet('k', () => 'again')).toBe('loaded');
    expect(here.recorder.of('hit').at(-1)).toMatchObject({ tier: 'local' });
  });

  it('can be the default of a cache, and taken back by a call', async () => {
    const cluster = new TestCluster();
    const { cache } = await cluster.process({ defaults: { ttl: '1h', ...STRONG } });
    const there = await cluster.process();
    await cache.set('k', 'old');
    await there.cache.set('k', 'new');
    expect(await cache.get('k', { consistency: 'eventual' })).toBe('old');
    expect(await cache.get('k')).toBe('new');
  });

  it('is served early, and refreshes, like any other', async () => {
    const { cluster, here } = await pair();
    const policy = { ttl: '1h', earlyTtl: '30m', ...STRONG } as const;
    let loads = 0;
    const call = (): Promise<number> => here.cache.getOrSet('k', async () => (loads += 1), policy);
    await call();
    cluster.clock.advance(31 * 60_000);
    expect(await call()).toBe(1);
    await here.cache.idle();
    expect([await call(), loads]).toEqual([2, 2]);
  });

  it('takes a stale value only where `grace` allows one, and none that was invalidated', async () => {
    const { cluster, here, there } = await pair();
    const policy = { ttl: '1m', grace: '1h', tags: ['t'], jitter: 0, ...STRONG } as const;
    const down = (): never => {
      throw new Error('down');
    };
    await here.cache.getOrSet('k', () => 'value', policy);
    cluster.clock.advance(61_000);
    expect(await here.cache.getOrSet('k', down, policy)).toBe('value');
    await there.invalidateTags('t');
    await expect(here.cache.getOrSet('k', down, policy)).rejects.toThrow('down');
  });

  it('runs the loader while the store cannot be asked, once for each call, where an eventual one has its copy', async () => {
    let store: 'well' | 'gone' = 'well';
    const { cluster, here } = await pair();
    const guarded = cluster.store();
    const { cache } = await cluster.process(
      {},
      { read: (id) => (store === 'gone' ? Promise.reject(new Error('gone')) : guarded.read(id)) },
    );
    let loads = 0;
    const load = async (): Promise<number> => (loads += 1);
    await cache.getOrSet('k', load);
    store = 'gone';
    expect(await cache.getOrSet('k', load)).toBe(1);
    for (let call = 2; call < 10; call += 1) expect(await cache.getOrSet('k', load, STRONG)).toBe(call);
    expect(cache.stats().store.breaker).toBe('open');
    expect(await cache.get('k', STRONG)).toBeUndefined();
    expect(here.recorder.of('error')).toEqual([]);
  });

  it('runs the loader where a scope leaves it no shared tier', async () => {
    const { here } = await apart();
    const call = (): Promise<unknown> => here.cache.getOrSet('k', () => 'loaded', STRONG);
    expect(await here.cache.bypass({ shared: true }, call)).toBe('loaded');
    expect(await here.cache.bypass({ shared: true }, () => here.cache.get('k', STRONG))).toBeUndefined();
  });
});

describe('a strong call and what is under way', () => {
  it('is not answered by a load that began before it', async () => {
    const { cluster, here, there } = await pair();
    const gate = new Gate<string>();
    const policy = { tags: ['t'] };
    const before = here.cache.getOrSet('k', gate.load, policy);
    await gate.begun();
    await there.invalidateTags('t');
    cluster.clock.advance(1);
    const joins = here.cache.getOrSet('k', gate.load, policy);
    const strong = here.cache.getOrSet('k', gate.load, { ...policy, ...STRONG });
    await turns();
    expect(gate.calls).toBe(1); // Never stacked: the older load is waited for.
    gate.open('old');
    expect([await before, await joins]).toEqual(['old', 'old']);
    await gate.begun(2);
    gate.open('new');
    expect(await strong).toBe('new');
    expect(gate.calls).toBe(2);
  });

  it('takes what that load has stored, when nothing was invalidated', async () => {
    const { cluster, here } = await pair();
    const gate = new Gate<string>();
    const before = here.cache.getOrSet('k', gate.load);
    await gate.begun();
    cluster.clock.advance(1);
    const strong = here.cache.getOrSet('k', gate.load, STRONG);
    await turns();
    gate.open('value');
    expect([await before, await strong]).toEqual(['value', 'value']);
    expect(gate.calls).toBe(1);
  });

  it('waits for an older load up to its leaseTimeout, and then loads by itself', async () => {
    const { cluster, here } = await pair();
    const [hung, gate] = [new Gate<string>(), new Gate<string>()];
    const before = here.cache.getOrSet('k', hung.load);
    await hung.begun();
    cluster.clock.advance(1);
    const strong = here.cache.getOrSet('k', gate.load, { ...STRONG, leaseTimeout: 100 });
    await turns();
    expect(gate.calls).toBe(0);
    await cluster.clock.advanceAsync(101);
    await cluster.clock.advanceAsync(200);
    await gate.begun();
    gate.open('new');
    expect(await strong).toBe('new');
    hung.open('old');
    await before;
  });

  it('shares a load that begins after it with everybody, strong or not', async () => {
    const { here } = await pair();
    const gate = new Gate<string>();
    const calls = [STRONG, {}, STRONG].map((options) => here.cache.getOrSet('k', gate.load, options));
    await gate.begun();
    await turns();
    gate.open('value');
    expect(await Promise.all(calls)).toEqual(['value', 'value', 'value']);
    expect(gate.calls).toBe(1);
  });

  it('tries again after an older load that failed', async () => {
    const { cluster, here } = await pair();
    const gate = new Gate<string>();
    const before = here.cache.getOrSet('k', gate.load).catch((error: unknown) => error);
    await gate.begun();
    cluster.clock.advance(1);
    const strong = here.cache.getOrSet('k', gate.load, STRONG);
    await turns();
    gate.fail(new Error('down'));
    expect(await before).toBeInstanceOf(Error);
    await gate.begun(2);
    gate.open('value');
    expect(await strong).toBe('value');
  });

  it('asks the store for itself, though a read of the key is under way', async () => {
    const held: (() => void)[] = [];
    const cluster = new TestCluster();
    const store = cluster.store();
    const there = await cluster.process();
    const { cache } = await cluster.process(
      {},
      {
        read: async (id) => {
          const answer = await store.read(id);
          if (held.length === 0) await new Promise<void>((resolve) => held.push(resolve));
          return answer;
        },
      },
    );
    await there.cache.set('k', 'old');
    const before = cache.get('k');
    await turns();
    await there.cache.set('k', 'new');
    expect(await cache.get('k', STRONG)).toBe('new');
    held[0]?.();
    expect(await before).toBe('old');
  });

  it('adopts what another process stores while it waits for that one’s lease', async () => {
    const { cluster, here, there } = await pair();
    const gate = new Gate<string>();
    const other = there.getOrSet('k', gate.load);
    await gate.begun();
    const strong = here.cache.getOrSet('k', () => 'own', STRONG);
    await cluster.clock.advanceAsync(20);
    gate.open('theirs');
    await other;
    await cluster.clock.advanceAsync(200);
    expect(await strong).toBe('theirs');
  });

  it('loads in bulk what a load in bulk that began before it would have answered', async () => {
    const { cluster, here, there } = await pair();
    const gate = new Gate<readonly string[]>();
    const keys = ['a', 'b'];
    const policy = { tags: ['t'] };
    const before = here.cache.getOrSetMany(keys, gate.load, policy);
    await gate.begun();
    await there.invalidateTags('t');
    cluster.clock.advance(1);
    const strong = here.cache.getOrSetMany(keys, gate.load, { ...policy, ...STRONG });
    await turns();
    gate.open(['old', 'old']);
    expect([...(await before).values()]).toEqual(['old', 'old']);
    await gate.begun(2);
    gate.open(['new', 'new']);
    expect([...(await strong).values()]).toEqual(['new', 'new']);
  });
});

describe('a run-time provider and consistency', () => {
  const policy = { useCase: 'Orders.total', ttl: '1h' } as const;

  async function provided(overlay: Parameters<typeof pairWith>[0]) {
    const cache = await pairWith(overlay);
    return { get: () => cache.get('k', { useCase: policy.useCase }), cache };
  }

  async function pairWith(overlay: { consistency?: 'eventual' | 'strong'; tiers?: 'local' | 'shared' }) {
    const cluster = new TestCluster();
    const { cache } = await cluster.process({ policyProvider: () => overlay });
    const there = await cluster.process();
    await cache.set('k', 'old', policy);
    await there.cache.set('k', 'new', policy);
    return cache;
  }

  it('makes a use case strong, its reads without a loader too', async () => {
    const { cache, get } = await provided(STRONG);
    expect(await get()).toBe('new');
    const { cache: other } = await provided(STRONG);
    expect(await other.getOrSet('k', () => 'loaded', policy)).toBe('new');
    expect(await cached(async () => 'loaded', { key: 'k', cache: cache.name, ...policy })()).toBe('new');
  });

  it('makes a strong method eventual, but not a call that says itself that it is strong', async () => {
    const { cache } = await provided({ consistency: 'eventual' });
    const method = cached(async () => 'loaded', { key: 'k', cache: cache.name, ...policy, ...STRONG });
    expect(await method()).toBe('old');
    expect(await cache.getOrSet('k', () => 'loaded', { ...policy, ...STRONG })).toBe('new');
  });

  it('cannot make a strong call answer from a tier that hears of nobody: it runs the loader', async () => {
    const { cache } = await provided({ tiers: 'local' });
    let loads = 0;
    const call = (): Promise<number> => cache.getOrSet('k', async () => (loads += 1), { ...policy, ...STRONG });
    expect([await call(), await call()]).toEqual([1, 2]);
  });

  it('fails no call by contradicting what the call says', async () => {
    const { cache } = await provided({ tiers: 'shared' });
    expect(await cache.getOrSet('k', () => 'loaded', { ...policy, localTtl: '1m' })).toBe('new');
  });
});
