import { AsyncResource } from 'node:async_hooks';
import { describe, expect, it } from 'vitest';
import type { LoadContext } from '../../../src/engine/load-context.js';
import { Gate, TestCluster, turnOfTheLoop } from '../../support/test-cache.js';

describe('what a load starts and leaves behind', () => {
  it('INVARIANT 20: waits for nobody while the load runs, and uses the cache like everybody else afterwards', async () => {
    const { cache } = await new TestCluster().process();
    let inContext: AsyncResource | undefined;
    let loads = 0;
    const ask = (): Promise<number> => cache.getOrSet('k', () => (loads += 1));
    const load = async (): Promise<unknown> => {
      inContext = new AsyncResource('a connection that outlives the load');
      return ['during', await ask()];
    };
    expect(await cache.getOrSet('k', load)).toEqual(['during', 1]);
    expect(await inContext?.runInAsyncScope(ask)).toEqual(['during', 1]);
    expect(loads).toBe(1);
    expect(cache.stats()).toMatchObject({ bypassed: 1, fresh: 1 });
  });

  it('the same within a method that ran uncached inside the load', async () => {
    const { cache } = await new TestCluster().process();
    let inContext: AsyncResource | undefined;
    const inner = (): string => {
      inContext = new AsyncResource('made two loads deep');
      return 'inner';
    };
    await cache.getOrSet('k', () => cache.getOrSet('k', inner));
    expect(await inContext?.runInAsyncScope(() => cache.getOrSet('k', () => 'not asked'))).toBe('inner');
  });
});

describe('a load that says something about a value it does not keep', () => {
  it('INVARIANT 5: who joined it is sent again when a tag it learned was invalidated before they came', async () => {
    const doings: Readonly<Record<string, (load: LoadContext) => unknown>> = {
      skipped: (load) => load.skip(),
      unencodable: () => undefined,
    };
    for (const [name, doing] of Object.entries(doings)) {
      const { cache } = await new TestCluster().process();
      const gate = new Gate<unknown>();
      const load = async (context: LoadContext): Promise<unknown> => {
        const value = await gate.load();
        context.tags('learned');
        doing(context);
        return value;
      };
      const before = cache.getOrSet(name, load);
      await gate.begun();
      await cache.invalidateTags('learned');
      const after = cache.getOrSet(name, load);
      await turnOfTheLoop();
      await turnOfTheLoop();
      const [old, young] = [() => 'old', () => 'new'];
      gate.open(old);
      expect(await before).toBe(old);
      await gate.begun(2);
      gate.open(young);
      expect(await after).toBe(young);
    }
  });
});

describe('a value that is not kept', () => {
  it('INVARIANT 24: is shared by its callers, and none can change what another gets', async () => {
    const { cache } = await new TestCluster().process();
    const gate = new Gate<{ list: number[]; at: Date }>();
    const load = async (loading: LoadContext): Promise<{ list: number[]; at: Date }> => {
      loading.skip();
      return await gate.load();
    };
    const calls = [cache.getOrSet('k', load), cache.getOrSet('k', load, { isolation: 'cloned' })];
    await gate.begun();
    await turnOfTheLoop();
    gate.open({ list: [1], at: new Date(0) });
    const [mine, yours] = await Promise.all(calls);
    mine?.at.setFullYear(1999);
    mine?.list.push(2);
    expect(yours).toEqual({ list: [1], at: new Date(0) });
  });
});

describe('guests and neighbours', () => {
  it('INVARIANT 27: a logger that throws fails no call', async () => {
    const cluster = new TestCluster();
    const { cache } = await cluster.process({
      store: cluster.store('', { read: () => Promise.reject(new Error('down')) }),
      logger: {
        warn() {
          throw new Error('bad logger');
        },
      },
    });
    expect(await cache.getOrSet('k', () => 'value')).toBe('value');
  });

  it('INVARIANT 24: two callers of one read that want different isolation share nothing', async () => {
    const cluster = new TestCluster();
    const own = cluster.store();
    const reads = new Map<string, ReturnType<typeof own.read>>();
    // A store that batches hands callers of one id the same object.
    const read = (id: string): ReturnType<typeof own.read> => {
      const shared = reads.get(id) ?? own.read(id);
      reads.set(id, shared);
      return shared;
    };
    const { cache } = await cluster.process({ local: false, store: cluster.store('', { read }) });
    await cache.set('k', { list: [1] });
    const [mine, yours] = await Promise.all([
      cache.get<{ list: number[] }>('k', { isolation: 'shared' }),
      cache.get<{ list: number[] }>('k', { isolation: 'cloned' }),
    ]);
    mine?.list.push(2);
    expect(yours).toEqual({ list: [1] });
  });

  it('INVARIANT 5: without a store invalidating a tag again hides what was loaded in between', async () => {
    const cluster = new TestCluster();
    const { createNullStore } = await import('../../../src/memory/null-store.js');
    const { cache } = await cluster.process({ store: createNullStore() });
    const policy = { tiers: 'local', tags: ['t'] } as const;
    await cache.getOrSet('holds the tag', () => 1, policy);
    for (const value of ['first', 'second']) {
      expect(await cache.getOrSet('k', () => value, policy)).toBe(value);
      await cache.invalidateTags('t');
    }
    expect(await cache.get('k')).toBeUndefined();
  });
});
