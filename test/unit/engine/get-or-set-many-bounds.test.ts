/** Loading many keys: what a loader may say, when its callers give up, and how much is left behind. */
import { describe, expect, it } from 'vitest';
import { ManyGate } from '../../support/many-gate.js';
import { TestCluster, turnOfTheLoop } from '../../support/test-cache.js';

async function open() {
  const cluster = new TestCluster();
  return { ...(await cluster.process()), cluster };
}

const answer = async (keys: readonly string[]) => keys.map((key) => `loaded ${key}`);
const never = (): Promise<never> => Promise.reject(new Error('asked for something'));

describe('getOrSetMany', () => {
  it('the load context speaks for all keys, or for one of them', async () => {
    const { cache } = await open();
    await cache.getOrSetMany(['a', 'b', 'c'], async (keys, load) => {
      load.ttl('5s');
      load.at(1).ttl('9s');
      load.at(2).skip();
      load.tags('all');
      return answer(keys);
    });
    expect(await cache.getEntry('a')).toMatchObject({ freshFor: 5_000, tags: ['all'] });
    expect(await cache.getEntry('b')).toMatchObject({ freshFor: 9_000, tags: ['all'] });
    expect(await cache.getEntry('c')).toBeUndefined();
  });

  it('INVARIANT 17: the signal aborts when nobody waits for any of the keys any more', async () => {
    const { cache } = await open();
    const gate = new ManyGate();
    const [one, other] = [new AbortController(), new AbortController()];
    const first = cache.getOrSetMany(['1', '2'], gate.load, { signal: one.signal }).catch(() => 'left');
    await gate.begun();
    const second = cache.getOrSetMany(['2'], gate.load, { signal: other.signal }).catch(() => 'left');
    await turnOfTheLoop();
    one.abort();
    expect([await first, gate.signals[0]?.aborted]).toEqual(['left', false]);
    other.abort();
    expect([await second, gate.signals[0]?.aborted]).toEqual(['left', true]);
    gate.open();
  });

  it('softTimeout and hardTimeout are each key’s own', async () => {
    const { cache, cluster } = await open();
    const policy = { ttl: '1s', grace: '1h', softTimeout: '100ms', hardTimeout: '1s', jitter: 0 };
    await cache.setMany(
      [
        ['1', 'old'],
        ['2', 'old'],
      ],
      policy,
    );
    cluster.clock.advance(2_000);
    const gate = new ManyGate();
    const stale = cache.getOrSetMany(['1', '2'], gate.load, policy);
    await gate.begun();
    cluster.clock.advance(100);
    expect([...(await stale).values()]).toEqual(['old', 'old']);
    const hard = cache.getOrSetMany(['1', '3'], gate.load, policy).catch((error: unknown) => error);
    await gate.begun(2);
    cluster.clock.advance(1_000);
    expect(await hard).toMatchObject({ code: 'LOAD_TIMEOUT' });
    gate.open();
    gate.open();
    await cache.idle();
  });

  it('INVARIANT 29: thousands of keys leave nothing behind, and are loaded in parts', async () => {
    const { cache } = await open();
    const asked: number[] = [];
    const keys = Array.from({ length: 2_100 }, (_, i) => `k${i}`);
    const values = await cache.getOrSetMany(keys, async (missing) => {
      asked.push(missing.length);
      return answer(missing);
    });
    expect([...values.keys()]).toEqual(keys);
    expect(asked).toEqual([2_000, 100]);
    await cache.idle();
    expect(cache.stats().underWay).toMatchObject({ keys: 0, background: 0 });
  }, 30_000);

  it('wrong input: a clear error', async () => {
    const { cache } = await open();
    await expect(cache.getOrSetMany('key' as never, never)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    await expect(cache.getOrSetMany(['a', ''], never)).rejects.toMatchObject({ code: 'INVALID_KEY' });
    await expect(cache.getOrSetMany(['a'], never, { ttl: -1 })).rejects.toMatchObject({ code: 'INVALID_POLICY' });
    expect(await cache.getOrSetMany([], never)).toEqual(new Map());
  });
});
