/** Many entries at once, over the memory store. */
import { describe, expect, it } from 'vitest';
import { StoreError } from '../../../src/errors.js';
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

/** A Kysely-like database without anything in it. */
const db = {
  transaction: () => ({ execute: <T>(work: (trx: string) => Promise<T>): Promise<T> => work('trx') }),
};

const ODD_VALUES = [
  0,
  '',
  false,
  null,
  Number.NaN,
  -0,
  1n,
  new Date(0),
  new Map([[1, { a: undefined }]]),
  Buffer.from('x'),
];

describe('getMany and setMany', () => {
  it('hits come in the order asked, each once, from both tiers; what is not fresh is left out', async () => {
    const { cache, cluster } = await open();
    await cache.setMany(
      new Map([
        ['a', 1],
        ['b', 2],
        ['c', 3],
      ]),
    );
    await cache.set('stale', 4, { ttl: '1s', grace: '1h' });
    cluster.clock.advance(2_000);
    const other = await cluster.process();
    await other.cache.get('b');
    const hits = await other.cache.getMany(['c', 'missing', 'b', 'stale', 'a', 'c']);
    expect([...hits]).toEqual([
      ['c', 3],
      ['b', 2],
      ['a', 1],
    ]);
    expect(other.cache.stats()).toMatchObject({ calls: 6, localHits: 1, sharedHits: 3, misses: 2 });
    await other.cache.getMany(['a', 'b', 'c']);
    expect(other.cache.stats().localHits).toBe(4);
  });

  it('INVARIANT 23: values are the same in bulk as alone, and the same as what was given', async () => {
    const { cache, cluster } = await open();
    const entries = ODD_VALUES.map((value, i) => [`k${i}`, value] as const);
    await cache.setMany(entries);
    for (const reader of [cache, (await cluster.process()).cache]) {
      const many = await reader.getMany(entries.map(([key]) => key));
      expect([...many]).toEqual(entries);
      for (const [key] of entries) expect(await reader.get(key)).toEqual(many.get(key));
    }
  });

  it('INVARIANT 24: what one caller does to a value the next one does not see', async () => {
    const { cache } = await open();
    await cache.setMany([['k', new Map([['a', 1]])]]);
    (await cache.getMany<Map<string, number>>(['k'])).get('k')?.set('a', 2);
    expect((await cache.getMany(['k'])).get('k')).toEqual(new Map([['a', 1]]));
  });

  it('of a key given twice the last value counts, and tags are those of the policy', async () => {
    const { cache } = await open();
    await cache.setMany(
      [
        ['k', 1],
        ['k', 2],
      ],
      { tags: ['t'] },
    );
    expect(await cache.get('k')).toBe(2);
    await cache.invalidateTags('t');
    expect(await cache.getMany(['k'])).toEqual(new Map());
  });

  it('INVARIANT 7: what is set is not overwritten by a load that began before', async () => {
    const { cache } = await open();
    const gate = new Gate();
    const loading = cache.getOrSet('k', gate.load);
    await gate.begun();
    await cache.setMany([['k', 'set']]);
    gate.open('loaded');
    await loading;
    expect(await cache.get('k')).toBe('set');
  });

  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['a function', () => 0],
    ['too much', 'x'.repeat(2 ** 20 + 1)],
  ])('a value that cannot be stored (%s) is refused before anything is written', async (_, value) => {
    const { cache } = await open();
    await expect(
      cache.setMany([
        ['good', 1],
        ['bad', value],
      ]),
    ).rejects.toMatchObject({ name: 'CodecError' });
    expect(await cache.get('good')).toBeUndefined();
  });

  it('the store is down: reads are misses, writes reject', async () => {
    const cluster = new TestCluster();
    const fail = async (): Promise<never> => {
      throw new StoreError('down', { outcome: 'failed' });
    };
    const { cache, recorder } = await cluster.process({}, { read: fail, set: fail, setIfAbsent: fail, list: fail });
    expect(await cache.getMany(['a', 'b'])).toEqual(new Map());
    expect(await cache.getEntry('a')).toBeUndefined();
    await expect(cache.setMany([['a', 1]])).rejects.toThrow('down');
    await expect(cache.setIfAbsent('a', 1)).rejects.toThrow('down');
    await expect(all(cache.entries())).rejects.toThrow('down');
    await expect(cache.deletePattern('a%')).rejects.toBeInstanceOf(StoreError);
    expect(recorder.of('error').length).toBeGreaterThan(0);
  });

  it('one row that cannot be read is a miss and an error; its neighbours are hits', async () => {
    const cluster = new TestCluster();
    const { cache } = await cluster.process();
    await cache.setMany([
      ['a', 1],
      ['bad', 2],
      ['c', 3],
    ]);
    const inner = cluster.store();
    const reader = await cluster.process(
      {},
      {
        read: (id) =>
          id === 'bad' ? Promise.reject(new StoreError('bad row', { outcome: 'failed' })) : inner.read(id),
      },
    );
    expect([...(await reader.cache.getMany(['a', 'bad', 'c'])).keys()]).toEqual(['a', 'c']);
    expect(reader.recorder.of('error')).toMatchObject([{ key: 'bad', operation: 'read' }]);
  });

  it.each<[string, () => Promise<unknown>]>([
    ['a text as keys', async () => (await open()).cache.getMany('key')],
    ['no keys', async () => (await open()).cache.deleteMany(7 as never)],
    ['an object', async () => (await open()).cache.setMany({ a: 1 } as never)],
    ['pairs that are none', async () => (await open()).cache.setMany([['a']] as never)],
  ])('%s: a clear error', async (_, call) => {
    await expect(call()).rejects.toMatchObject({ code: 'INVALID_OPTION', message: /Expected `\w+(\[0\])?` to be a/ });
  });

  it('an impossible key is refused', async () => {
    const { cache } = await open();
    await expect(cache.getMany(['a', ''])).rejects.toMatchObject({ code: 'INVALID_KEY' });
    await expect(cache.setMany([['\0', 1]])).rejects.toMatchObject({ code: 'INVALID_KEY' });
  });
});

describe('setIfAbsent', () => {
  it('of several processes one is first', async () => {
    const { cache, cluster } = await open();
    const other = (await cluster.process()).cache;
    const stored = await Promise.all([cache, other, cache, other].map((one, i) => one.setIfAbsent('k', i)));
    expect(stored.filter((one) => one)).toHaveLength(1);
    expect(await other.get('k')).toBe(stored.indexOf(true));
  });

  it('what is deleted, invalidated or stale is absent', async () => {
    const { cache, cluster } = await open();
    await cache.set('k', 'old', { ttl: '1s', grace: '1h', tags: ['t'] });
    cluster.clock.advance(1_001);
    expect(await cache.setIfAbsent('k', 1, { tags: ['t'] })).toBe(true);
    await cache.invalidateTags('t');
    expect(await cache.setIfAbsent('k', 2)).toBe(true);
    await cache.delete('k');
    expect(await cache.setIfAbsent('k', 3)).toBe(true);
    expect(await cache.get('k')).toBe(3);
  });

  it('works in the local tier alone', async () => {
    const { cache } = await open();
    expect(await cache.setIfAbsent('k', 1, { tiers: 'local' })).toBe(true);
    expect(await cache.setIfAbsent('k', 2, { tiers: 'local' })).toBe(false);
  });

  it('is refused inside of a transaction', async () => {
    const { cache } = await open();
    const inside = cache.transaction(db, () => cache.setIfAbsent('k', 1));
    await expect(inside).rejects.toMatchObject({ code: 'WITHIN_TRANSACTION' });
  });
});

describe('getEntry', () => {
  it('shows value, state, tags and what is left, also of a stale entry; keeps and renews nothing', async () => {
    const { cache, cluster } = await open();
    await cache.set('k', { a: 1 }, { ttl: '10s', earlyTtl: '8s', grace: '1m', tags: ['x', 'y'] });
    cluster.clock.advance(1_000);
    const fresh = { key: 'k', value: { a: 1 }, state: 'fresh', tags: ['x', 'y'], freshFor: 9_000, age: 1_000 };
    const other = (await cluster.process()).cache;
    expect(await other.getEntry('k')).toMatchObject({ ...fresh, servableFor: 69_000, refreshIn: 7_000, retryIn: 0 });
    expect(other.stats()).toMatchObject({ calls: 0, local: { entries: 0 } });
    cluster.clock.advance(7_500);
    expect(await cache.getEntry('k')).toMatchObject({ state: 'early', refreshIn: 0 });
    cluster.clock.advance(5_000);
    expect(await cache.getEntry('k')).toMatchObject({ state: 'stale', freshFor: 0, servableFor: 56_500 });
    await cache.delete('k');
    expect(await cache.getEntry('k')).toBeUndefined();
  });

  it('tags and keys come back without their namespace', async () => {
    const { cache } = await new TestCluster().process({ namespace: 'shop' });
    await cache.set('k', 1, { tags: ['t', '[odd]'] });
    expect(await cache.getEntry('k')).toMatchObject({ key: 'k', tags: ['t', '[odd]'] });
  });

  it('an entry of the local tier alone is shown as well', async () => {
    const { cache, cluster } = await open();
    await cache.set('k', 1, { tiers: 'local', tags: ['t'], ttl: '10s' });
    cluster.clock.advance(4_000);
    expect(await cache.getEntry('k')).toMatchObject({ value: 1, state: 'fresh', tags: ['t'], freshFor: 6_000 });
  });
});

describe('in a transaction', () => {
  it('nothing is found; what is set, deleted or cleared is made invalid by the commit', async () => {
    const { cache } = await open();
    await cache.setMany([
      ['a', 1],
      ['b', 2],
      ['p:c', 3],
      ['d', 4],
    ]);
    const counts = await cache.transaction(db, async () => {
      expect(await cache.getMany(['a'])).toEqual(new Map());
      expect(await cache.getEntry('a')).toBeUndefined();
      expect(await all(cache.entries())).toEqual([]);
      await cache.setMany([['a', 'uncommitted']]);
      return [await cache.deleteMany(['b']), await cache.deletePattern('p:%')];
    });
    expect(counts).toEqual([0, 1]);
    expect([...(await cache.getMany(['a', 'b', 'p:c', 'd'])).keys()]).toEqual(['d']);
    await cache.transaction(db, () => cache.clearAll());
    expect(await cache.get('d')).toBeUndefined();
  });

  it('INVARIANT 6: of one that is rolled back nothing remains', async () => {
    const { cache } = await open();
    await cache.setMany([
      ['a', 1],
      ['b', 2],
    ]);
    const failing = cache.transaction(db, async () => {
      await cache.setMany([['a', 'uncommitted']]);
      await cache.deletePattern('%');
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect([...(await cache.getMany(['a', 'b'])).values()]).toEqual([1, 2]);
  });
});
