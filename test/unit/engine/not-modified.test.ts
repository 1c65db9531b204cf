/** Conditional refresh: a load that finds its value still right extends the entry, and does not write it again. */
import { describe, expect, it } from 'vitest';
import { cacheEntry, type LoadContext } from '../../../src/engine/load-context.js';
import type { Policy } from '../../../src/kernel/policy.js';
import type { EntryWrite, Store } from '../../../src/ports/store.js';
import { TestCluster } from '../../support/test-cache.js';

const POLICY: Policy = { ttl: '1m', jitter: 0, grace: '1h', tags: ['t'] };

interface Tagged {
  readonly etag: number;
}

/** A loader that asks the origin only whether its value is still right, as HTTP does with an ETag. */
function conditional(origin: { etag: number }, seen: LoadContext[]) {
  return (load: LoadContext): Tagged => {
    seen.push(load);
    load.tags('learned');
    if ((load.stale?.value as Tagged | undefined)?.etag === origin.etag) return load.notModified();
    return { etag: origin.etag };
  };
}

async function open(policyOfCache: Partial<Store> = {}) {
  const cluster = new TestCluster();
  const written: EntryWrite[] = [];
  const healthy = cluster.store();
  const around: Partial<Store> = {
    fill: (write, token) => {
      written.push(write);
      return healthy.fill(write, token);
    },
    ...policyOfCache,
  };
  return { cluster, written, ...(await cluster.process({}, around)) };
}

describe('load.notModified()', () => {
  it('after expiry: the entry is fresh again with its old value, which is not written; the caller gets it', async () => {
    const { cluster, cache, written, recorder } = await open();
    const [origin, seen] = [{ etag: 1 }, [] as LoadContext[]];
    const load = conditional(origin, seen);
    await cache.getOrSet('k', load, POLICY);
    cluster.clock.advance(60_000);
    expect(await cache.getOrSet('k', load, POLICY)).toEqual({ etag: 1 });
    expect(await cache.ttl('k')).toBe(60_000);
    expect(await cache.get('k')).toEqual({ etag: 1 });
    expect(seen.map(({ reason, state }) => [reason, state])).toEqual([
      ['miss', 'dead'],
      ['stale', 'stale'],
    ]);
    expect(seen[1]?.stale).toEqual({ value: { etag: 1 }, age: 60_000 });
    expect([written.length, recorder.of('write').map(({ what }) => what)]).toEqual([1, ['value', 'lifetime']]);
    origin.etag = 2;
    cluster.clock.advance(60_000);
    expect(await cache.getOrSet('k', load, POLICY)).toEqual({ etag: 2 });
  });

  it('keeps tags that only the load which has made the value knew', async () => {
    const { cluster, cache } = await open();
    await cache.getOrSet(
      'k',
      (load) => {
        load.tags('only then');
        return 1;
      },
      POLICY,
    );
    cluster.clock.advance(60_000);
    await cache.getOrSet('k', (load) => load.notModified<number>(), POLICY);
    await cache.invalidateTags('only then');
    expect(await cache.has('k')).toBe(false);
  });

  it('INVARIANT 19: under early refresh, once a window, and readers never wait', async () => {
    const { cluster, cache, recorder, written } = await open();
    const policy: Policy = { ...POLICY, earlyTtl: '80%' };
    const seen: LoadContext[] = [];
    const load = conditional({ etag: 1 }, seen);
    await cache.getOrSet('k', load, policy);
    for (let window = 1; window <= 3; window += 1) {
      cluster.clock.advance(48_000);
      await Promise.all(Array.from({ length: 5 }, () => cache.getOrSet('k', load, policy)));
      await cache.idle();
      await cache.getOrSet('k', load, policy);
      expect(recorder.count('loadStart')).toBe(1 + window);
    }
    expect(seen.slice(1).map(({ reason, state }) => [reason, state])).toEqual(Array(3).fill(['early', 'early']));
    expect(written.length).toBe(1);
    expect(cache.stats().misses).toBe(1);
  });

  it('load.ttl() says how long from now on; a sliding entry slides on', async () => {
    const { cluster, cache } = await open();
    await cache.getOrSet('k', () => 1, POLICY);
    cluster.clock.advance(60_000);
    await cache.getOrSet(
      'k',
      (load) => {
        load.ttl('5m');
        return load.notModified<number>();
      },
      POLICY,
    );
    expect(await cache.ttl('k')).toBe(300_000);
  });

  it('INVARIANT 1: extends nothing when something of it is invalidated meanwhile', async () => {
    const { cluster, cache, recorder } = await open();
    await cache.getOrSet('k', () => 1, POLICY);
    cluster.clock.advance(60_000);
    const load = async (context: LoadContext): Promise<number> => {
      await cache.invalidateTags('t');
      return context.notModified();
    };
    expect(await cache.getOrSet('k', load, POLICY)).toBe(1);
    expect(recorder.of('notStored').map(({ reason }) => reason)).toEqual(['invalidated']);
    expect(await cache.has('k')).toBe(false);
  });

  it('what is confirmed is what the load was shown, though another process wrote while this one waited for its turn', async () => {
    const cluster = new TestCluster();
    const [here, there] = [await cluster.process(), await cluster.process()];
    await here.cache.getOrSet('k', () => 'first', POLICY);
    cluster.clock.advance(60_000);
    let finish: (value: string) => void = () => undefined;
    const other = there.cache.getOrSet(
      'k',
      (load) => {
        load.ttl(1);
        return new Promise<string>((resolve) => (finish = resolve));
      },
      POLICY,
    );
    await cluster.clock.advanceAsync(0);
    const mine = here.cache.getOrSet('k', (load) => load.notModified<string>(), POLICY);
    await cluster.clock.advanceAsync(5);
    finish('second');
    await other;
    while ((await Promise.race([mine, Promise.resolve('waiting')])) === 'waiting') await cluster.clock.advanceAsync(20);
    expect(await mine).toBe('second');
    expect(await here.cache.get('k')).toBe('second');
  });

  it.each(['local', 'shared'] as const)('tiers %s: extended where it is', async (tiers) => {
    const { cluster, cache } = await open();
    const policy: Policy = { ...POLICY, tiers };
    await cache.getOrSet('k', () => ({ n: 1 }), policy);
    cluster.clock.advance(60_000);
    expect(await cache.getOrSet('k', (load) => load.notModified<object>(), policy)).toEqual({ n: 1 });
    cluster.clock.advance(59_000);
    expect(await cache.get('k', { tiers })).toEqual({ n: 1 });
  });

  it('a store that cannot extend is filled again', async () => {
    const cluster = new TestCluster();
    const healthy = cluster.store();
    const without = { get: (_: Store, name: string) => (name === 'extend' ? undefined : Reflect.get(healthy, name)) };
    const { cache } = await cluster.process({ store: new Proxy<Store>(healthy, without) });
    await cache.getOrSet('k', () => 1, POLICY);
    cluster.clock.advance(60_000);
    await cache.getOrSet('k', (load) => load.notModified<number>(), POLICY);
    expect(await cache.ttl('k')).toBe(60_000);
  });

  it('with nothing at hand it is the load’s error, which says so', async () => {
    const { cache } = await open();
    await expect(cache.getOrSet('k', (load) => load.notModified<number>(), POLICY)).rejects.toMatchObject({
      code: 'NOTHING_AT_HAND',
    });
    expect(() => cacheEntry().notModified()).toThrow(expect.objectContaining({ code: 'NOTHING_AT_HAND' }));
  });

  it('a load that confirms, and then returns something else, is believed in what it returns', async () => {
    const { cluster, cache } = await open();
    await cache.getOrSet('k', () => 1, POLICY);
    cluster.clock.advance(60_000);
    await cache.getOrSet(
      'k',
      (load) => {
        load.notModified();
        return 2;
      },
      POLICY,
    );
    expect(await cache.get('k')).toBe(2);
  });
});
