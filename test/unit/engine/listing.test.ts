/** Listing and deleting by patterns, over the memory store. */
import { describe, expect, it } from 'vitest';
import { Gate, type TestCache, TestCluster } from '../../support/test-cache.js';

async function open(): Promise<TestCache & { cluster: TestCluster }> {
  const cluster = new TestCluster();
  return { ...(await cluster.process()), cluster };
}

async function all<T>(from: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of from) items.push(item);
  return items;
}

describe('entries', () => {
  it('INVARIANT 22: lists the namespace in the order of keys; [, %, _ and \\ are characters like others', async () => {
    const cluster = new TestCluster();
    const plain = (await cluster.process()).cache;
    const [one, other] = [
      (await cluster.process({ namespace: 'user_1' })).cache,
      (await cluster.process({ namespace: 'userX1' })).cache,
    ];
    const keys = ['%', 'Z', '[a]b', '[user_1]x', '\\', '_', 'a', 'a_b', 'axb', '🐘'];
    for (const cache of [plain, one, other]) await cache.setMany(keys.map((key) => [key, key] as const));
    await other.set('only there', 1);
    for (const cache of [plain, one]) {
      expect((await all(cache.entries())).map(({ key }) => key)).toEqual(keys);
      expect((await all(cache.entries({ prefix: '[' }))).map(({ key }) => key)).toEqual(['[a]b', '[user_1]x']);
      expect((await all(cache.entries({ prefix: 'a_' }))).map(({ key }) => key)).toEqual(['a_b']);
      expect((await all(cache.entries({ like: 'a_b' }))).map(({ key }) => key)).toEqual(['a_b', 'axb']);
      expect((await all(cache.entries({ like: '%b' }))).map(({ key }) => key)).toEqual(['[a]b', 'a_b', 'axb']);
    }
  });

  it('streams in bounded batches, and stops asking when nobody iterates any more', async () => {
    const cluster = new TestCluster();
    const inner = cluster.store();
    const limits: number[] = [];
    const list: typeof inner.list = (request) => {
      limits.push(request.limit);
      return inner.list(request);
    };
    const { cache } = await cluster.process({}, { list });
    await cache.setMany(Array.from({ length: 1_200 }, (_, i) => [`k${i}`, i] as const));
    let seen = 0;
    for await (const entry of cache.entries({ prefix: 'k' })) {
      expect(entry.freshFor).toBeGreaterThan(0);
      seen += 1;
      if (seen === 501) break;
    }
    expect(limits).toEqual([500, 500]);
    expect(await all(cache.entries({ prefix: 'k' }))).toHaveLength(1_200);
  });

  it('shows stale entries as stale, and no dead, deleted or invalidated ones', async () => {
    const { cache, cluster } = await open();
    await cache.set('dead', 1, { ttl: '1s' });
    await cache.set('stale', 1, { ttl: '1s', grace: '1h' });
    await cache.setMany([
      ['deleted', 1],
      ['fresh', 1],
    ]);
    await cache.set('tagged', 1, { tags: ['t'] });
    cluster.clock.advance(2_000);
    await cache.delete('deleted');
    await cache.invalidateTags('t');
    const states = (await all(cache.entries())).map(({ key, state }) => [key, state]);
    expect(states).toEqual([
      ['fresh', 'fresh'],
      ['stale', 'stale'],
    ]);
  });

  it('INVARIANT 25: a row that cannot be decoded is left out and counted', async () => {
    const { cache, store, recorder } = await open();
    await cache.set('good', 1);
    const entry = { encoding: 'someone else’s', body: 'x' };
    const lifetimes = { ttl: 1e6, sliding: undefined, expiresAt: undefined, grace: 0, early: undefined };
    await store.set({ id: 'bad', encoded: entry, tags: [], lifetimes, loadMs: undefined });
    expect((await all(cache.entries())).map(({ key }) => key)).toEqual(['good']);
    expect(recorder.of('error')).toMatchObject([{ key: 'bad', operation: 'decode' }]);
  });

  it.each([
    [{ prefix: '' }, 'prefix'],
    [{ like: '' }, 'like'],
    [{ like: 'a\\' }, 'like'],
    [{ like: 'a', prefix: 'b' }, 'prefix'],
    [{ prefix: 'x'.repeat(1_000) }, 'prefix'],
    [{ like: 7 }, 'like'],
    ['user:', 'selection'],
  ])('%j: a clear error', async (selection, option) => {
    const { cache } = await open();
    expect(() => cache.entries(selection as never)).toThrow(`Expected \`${option}\` to be`);
  });
});

describe('deleteMany, deletePattern and clearAll', () => {
  it('deleteMany answers how many there were, and their copies here are gone too', async () => {
    const { cache } = await open();
    await cache.setMany([
      ['a', 1],
      ['b', 2],
      ['c', 3],
    ]);
    await cache.set('here', 4, { tiers: 'local' });
    expect(await cache.deleteMany(['a', 'missing', 'b', 'here', 'a'])).toBe(3);
    expect([...(await cache.getMany(['a', 'b', 'c', 'here'])).keys()]).toEqual(['c']);
  });

  it('INVARIANT 22: deletePattern deletes what matches in its own namespace, and _ can be escaped', async () => {
    const cluster = new TestCluster();
    const [one, other] = [
      (await cluster.process({ namespace: 'user_1' })).cache,
      (await cluster.process({ namespace: 'userX1' })).cache,
    ];
    for (const cache of [one, other])
      await cache.setMany([
        ['a_b:1', 1],
        ['aXb:1', 1],
        ['a_b:2', 1],
      ]);
    expect(await one.deletePattern('a\\_b:%')).toBe(2);
    expect((await all(one.entries())).map(({ key }) => key)).toEqual(['aXb:1']);
    expect(await one.deletePattern('a_b:%')).toBe(1);
    expect(await all(other.entries())).toHaveLength(3);
  });

  it('INVARIANT 1: a deleted match refuses the load that began before; a load of what was not there is stored', async () => {
    const { cache } = await open();
    await cache.set('p:old', 'before', { ttl: '1s', grace: '1h' });
    const [there, absent] = [new Gate(), new Gate()];
    const loads = [cache.getOrSet('p:new', absent.load), cache.getOrSet('p:x', there.load)];
    await Promise.all([there.begun(), absent.begun()]);
    await cache.set('p:x', 'meanwhile');
    expect(await cache.deletePattern('p:%')).toBe(2);
    there.open('loaded');
    absent.open('loaded');
    await Promise.all(loads);
    expect([await cache.get('p:x'), await cache.get('p:new')]).toEqual([undefined, 'loaded']);
  });

  it('a key too long to be stored whole is listed and deleted by its beginning', async () => {
    const { cache } = await open();
    const long = `report:${'x'.repeat(5_000)}`;
    await cache.set(long, 1);
    const [entry] = await all(cache.entries({ prefix: 'report:' }));
    expect(entry?.key).toMatch(/^report:x+~[0-9a-f]{64}$/);
    expect(await cache.deletePattern('report:%')).toBe(1);
    expect(await cache.get(long)).toBeUndefined();
  });

  it('deletes more than one batch, and entries of the local tier alone', async () => {
    const { cache } = await open();
    await cache.setMany(Array.from({ length: 1_100 }, (_, i) => [`k${i}`, i] as const));
    await cache.set('k:here', 1, { tiers: 'local' });
    expect(await cache.deletePattern('k%')).toBe(1_101);
    expect(await cache.get('k:here')).toBeUndefined();
    expect(await all(cache.entries())).toEqual([]);
  });

  it('clearAll empties every namespace', async () => {
    const cluster = new TestCluster();
    const [one, other] = [
      (await cluster.process({ namespace: 'one' })).cache,
      (await cluster.process({ namespace: 'other' })).cache,
    ];
    for (const cache of [one, other]) await cache.set('k', 1);
    await one.clearAll();
    expect(await all(one.entries())).toEqual([]);
    expect(await all(other.entries())).toEqual([]);
    expect(await one.get('k')).toBeUndefined();
  });
});
