import { describe, expect, it } from 'vitest';
import type { Store } from '../../../src/ports/store.js';
import { TestCluster } from '../../support/test-cache.js';

/** Counts the calls of a store's methods. */
function counted(store: Store): { store: Store; calls: string[] } {
  const calls: string[] = [];
  const counting = new Proxy(store, {
    get(target, property) {
      const own: unknown = Reflect.get(target, property, target);
      if (typeof own !== 'function') return own;
      return (...args: unknown[]) => {
        calls.push(String(property));
        return Reflect.apply(own, target, args);
      };
    },
  });
  return { store: counting, calls };
}

describe('the local tier', () => {
  it('INVARIANT 10: a local hit makes no query, with any number of tags', async () => {
    const cluster = new TestCluster();
    const { store, calls } = counted(cluster.store());
    const { cache } = await cluster.process({ store });
    await cache.set('k', 'v', { tags: Array.from({ length: 64 }, (_, index) => `t${index}`) });
    calls.length = 0;
    for (let read = 0; read < 100; read += 1) expect(await cache.get('k')).toBe('v');
    expect(calls).toEqual([]);
  });

  it('INVARIANT 10: invalidating one tag hides 2 000 copies with one call of the store', async () => {
    const cluster = new TestCluster();
    const { store, calls } = counted(cluster.store());
    const { cache } = await cluster.process({ store });
    for (let index = 0; index < 2_000; index += 1) await cache.set(`k${index}`, index, { tags: ['t'] });
    calls.length = 0;
    await cache.invalidateTags('t');
    expect(calls).toEqual(['invalidate']);
    expect(await cache.get('k0')).toBeUndefined();
    expect(await cache.get('k1999')).toBeUndefined();
  });

  it('INVARIANT 3: a copy is served no longer than localLease after it was last known to be valid', async () => {
    const cluster = new TestCluster();
    const [here, there] = [await cluster.process(), await cluster.process()];
    await here.cache.set('k', 'old', { tags: ['t'] });
    await there.cache.invalidateTags('t');
    cluster.clock.advance(4_999);
    expect(await here.cache.get('k')).toBe('old');
    cluster.clock.advance(1);
    expect(await here.cache.get('k')).toBeUndefined();
  });

  it('INVARIANT 5: in the same process no later read returns older, after set, delete, expire, invalidateTags, clear', async () => {
    const { cache } = await new TestCluster().process();
    const policy = { tags: ['t'] };
    const writes: Readonly<Record<string, () => Promise<unknown>>> = {
      delete: () => cache.delete('k'),
      expire: () => cache.expire('k'),
      tags: () => cache.invalidateTags(['t']),
      clear: () => cache.clear(),
    };
    for (const [name, write] of Object.entries(writes)) {
      await cache.set('k', 'old', policy);
      expect(await cache.get('k'), name).toBe('old');
      await write();
      expect(await cache.get('k'), name).toBeUndefined();
    }
    await cache.set('k', 'old', policy);
    await cache.set('k', 'new', policy);
    expect(await cache.get('k')).toBe('new');
  });

  it('INVARIANT 26: copies never outlive the shared entry’s remaining time, nor localTtl', async () => {
    const cluster = new TestCluster();
    const [here, there] = [await cluster.process({ localLease: '1h' }), await cluster.process({ localLease: '1h' })];
    await here.cache.set('k', 'v', { ttl: 10_000 });
    cluster.clock.advance(9_000);
    expect(await there.cache.get('k')).toBe('v');
    cluster.clock.advance(1_000);
    expect(await there.cache.get('k')).toBeUndefined();

    const { store, calls } = counted(cluster.store());
    const third = await cluster.process({ store, localLease: '1h' });
    await third.cache.set('l', 'v', { ttl: '1h', localTtl: 1_000 });
    calls.length = 0;
    await third.cache.get('l', { localTtl: 1_000 });
    cluster.clock.advance(1_000);
    expect(await third.cache.get('l')).toBe('v');
    expect(calls).toEqual(['read']);
  });

  it('INVARIANT 26: ttl counts from the write, not from before the load', async () => {
    const cluster = new TestCluster();
    const { cache } = await cluster.process({ localLease: '1h' });
    await cache.getOrSet(
      'k',
      async () => {
        cluster.clock.advance(8_000);
        return 'v';
      },
      { ttl: 10_000 },
    );
    cluster.clock.advance(9_000);
    expect(await cache.get('k')).toBe('v');
  });

  it('INVARIANT 26: 30 days and Infinity overflow no timer', async () => {
    const cluster = new TestCluster();
    const { cache } = await cluster.process({ localLease: Infinity });
    await cache.set('month', 'v', { ttl: '30d' });
    await cache.set('ever', 'v', { ttl: Infinity });
    cluster.clock.advance(29 * 86_400_000);
    expect(await cache.get('month')).toBe('v');
    cluster.clock.advance(2 * 86_400_000);
    expect(await cache.get('month')).toBeUndefined();
    expect(await cache.get('ever')).toBe('v');
    expect(await cache.ttl('ever')).toBe(Infinity);
  });

  it('is bounded by count and by bytes, and says what it evicted', async () => {
    const cluster = new TestCluster();
    const { cache, recorder } = await cluster.process({ local: { max: 3 } });
    for (const key of ['a', 'b', 'c', 'd']) await cache.set(key, key);
    expect(cache.stats().local.entries).toBe(3);
    expect(recorder.of('evict').map(({ key }) => key)).toEqual(['a']);
    const tight = await cluster.process({ local: { maxBytes: 1_000 } });
    for (let index = 0; index < 20; index += 1) await tight.cache.set(`k${index}`, 'x'.repeat(98));
    expect(tight.cache.stats().local.bytes).toBeLessThanOrEqual(1_000);
    await tight.cache.set('huge', 'x'.repeat(5_000));
    expect(await tight.cache.get('huge')).toBe('x'.repeat(5_000));
  });

  it('tiers: shared keeps nothing here, local nothing there', async () => {
    const cluster = new TestCluster();
    const { store, calls } = counted(cluster.store());
    const { cache } = await cluster.process({ store });
    await cache.getOrSet('l', () => 'v', { tiers: 'local' });
    expect(await cache.getOrSet('l', () => 'not asked', { tiers: 'local' })).toBe('v');
    expect(calls.filter((call) => call !== 'open')).toEqual([]);
    await cache.getOrSet('s', () => 'v', { tiers: 'shared' });
    calls.length = 0;
    expect(await cache.getOrSet('s', () => 'not asked', { tiers: 'shared' })).toBe('v');
    expect(calls).toEqual(['read']);
  });

  it('INVARIANT 11: a wall clock that jumps an hour changes nothing', async () => {
    const cluster = new TestCluster();
    const { cache } = await cluster.process({ localLease: '1h' });
    await cache.set('k', 'v', { ttl: '10m' });
    for (const jump of [3_600_000, -7_200_000]) {
      cluster.clock.jumpWall(jump);
      expect(await cache.get('k')).toBe('v');
    }
  });

  it('INVARIANT 22: clearing one namespace leaves another, however alike their names', async () => {
    const cluster = new TestCluster();
    const spaces = ['user_1', 'userX1', ''] as const;
    const [one, other, none] = await Promise.all(spaces.map((namespace) => cluster.process({ namespace })));
    for (const process of [one, other, none]) await process?.cache.set('k', 'v', { tags: ['t'] });
    await one?.cache.clear();
    expect(await one?.cache.get('k')).toBeUndefined();
    expect(await other?.cache.get('k')).toBe('v');
    expect(await none?.cache.get('k')).toBe('v');
    await other?.cache.invalidateTags('t');
    expect(await none?.cache.has('k')).toBe(true);
  });
});

describe('isolation', () => {
  it('INVARIANT 24: changing a returned value never changes what others get', async () => {
    const { cache } = await new TestCluster().process();
    const load = (): { list: number[]; at: Date } => ({ list: [1], at: new Date(0) });
    for (const isolation of ['frozen', 'cloned'] as const) {
      const options = { isolation, tags: ['t'] };
      const miss = await cache.getOrSet(isolation, load, options);
      const local = await cache.getOrSet(isolation, load, options);
      for (const value of [miss, local]) {
        try {
          value.list.push(2);
        } catch {
          // frozen: the other way to keep the promise
        }
        value.at.setFullYear(1999);
      }
      expect(await cache.getOrSet(isolation, load, options)).toEqual(load());
      expect(await cache.get(isolation, { tiers: 'shared' })).toEqual(load());
    }
  });

  it('INVARIANT 24: a loader’s own object is never frozen or kept', async () => {
    const { cache } = await new TestCluster().process();
    const own = { n: 1, nested: { m: 1 } };
    await cache.getOrSet('k', () => own);
    own.nested.m = 2;
    expect(Object.isFrozen(own)).toBe(false);
    expect(await cache.get('k')).toEqual({ n: 1, nested: { m: 1 } });
  });

  it('INVARIANT 23: a miss gives what a hit gives: instances become plain data at once', async () => {
    class Point {
      readonly x = 1;
      get double(): number {
        return 2 * this.x;
      }
    }
    const { cache, warnings } = await new TestCluster().process();
    const miss = await cache.getOrSet('k', () => new Point());
    expect(miss).not.toBeInstanceOf(Point);
    expect(miss).toEqual(await cache.get('k'));
    expect(warnings.some((warning) => warning.includes('Point'))).toBe(true);
  });

  it('values that cannot be encoded, and values too large, are served and counted, not stored', async () => {
    const { cache, recorder } = await new TestCluster().process({ maxValueBytes: 100 });
    const withFunction = { run: () => 1 };
    expect(await cache.getOrSet('f', () => withFunction)).toBe(withFunction);
    expect(await cache.getOrSet('big', () => 'x'.repeat(200))).toBe('x'.repeat(200));
    expect(recorder.of('notStored').map(({ reason }) => reason)).toEqual(['unencodable', 'too-large']);
    await expect(cache.set('f', withFunction)).rejects.toMatchObject({ code: 'UNENCODABLE_VALUE' });
    await expect(cache.set('big', 'x'.repeat(200))).rejects.toMatchObject({ code: 'VALUE_TOO_LARGE' });
  });
});
