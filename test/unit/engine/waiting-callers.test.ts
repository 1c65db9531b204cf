import { describe, expect, it } from 'vitest';
import type { CacheInstance } from '../../../src/engine/cache.js';
import { LoadTimeoutError } from '../../../src/errors.js';
import { Gate, TestCluster, turnOfTheLoop } from '../../support/test-cache.js';

/** Turns of the event loop: enough for a call to find out what there is to wait for. */
async function turns(count = 3): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await turnOfTheLoop();
}

function identity(cache: CacheInstance): { calls: number; accountedFor: number } {
  const { calls, fresh, early, stale, misses, bypassed } = cache.stats();
  return { calls, accountedFor: fresh + early + stale + misses + bypassed };
}

describe('a caller that waits for an older load', () => {
  it('gives up at its hardTimeout, which counts from its own call', async () => {
    const cluster = new TestCluster();
    const { cache, recorder } = await cluster.process();
    const gate = new Gate<string>();
    const before = cache.getOrSet('k', gate.load, { tags: ['t'] });
    await gate.begun();
    await cache.invalidateTags('t');
    const after = cache.getOrSet('k', gate.load, { tags: ['t'], hardTimeout: 200 }).catch((error: unknown) => error);
    await turns();
    await cluster.clock.advanceAsync(201);
    expect(await after).toBeInstanceOf(LoadTimeoutError);
    expect(recorder.of('timeout')).toMatchObject([{ limit: 'hard' }]);
    expect(gate.calls).toBe(1);
    gate.open('old');
    expect(await before).toBe('old');
  });

  it('takes a stale value at its softTimeout', async () => {
    const cluster = new TestCluster();
    const { cache, recorder } = await cluster.process();
    const policy = { ttl: '1h', grace: '1h', tags: ['t'] } as const;
    await cache.set('k', 'first', policy);
    await cache.expire('k');
    const gate = new Gate<string>();
    const before = cache.getOrSet('k', gate.load, policy);
    await gate.begun();
    await cache.invalidateTags('t', { stale: true });
    const after = cache.getOrSet('k', gate.load, { ...policy, softTimeout: 100 });
    await turns();
    await cluster.clock.advanceAsync(101);
    expect(await after).toBe('first');
    expect(recorder.of('timeout')).toMatchObject([{ limit: 'soft' }]);
    gate.open('old');
    await before;
  });

  it('INVARIANT 3: is one that came more than localLease after the load began; what the store accepted is then found there', async () => {
    const cluster = new TestCluster();
    const { cache } = await cluster.process();
    const gate = new Gate<string>();
    const first = cache.getOrSet('k', gate.load);
    await gate.begun();
    await cluster.clock.advanceAsync(5_000);
    const late = cache.getOrSet('k', gate.load);
    await turns();
    gate.open('value');
    expect(await Promise.all([first, late])).toEqual(['value', 'value']);
    expect(gate.calls).toBe(1);
    expect(cache.stats()).toMatchObject({ misses: 1, fresh: 1 });
  });

  it('INVARIANT 3: and is not answered with a value that another process invalidated while it was loaded', async () => {
    const cluster = new TestCluster();
    const [here, there] = [await cluster.process(), await cluster.process()];
    const gate = new Gate<string>();
    const first = here.cache.getOrSet('k', gate.load, { tags: ['t'] });
    await gate.begun();
    await there.cache.invalidateTags('t');
    await cluster.clock.advanceAsync(5_000);
    const late = here.cache.getOrSet('k', gate.load, { tags: ['t'] });
    await turns();
    gate.open('old');
    expect(await first).toBe('old');
    await gate.begun(2);
    gate.open('new');
    expect(await late).toBe('new');
  });

  it('finds its result in the local tier when that is its only home', async () => {
    const { cache } = await new TestCluster().process();
    const gate = new Gate<string>();
    const controller = new AbortController();
    const cancelled = cache.getOrSet('k', gate.load, { tiers: 'local', signal: controller.signal }).catch(() => 'gone');
    await gate.begun();
    controller.abort();
    expect(await cancelled).toBe('gone');
    const next = cache.getOrSet('k', gate.load, { tiers: 'local' });
    await turns();
    gate.open('value');
    expect(await next).toBe('value');
    expect(gate.calls).toBe(1);
  });
});

describe('a cancelled caller', () => {
  it('starts no load that nobody would wait for', async () => {
    const { cache } = await new TestCluster().process();
    let loads = 0;
    const call = cache.getOrSet('k', () => (loads += 1), { signal: AbortSignal.abort(new Error('too late')) });
    await expect(call).rejects.toThrow('too late');
    expect(loads).toBe(0);
  });

  it('INVARIANT 32: is counted like any other, as is one whose policy is refused', async () => {
    const { cache } = await new TestCluster().process();
    const gate = new Gate<string>();
    const [first, second] = [new AbortController(), new AbortController()];
    const calls = [
      cache.getOrSet('k', gate.load, { signal: first.signal }),
      cache.getOrSet('k', gate.load, { signal: second.signal, tags: ['t'] }),
      cache.getOrSet('l', gate.load, { ttl: -1 }),
    ];
    const outcomes = Promise.allSettled(calls);
    await gate.begun();
    await cache.delete('k');
    const waiting = cache.getOrSet('k', gate.load, { signal: second.signal });
    const last = Promise.allSettled([waiting]);
    await turns();
    first.abort();
    second.abort();
    const all = [...(await outcomes), ...(await last)];
    expect(all.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected', 'rejected']);
    expect(identity(cache)).toEqual({ calls: 4, accountedFor: 4 });
    gate.open('unused');
  });
});

describe('a load that a caller left at its softTimeout', () => {
  it('INVARIANT 28: is background work, which idle and close wait for', async () => {
    const cluster = new TestCluster();
    const { cache } = await cluster.process();
    const policy = { ttl: 1_000, jitter: 0, grace: '1h', softTimeout: 100 } as const;
    await cache.getOrSet('k', () => 'old', policy);
    cluster.clock.advance(1_500);
    const gate = new Gate<string>();
    const answers = [cache.getOrSet('k', gate.load, policy), cache.getOrSet('k', gate.load, policy)];
    await gate.begun();
    await turns();
    await cluster.clock.advanceAsync(101);
    expect(await Promise.all(answers)).toEqual(['old', 'old']);
    expect(cache.stats().underWay.background).toBe(1);
    let closed = false;
    const closing = cache.close().then(() => {
      closed = true;
    });
    await turns();
    expect(closed).toBe(false);
    gate.open('new');
    await closing;
    const other = await cluster.process();
    expect(await other.cache.get('k')).toBe('new');
  });
});
