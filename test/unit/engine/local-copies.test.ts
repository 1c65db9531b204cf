import { describe, expect, it } from 'vitest';
import { Gate, TestCluster } from '../../support/test-cache.js';

describe('an entry that lives in the local tier only', () => {
  it('INVARIANT 7: that was set during a load is not overwritten by the load', async () => {
    const { cache } = await new TestCluster().process();
    const gate = new Gate<string>();
    const load = cache.getOrSet('k', gate.load, { tiers: 'local' });
    await gate.begun();
    await cache.set('k', 'newer', { tiers: 'local' });
    gate.open('older');
    await load;
    expect(await cache.get('k')).toBe('newer');
  });

  it('INVARIANT 16: set during a load that fails, it is loaded again as soon as it has ended', async () => {
    const cluster = new TestCluster();
    const { cache } = await cluster.process();
    const policy = { ttl: 1_000, jitter: 0, grace: '1h', tiers: 'local' } as const;
    await cache.set('k', 'first', policy);
    cluster.clock.advance(1_500);
    const gate = new Gate<string>();
    const failing = cache.getOrSet('k', gate.load, policy);
    await gate.begun();
    cluster.clock.advance(1);
    await cache.set('k', 'second', policy);
    gate.fail(new Error('down'));
    await failing;
    cluster.clock.advance(1_500);
    expect(await cache.getOrSet('k', () => 'third', policy)).toBe('third');
  });

  it('INVARIANT 26: slides no further than localTtl', async () => {
    const cluster = new TestCluster();
    const { cache } = await cluster.process();
    await cache.set('k', 'v', { sliding: 1_000, localTtl: 1_500, tiers: 'local' });
    for (const ms of [600, 600]) {
      cluster.clock.advance(ms);
      expect(await cache.get('k')).toBe('v');
    }
    cluster.clock.advance(301);
    expect(await cache.get('k')).toBeUndefined();
  });
});

describe('a copy of a sliding entry', () => {
  it('INVARIANT 26: is not extended past localTtl by a touch', async () => {
    const cluster = new TestCluster();
    const { cache, recorder } = await cluster.process({ localLease: '1h' });
    const policy = { sliding: 10_000, localTtl: 1_000 };
    await cache.set('k', 'v', policy);
    cluster.clock.advance(5_000);
    expect(await cache.get('k', { localTtl: 1_000 })).toBe('v');
    await cache.idle();
    recorder.clear();
    cluster.clock.advance(1_001);
    expect(await cache.get('k', { localTtl: 1_000 })).toBe('v');
    expect(recorder.of('hit')).toMatchObject([{ tier: 'shared' }]);
  });

  it('INVARIANT 26: a touch that was answered late does not extend what was set meanwhile', async () => {
    const cluster = new TestCluster();
    const held: (() => void)[] = [];
    const store = cluster.store();
    const { cache } = await cluster.process({
      localLease: '1h',
      store: cluster.store('', {
        touch: async (id) => {
          const answer = await store.touch(id);
          await new Promise<void>((resolve) => held.push(resolve));
          return answer;
        },
      }),
    });
    await cache.set('k', 'old', { sliding: 10_000 });
    cluster.clock.advance(5_000);
    await cache.get('k');
    cluster.clock.advance(1);
    await cache.set('k', 'new', { sliding: 1_000 });
    for (const release of held) release();
    await cache.idle();
    cluster.clock.advance(1_001);
    expect(await cache.get('k')).toBeUndefined();
  });

  it('is not read by has and ttl: the next read renews it as if they had not been', async () => {
    const cluster = new TestCluster();
    const { cache } = await cluster.process({ localLease: '1h' });
    await cache.set('k', 'v', { sliding: 1_000 });
    await cache.set('l', 'v', { sliding: 1_000, tiers: 'local' });
    cluster.clock.advance(600);
    expect(await cache.ttl('k')).toBe(400);
    expect(await cache.ttl('l')).toBe(400);
    expect(await cache.ttl('l')).toBe(400);
    expect(await cache.get('k')).toBe('v');
    await cache.idle();
    expect(await cache.ttl('k')).toBe(1_000);
  });
});
