import { describe, expect, it } from 'vitest';
import { Gate, TestCluster, turnOfTheLoop } from '../../support/test-cache.js';

describe('single flight', () => {
  it('20 concurrent calls of one missing key run the loader once', async () => {
    const { cache } = await new TestCluster().process();
    const gate = new Gate<string>();
    const calls = Array.from({ length: 20 }, () => cache.getOrSet('k', gate.load));
    await gate.begun();
    await turnOfTheLoop();
    gate.open('value');
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 20 }, () => 'value'));
    expect(gate.calls).toBe(1);
  });

  it('INVARIANT 12: a failing load rejects all its callers once; the next call tries again', async () => {
    const { cache } = await new TestCluster().process();
    const gate = new Gate<string>();
    const calls = Array.from({ length: 20 }, () => cache.getOrSet('k', gate.load).catch((error: unknown) => error));
    await gate.begun();
    const failure = new Error('origin down');
    gate.fail(failure);
    expect(new Set(await Promise.all(calls))).toEqual(new Set([failure]));
    expect(gate.calls).toBe(1);
    const again = cache.getOrSet('k', gate.load);
    await gate.begun(2);
    gate.open('recovered');
    expect(await again).toBe('recovered');
  });

  it('INVARIANT 17: a rejection with undefined, null or 0 still rejects', async () => {
    const { cache } = await new TestCluster().process();
    for (const reason of [undefined, null, 0]) {
      const outcome = cache
        .getOrSet('k', () => Promise.reject(reason))
        .then(
          () => 'resolved',
          (error: unknown) => ({ error }),
        );
      expect(await outcome).toEqual({ error: reason });
    }
  });

  it('different keys load side by side', async () => {
    const { cache } = await new TestCluster().process();
    const slow = new Gate<string>();
    const pending = cache.getOrSet('slow', slow.load);
    await slow.begun();
    expect(await cache.getOrSet('quick', () => 'done')).toBe('done');
    slow.open('late');
    expect(await pending).toBe('late');
  });

  it('INVARIANT 20: a load that asks for its own key runs the method directly instead of waiting for itself', async () => {
    const { cache } = await new TestCluster().process();
    let depth = 0;
    const load = async (): Promise<string> => {
      depth += 1;
      return depth === 1 ? `outer(${await cache.getOrSet('k', load)})` : 'inner';
    };
    expect(await cache.getOrSet('k', load)).toBe('outer(inner)');
  });

  it('INVARIANT 17: a cancelled waiter cancels nobody; when the last one is gone the signal aborts', async () => {
    const { cache } = await new TestCluster().process();
    const gate = new Gate<string>();
    let signal: AbortSignal | undefined;
    const load = (context: { signal: AbortSignal }): Promise<string> => {
      signal = context.signal;
      return gate.load();
    };
    const [first, second] = [new AbortController(), new AbortController()];
    const one = cache.getOrSet('k', load, { signal: first.signal });
    const two = cache.getOrSet('k', load, { signal: second.signal });
    await gate.begun();
    await turnOfTheLoop();
    first.abort(new Error('first left'));
    await expect(one).rejects.toThrow('first left');
    expect(signal?.aborted).toBe(false);
    second.abort(new Error('second left'));
    await expect(two).rejects.toThrow('second left');
    expect(signal?.aborted).toBe(true);
    expect(gate.calls).toBe(1);
    gate.open('unused');
  });

  it('a caller that comes after a load was cancelled by all does not inherit its failure', async () => {
    const { cache } = await new TestCluster().process();
    const doomed = new Gate<string>();
    const controller = new AbortController();
    const cancelled = cache.getOrSet('k', doomed.load, { signal: controller.signal }).catch(() => 'cancelled');
    await doomed.begun();
    controller.abort();
    expect(await cancelled).toBe('cancelled');
    const next = cache.getOrSet('k', () => 'fresh start');
    await turnOfTheLoop();
    doomed.fail(new Error('aborted'));
    expect(await next).toBe('fresh start');
  });

  it('INVARIANT 29: nothing is remembered about keys nobody waits for', async () => {
    const { cache } = await new TestCluster().process({ local: { max: 10 } });
    for (let index = 0; index < 500; index += 1)
      await cache.getOrSet(`k${index}`, () => index, { tags: [`t${index}`] });
    await cache.invalidateTags(Array.from({ length: 400 }, (_, index) => `t${index}`));
    await cache.idle();
    const { keys, background, names } = cache.stats().underWay;
    expect({ keys, background }).toEqual({ keys: 0, background: 0 });
    // Key and tag of the ten copies that are left, the namespace's and everything's.
    expect(names).toBeLessThanOrEqual(22);
  });
});

describe('a load and an invalidation meanwhile', () => {
  it('INVARIANT 1: the value of a load during which its tag is invalidated is never served to a later call', async () => {
    const { cache } = await new TestCluster().process();
    const gate = new Gate<string>();
    const early = cache.getOrSet('k', gate.load, { tags: ['t'] });
    await gate.begun();
    await cache.invalidateTags('t');
    gate.open('old');
    expect(await early).toBe('old');
    expect(await cache.getOrSet('k', () => 'new', { tags: ['t'] })).toBe('new');
    expect(await cache.get('k')).toBe('new');
  });

  it('INVARIANT 1: the same from another process, and for its key and for clear', async () => {
    for (const how of ['tag', 'key', 'clear'] as const) {
      const cluster = new TestCluster();
      const [here, there] = [await cluster.process(), await cluster.process()];
      const gate = new Gate<string>();
      const load = here.cache.getOrSet('k', gate.load, { tags: ['t'] });
      await gate.begun();
      if (how === 'tag') await there.cache.invalidateTags('t');
      if (how === 'key') await there.cache.delete('k');
      if (how === 'clear') await there.cache.clear();
      gate.open('old');
      expect(await load).toBe('old');
      expect(here.recorder.of('notStored').map(({ reason }) => reason)).toEqual(['invalidated']);
      expect(await here.cache.get('k')).toBeUndefined();
      expect(await there.cache.get('k')).toBeUndefined();
    }
  });

  it('INVARIANT 1: tags learned during the load count too', async () => {
    const { cache } = await new TestCluster().process();
    const gate = new Gate<string>();
    const load = cache.getOrSet('k', async (context) => {
      const value = await gate.load();
      context.tags('learned');
      return value;
    });
    await gate.begun();
    await cache.invalidateTags('learned');
    gate.open('old');
    await load;
    expect(await cache.get('k')).toBeUndefined();
  });

  it('INVARIANT 5: a later call never joins an earlier flight; it waits for it, then loads', async () => {
    const { cache } = await new TestCluster().process();
    const gate = new Gate<string>();
    const before = cache.getOrSet('k', gate.load, { tags: ['t'] });
    await gate.begun();
    await cache.invalidateTags('t');
    const after = cache.getOrSet('k', gate.load, { tags: ['t'] });
    await turnOfTheLoop();
    await turnOfTheLoop();
    expect(gate.calls).toBe(1); // INVARIANT 15: not stacked
    gate.open('old');
    expect(await before).toBe('old');
    await gate.begun(2);
    gate.open('new');
    expect(await after).toBe('new');
    expect(await cache.get('k')).toBe('new');
  });

  it('INVARIANT 5: a caller that joined is sent again when a tag learned by the load was invalidated before it came', async () => {
    const { cache } = await new TestCluster().process();
    const gate = new Gate<string>();
    const load = async (context: { tags(...tags: string[]): void }): Promise<string> => {
      const value = await gate.load();
      context.tags('learned');
      return value;
    };
    const before = cache.getOrSet('k', load);
    await gate.begun();
    await cache.invalidateTags('learned');
    const after = cache.getOrSet('k', load);
    await turnOfTheLoop();
    gate.open('old');
    expect(await before).toBe('old');
    await gate.begun(2);
    gate.open('new');
    expect(await after).toBe('new');
  });

  it('INVARIANT 7: a newer set during a load is not overwritten by the load', async () => {
    const cluster = new TestCluster();
    const [here, there] = [await cluster.process({ local: false }), await cluster.process()];
    const gate = new Gate<string>();
    const load = here.cache.getOrSet('k', gate.load);
    await gate.begun();
    await there.cache.set('k', 'newer');
    gate.open('older');
    expect(await load).toBe('older');
    expect(await here.cache.get('k')).toBe('newer');
    expect(here.recorder.of('notStored').map(({ reason }) => reason)).toEqual(['newer']);
  });

  it('INVARIANT 8: a deleted entry does not come back through a load in flight, stale value and all', async () => {
    const cluster = new TestCluster();
    const { cache } = await cluster.process({ defaults: { ttl: 1_000, jitter: 0, grace: '1h' } });
    await cache.set('k', 'first');
    cluster.clock.advance(2_000);
    const gate = new Gate<string>();
    const load = cache.getOrSet('k', gate.load);
    await gate.begun();
    await cache.delete('k');
    gate.open('second');
    await load;
    await expect(cache.getOrSet('k', () => Promise.reject(new Error('down')))).rejects.toThrow('down');
  });
});
