import { describe, expect, it } from 'vitest';
import type { CacheInstance } from '../../../src/engine/cache.js';
import { ConfigurationError } from '../../../src/errors.js';
import { Gate, type TestCache, TestCluster, turnOfTheLoop } from '../../support/test-cache.js';

/** A loader that answers how often it has run. */
function counting() {
  let loads = 0;
  return async (): Promise<number> => {
    loads += 1;
    return loads;
  };
}

async function open(
  options: Parameters<TestCluster['process']>[0] = {},
): Promise<TestCache & { cluster: TestCluster }> {
  const cluster = new TestCluster();
  return { ...(await cluster.process(options)), cluster };
}

describe('INVARIANT 34: disable and enable', () => {
  it('take effect on the next call of the scope, and nowhere else', async () => {
    const { cache, recorder } = await open();
    const load = counting();
    expect(await cache.getOrSet('k', load)).toBe(1);
    await cache.disable(async () => {
      expect(await cache.getOrSet('k', load)).toBe(2);
      expect(await cache.get('k')).toBeUndefined();
      await turnOfTheLoop();
      expect(await cache.getOrSet('k', load)).toBe(3);
      expect(await cache.enable(() => cache.getOrSet('k', load))).toBe(1);
      expect(await cache.getOrSet('k', load)).toBe(4);
    });
    expect(await cache.getOrSet('k', load)).toBe(1);
    expect(recorder.of('bypass').map(({ reason }) => reason)).toEqual(Array(4).fill('scope'));
  });

  it('a scope is restored when its callback throws, at once or later', async () => {
    const { cache } = await open();
    const load = counting();
    await cache.getOrSet('k', load);
    const now = (): never => {
      throw new Error('now');
    };
    expect(() => cache.disable(now)).toThrow('now');
    expect(await cache.getOrSet('k', load)).toBe(1);
    await expect(cache.disable(() => Promise.reject(new Error('later')))).rejects.toThrow('later');
    expect(await cache.getOrSet('k', load)).toBe(1);
  });

  it('what was started in a scope stays in it, as a request that goes on after its hook has returned', async () => {
    const { cache } = await open();
    const load = counting();
    await cache.getOrSet('k', load);
    const answer = await new Promise((resolve) => {
      cache.disable(() => void setImmediate(() => resolve(cache.getOrSet('k', load))));
    });
    expect(answer).toBe(2);
  });

  it('calls beside the scope are not in it, and a scope of one cache is not one of another', async () => {
    const { cache, cluster } = await open();
    const { cache: other } = await cluster.process({ namespace: 'other' });
    const [load, otherLoad] = [counting(), counting()];
    await Promise.all([cache.getOrSet('k', load), other.getOrSet('k', otherLoad)]);
    const answers = await Promise.all([
      cache.disable(async () => {
        await turnOfTheLoop();
        return await Promise.all([cache.getOrSet('k', load), other.getOrSet('k', otherLoad)]);
      }),
      cache.getOrSet('k', load),
    ]);
    expect(answers).toEqual([[2, 1], 1]);
  });

  it('explicit writes and invalidations act in every scope', async () => {
    const { cache } = await open();
    await cache.disable(() => cache.set('k', 'set'));
    expect(await cache.get('k')).toBe('set');
    await cache.disable(() => cache.delete('k'));
    expect(await cache.get('k')).toBeUndefined();
  });

  it("scope: 'opt-in' caches inside of enable only", async () => {
    const { cache } = await open({ scope: 'opt-in' });
    const load = counting();
    expect([await cache.getOrSet('k', load), await cache.getOrSet('k', load)]).toEqual([1, 2]);
    await cache.enable(async () => {
      expect([await cache.getOrSet('k', load), await cache.getOrSet('k', load)]).toEqual([3, 3]);
      expect(await cache.disable(() => cache.getOrSet('k', load))).toBe(4);
    });
    expect(await cache.getOrSet('k', load)).toBe(5);
    await cache.bypass({ local: true }, async () => {
      expect(await cache.getOrSet('k', load)).toBe(6);
    });
  });
});

describe('bypass', () => {
  const cases = [
    [{ read: true }, 2, 2],
    [{ write: true }, 1, 1],
    [{ read: true, write: true }, 2, 1],
    [{ read: true, local: false }, 2, 2],
  ] as const;

  it.each(cases)('%j answers load %i, and afterwards %i is there', async (what, inside, afterwards) => {
    const { cache } = await open();
    const load = counting();
    await cache.getOrSet('k', load);
    expect(await cache.bypass(what, () => cache.getOrSet('k', load))).toBe(inside);
    expect(await cache.getOrSet('k', load)).toBe(afterwards);
  });

  it('write: what was missing stays missing', async () => {
    const { cache, recorder } = await open();
    const load = counting();
    expect(await cache.bypass({ write: true }, () => cache.getOrSet('k', load))).toBe(1);
    expect(await cache.get('k')).toBeUndefined();
    expect(recorder.of('notStored').map(({ reason }) => reason)).toEqual(['skipped']);
  });

  it('local: the shared tier answers, and no copy is kept', async () => {
    const { cache, recorder, cluster } = await open();
    const load = counting();
    await cache.getOrSet('k', load);
    await cache.bypass({ local: true }, async () => {
      expect(await cache.getOrSet('k', load)).toBe(1);
      expect(await cache.get('k')).toBe(1);
      expect(await cache.getOrSet('other', load)).toBe(2);
    });
    expect(recorder.of('hit').map(({ tier }) => tier)).toEqual(['shared', 'shared']);
    expect(cache.stats().local.entries).toBe(1);
    const second = await cluster.process();
    expect(await second.cache.get('other')).toBe(2);
  });

  it('shared: this process keeps a copy for localLease, and nobody else has it', async () => {
    const { cache, cluster, recorder } = await open();
    const second = await cluster.process();
    const load = counting();
    const call = (): Promise<number> => cache.bypass({ shared: true }, () => cache.getOrSet('k', load));
    expect([await call(), await call()]).toEqual([1, 1]);
    expect(recorder.of('write').map(({ tiers }) => tiers)).toEqual(['local']);
    expect(await second.cache.get('k')).toBeUndefined();
    cluster.clock.advance(5_001);
    expect(await call()).toBe(2);
    await cache.delete('k');
    expect(await call()).toBe(3);
  });

  it('a method that lives only in the tier that is left out runs without the cache', async () => {
    const { cache, recorder } = await open();
    const load = counting();
    const policy = { ttl: '1h', tiers: 'local' } as const;
    await cache.getOrSet('k', load, policy);
    expect(await cache.bypass({ local: true }, () => cache.getOrSet('k', load, policy))).toBe(2);
    expect(recorder.of('bypass').map(({ reason }) => reason)).toEqual(['scope']);
  });

  it('inside of another scope takes away further, and cannot switch on', async () => {
    const { cache } = await open();
    const load = counting();
    await cache.getOrSet('k', load);
    await cache.bypass({ write: true }, () =>
      cache.refresh(async () => {
        expect(await cache.getOrSet('k', load)).toBe(2);
      }),
    );
    await cache.disable(() => cache.refresh(() => cache.getOrSet('k', load)));
    expect(await cache.getOrSet('k', load)).toBe(1);
  });

  it('nonsense is refused', async () => {
    const { cache } = await open();
    const bypass = cache.bypass.bind(cache) as (what: unknown, run: () => void) => void;
    for (const what of [{}, { read: false }, { reed: true }, { read: 1 }, null, 'read'])
      expect(() => bypass(what, () => undefined)).toThrow(ConfigurationError);
  });
});

describe('refresh', () => {
  const refresh = (cache: CacheInstance, load: () => Promise<unknown>): Promise<unknown> =>
    cache.refresh(() => cache.getOrSet('k', load));

  it('loads although a fresh value is there, and others find the new one', async () => {
    const { cache, cluster } = await open();
    const second = await cluster.process();
    const load = counting();
    await cache.getOrSet('k', load);
    expect(await refresh(cache, load)).toBe(2);
    expect(await cache.getOrSet('k', load)).toBe(2);
    expect(await second.cache.get('k')).toBe(2);
  });

  it('does not take the result of a load that began before it, and loads are not stacked', async () => {
    const { cache } = await open();
    const gate = new Gate<string>();
    const first = cache.getOrSet('k', gate.load);
    await gate.begun();
    const second = refresh(cache, gate.load);
    const third = refresh(cache, gate.load);
    await turnOfTheLoop();
    expect(gate.calls).toBe(1);
    gate.open('old');
    await gate.begun(2);
    gate.open('new');
    expect(await Promise.all([first, second, third])).toEqual(['old', 'new', 'new']);
    expect(gate.calls).toBe(2);
  });

  it('a loader that fails rejects the call, and what was there stays', async () => {
    const { cache } = await open();
    await cache.set('k', 'there', { ttl: '1h', grace: '1h' });
    await expect(refresh(cache, () => Promise.reject(new Error('down')))).rejects.toThrow('down');
    expect(await cache.get('k')).toBe('there');
  });
});

describe('scopes and accounts', () => {
  it('INVARIANT 32 holds in every scope', async () => {
    const { cache } = await open();
    const load = counting();
    const call = (): Promise<number> => cache.getOrSet('k', load);
    await call();
    await cache.disable(call);
    await cache.refresh(call);
    await cache.bypass({ local: true }, call);
    await cache.bypass({ shared: true }, call);
    await cache.bypass({ write: true }, () => cache.get('k'));
    const { calls, fresh, early, stale, misses, bypassed } = cache.stats();
    expect([calls, fresh + early + stale + misses + bypassed]).toEqual([6, 6]);
  });
});

describe('many keys at once', () => {
  it('go by the same scopes', async () => {
    const { cache, recorder } = await open();
    const load = (keys: readonly string[]): Promise<Map<string, string>> =>
      Promise.resolve(new Map(keys.map((key) => [key, `${key} ${keys.length}`])));
    const many = (keys: readonly string[]): Promise<unknown> =>
      cache.getOrSetMany(keys, load).then((values) => [...values.values()]);
    expect(await many(['a', 'b'])).toEqual(['a 2', 'b 2']);
    expect(await cache.disable(() => many(['a']))).toEqual(['a 1']);
    expect((await cache.disable(() => cache.getMany(['a', 'b']))).size).toBe(0);
    expect(await many(['a', 'b'])).toEqual(['a 2', 'b 2']);
    expect(await cache.refresh(() => many(['a', 'b', 'c']))).toEqual(['a 3', 'b 3', 'c 3']);
    expect([...(await cache.getMany(['a', 'c'])).values()]).toEqual(['a 3', 'c 3']);
    recorder.clear();
    await cache.bypass({ local: true }, () => cache.getMany(['a', 'c']));
    expect(recorder.of('hit').map(({ tier }) => tier)).toEqual(['shared', 'shared']);
    const { calls, fresh, early, stale, misses, bypassed } = cache.stats();
    expect(calls).toBe(fresh + early + stale + misses + bypassed);
  });
});
