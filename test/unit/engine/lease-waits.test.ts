import { describe, expect, it } from 'vitest';
import { createNullStore } from '../../../src/memory/null-store.js';
import { Gate, TestCluster, turnOfTheLoop } from '../../support/test-cache.js';

/** Lets time pass in steps, with room for what waits for another process to look again. */
async function pass(cluster: TestCluster, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 100) await cluster.clock.advanceAsync(100);
}

describe('a load that waits for another process', () => {
  it('INVARIANT 17: is not begun when everybody has left meanwhile', async () => {
    const cluster = new TestCluster();
    const [here, there] = [await cluster.process(), await cluster.process()];
    const gate = new Gate<string>();
    const first = there.cache.getOrSet('k', gate.load);
    await gate.begun();
    const controller = new AbortController();
    let loads = 0;
    const waiting = here.cache.getOrSet('k', () => (loads += 1), { signal: controller.signal });
    await pass(cluster, 300);
    controller.abort(new Error('left'));
    await expect(waiting).rejects.toThrow('left');
    gate.fail(new Error('down'));
    await expect(first).rejects.toThrow('down');
    await pass(cluster, 300);
    expect(loads).toBe(0);
    expect(here.cache.stats()).toMatchObject({ loads: 0, underWay: { keys: 0, background: 0 } });
  });

  it('INVARIANT 17: is not cancelled because the caller that waits longest gives it its time anew', async () => {
    const cluster = new TestCluster();
    const [here, there] = [await cluster.process(), await cluster.process()];
    const gate = new Gate<string>();
    const policy = { leaseTimeout: 2_000 };
    const stuck = there.cache.getOrSet('k', gate.load);
    await gate.begun();
    const controller = new AbortController();
    const own = new Gate<string>();
    let signal: AbortSignal | undefined;
    const load = (context: { signal: AbortSignal }): Promise<string> => {
      signal = context.signal;
      return own.load();
    };
    const first = here.cache.getOrSet('k', load, { ...policy, signal: controller.signal }).catch(() => 'left');
    await turnOfTheLoop();
    const joined = here.cache.getOrSet('k', load, policy);
    await turnOfTheLoop();
    controller.abort();
    expect(await first).toBe('left');
    // It loads without the lease after 2 s, and its caller's 2 s are over at the same time.
    await pass(cluster, 2_200);
    await own.begun();
    expect(signal?.aborted).toBe(false);
    expect(own.calls).toBe(1);
    own.open('own');
    expect(await joined).toBe('own');
    gate.open('late');
    await stuck;
  });

  it('INVARIANT 15: one that begins late is joined by who waited for it to end', async () => {
    const cluster = new TestCluster();
    const [here, there] = [await cluster.process(), await cluster.process()];
    const stuck = new Gate<string>();
    const first = there.cache.getOrSet('k', stuck.load);
    await stuck.begun();
    const own = new Gate<string>();
    const policy = { leaseTimeout: 2_000, tags: ['t'] };
    const before = here.cache.getOrSet('k', own.load, policy);
    await pass(cluster, 1_000);
    await here.cache.invalidateTags('t');
    const after = here.cache.getOrSet('k', own.load, policy);
    await pass(cluster, 2_500);
    await own.begun();
    expect(own.calls).toBe(1);
    own.open('own');
    expect(await Promise.all([before, after])).toEqual(['own', 'own']);
    stuck.open('late');
    await first;
  });
});

describe('leases of a store of somebody else’s', () => {
  it('INVARIANT 27: that throw where they should reject fail no call', async () => {
    const cluster = new TestCluster();
    const broken = (): never => {
      throw new Error('a bug in the leases');
    };
    const leases = { acquire: broken, renew: broken, release: broken };
    const { cache, recorder } = await cluster.process({ store: { ...createNullStore(), leases } });
    expect(await cache.getOrSet('k', () => 'value')).toBe('value');
    expect(recorder.of('error')).toMatchObject([{ operation: 'lease' }]);
  });
});
