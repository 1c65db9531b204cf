import { describe, expect, it } from 'vitest';
import { Gate, TestCluster, turnOfTheLoop } from '../../support/test-cache.js';

/** Lets everybody who waits for another process's load look again, a few times. */
async function lookAgain(cluster: TestCluster): Promise<void> {
  for (let look = 0; look < 5; look += 1) await cluster.clock.advanceAsync(100);
}

describe('leases', () => {
  it('INVARIANT 12: 4 processes with 20 callers each of one missing key run one load', async () => {
    const cluster = new TestCluster();
    const processes = await Promise.all(Array.from({ length: 4 }, () => cluster.process()));
    const gate = new Gate<string>();
    const calls = processes.flatMap(({ cache }) => Array.from({ length: 20 }, () => cache.getOrSet('k', gate.load)));
    await gate.begun();
    await lookAgain(cluster);
    gate.open('value');
    await turnOfTheLoop();
    await lookAgain(cluster);
    expect(new Set(await Promise.all(calls))).toEqual(new Set(['value']));
    expect(gate.calls).toBe(1);
    const waiting = processes.flatMap(({ recorder }) => recorder.of('hit')).filter(({ tier }) => tier === 'shared');
    expect(waiting).toHaveLength(60);
  });

  it('a failed load passes the lease on: the next process tries', async () => {
    const cluster = new TestCluster();
    const [here, there] = [await cluster.process(), await cluster.process()];
    const gate = new Gate<string>();
    const first = here.cache.getOrSet('k', gate.load).catch((error: unknown) => error);
    await gate.begun();
    const second = there.cache.getOrSet('k', gate.load);
    await lookAgain(cluster);
    const failure = new Error('down');
    gate.fail(failure);
    expect(await first).toBe(failure);
    await lookAgain(cluster);
    await gate.begun(2);
    gate.open('value');
    expect(await second).toBe('value');
  });

  it('INVARIANT 16: a load that failed elsewhere with a stale value at hand is not tried again by those who waited', async () => {
    const cluster = new TestCluster();
    const [here, there] = [await cluster.process(), await cluster.process()];
    const policy = { ttl: 1_000, jitter: 0, grace: '1h', backoff: '30s' } as const;
    await here.cache.set('k', 'stale', policy);
    cluster.clock.advance(2_000);
    const gate = new Gate<string>();
    const first = here.cache.getOrSet('k', gate.load, policy);
    await gate.begun();
    const second = there.cache.getOrSet('k', gate.load, policy);
    await lookAgain(cluster);
    gate.fail(new Error('down'));
    await turnOfTheLoop();
    await lookAgain(cluster);
    expect(await Promise.all([first, second])).toEqual(['stale', 'stale']);
    expect(gate.calls).toBe(1);
  });

  it('INVARIANT 13: a lease that is not renewed passes on; a live holder’s slow load is not run twice', async () => {
    const cluster = new TestCluster();
    const [here, there] = [await cluster.process(), await cluster.process()];
    const slow = new Gate<string>();
    const first = here.cache.getOrSet('slow', slow.load);
    await slow.begun();
    const second = there.cache.getOrSet('slow', slow.load);
    for (let elapsed = 0; elapsed < 10; elapsed += 1) await cluster.clock.advanceAsync(1_000);
    expect(slow.calls).toBe(1);
    slow.open('value');
    await turnOfTheLoop();
    await lookAgain(cluster);
    expect(await Promise.all([first, second])).toEqual(['value', 'value']);
  });

  it('leaseTimeout: who has waited that long for another process loads by itself', async () => {
    const cluster = new TestCluster();
    const [here, there] = [await cluster.process(), await cluster.process()];
    const hung = new Gate<string>();
    void here.cache.getOrSet('k', hung.load).catch(() => undefined);
    await hung.begun();
    const answer = there.cache.getOrSet('k', () => 'own', { ttl: '1h', leaseTimeout: 500 });
    for (let turn = 0; turn < 8; turn += 1) await cluster.clock.advanceAsync(100);
    expect(await answer).toBe('own');
    hung.open('late');
  });

  it('INVARIANT 19: one early refresh in the cluster', async () => {
    const cluster = new TestCluster();
    const [here, there] = [await cluster.process(), await cluster.process()];
    const policy = { ttl: 10_000, jitter: 0, earlyTtl: '80%' } as const;
    await here.cache.set('k', 'old', policy);
    cluster.clock.advance(8_500);
    const gate = new Gate<string>();
    expect(await here.cache.getOrSet('k', gate.load, policy)).toBe('old');
    await gate.begun();
    expect(await there.cache.getOrSet('k', gate.load, policy)).toBe('old');
    await there.cache.idle();
    expect(await there.cache.getOrSet('k', gate.load, policy)).toBe('old');
    await there.cache.idle();
    expect(gate.calls).toBe(1);
    gate.open('new');
    await here.cache.idle();
    expect(await here.cache.getOrSet('k', gate.load, policy)).toBe('new');
  });

  it('a load between whose lease and start another process stored the value adopts it', async () => {
    const cluster = new TestCluster();
    const [here, there] = [await cluster.process(), await cluster.process()];
    const read = here.store.read.bind(here.store);
    let reads = 0;
    const late = await cluster.process(
      {},
      {
        read: async (id) => {
          const answer = await read(id);
          reads += 1;
          if (reads === 1) await there.cache.set('k', 'stored meanwhile');
          return answer;
        },
      },
    );
    expect(await late.cache.getOrSet('k', () => 'loaded again')).toBe('stored meanwhile');
  });

  it('keeps nothing when nobody loads', async () => {
    const cluster = new TestCluster();
    const { cache } = await cluster.process();
    const timers = cluster.clock.timers; // the memory store's own
    for (let index = 0; index < 20; index += 1) await cache.getOrSet(`k${index}`, () => index);
    await cache.idle();
    await cluster.clock.advanceAsync(2_000);
    expect(cluster.leases).toBe(0);
    expect(cluster.clock.timers).toBe(timers);
  });
});
