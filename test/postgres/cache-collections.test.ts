/** Many entries at once over a real database: how many statements, what transactions and other processes see. */
import { describe, expect, it } from 'vitest';
import { useDatabase } from '../support/database.js';
import { eventually, MIGRATED, type OpenCache, openCache } from './cache-fixture.js';
import { countingPool, table } from './fixture.js';
import { makePool, database as stock } from './transactions-fixture.js';

const database = useDatabase({ template: MIGRATED });

async function keysOf(cache: OpenCache['cache']): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const { key } of cache.entries()) keys.push(key);
  return keys;
}

/** How many of these statements there were, by a word only they have. */
const count = (statements: readonly string[], word: string): number =>
  statements.filter((text) => text.includes(word)).length;

describe('statements', () => {
  it('each call is one statement a batch', async () => {
    const { pool, statements } = countingPool(database.url, 1);
    const { cache } = await openCache({ pool, namespace: 'statements', local: false, migrate: false });
    const entries = Array.from({ length: 500 }, (_, i) => [`k${String(i).padStart(3, '0')}`, { i }] as const);
    const keys = entries.map(([key]) => key);
    const during = async (call: () => Promise<unknown>): Promise<readonly string[]> => {
      await cache.idle();
      statements.length = 0;
      await call();
      return [...statements];
    };
    const reads = 'id = any(';
    expect(count(await during(() => cache.setMany(entries)), 'insert into')).toBe(1);
    expect(count(await during(() => cache.getMany(keys)), reads)).toBe(1);
    expect(await during(() => keysOf(cache))).toHaveLength(2); // the second finds that nothing follows
    expect(count(await during(() => cache.deletePattern('k0%')), 'skip locked')).toBe(1);
    expect(count(await during(() => cache.deleteMany(keys)), 'skip locked')).toBe(1);
    expect(await keysOf(cache)).toEqual([]);
  });
});

describe('entries', () => {
  it('INVARIANT 22: of this namespace only, in key order, with what is left of their lives', async () => {
    const caches = await Promise.all(
      ['', 'user_1', 'userX1'].map((namespace) => openCache({ connection: database.url, namespace })),
    );
    await caches[0]?.cache.clearAll();
    const keys = ['%', 'Z', '[a]b', '\\', '_', 'a_b', 'axb', '🐘'];
    for (const [i, { cache }] of caches.entries())
      await cache.setMany(
        keys.map((key) => [key, i] as const),
        { ttl: '10m', tags: ['t'] },
      );
    for (const [i, { cache }] of caches.entries()) {
      expect(await keysOf(cache)).toEqual(keys);
      for await (const entry of cache.entries({ like: 'a\\_%' })) {
        expect(entry).toMatchObject({ key: 'a_b', value: i, tags: ['t'], state: 'fresh' });
        expect(entry.freshFor).toBeGreaterThan(0);
        expect(entry.freshFor).toBeLessThanOrEqual(600_000);
      }
    }
    expect(await caches[1]?.cache.deletePattern('%')).toBe(keys.length);
    expect(await Promise.all(caches.map(async ({ cache }) => (await keysOf(cache)).length))).toEqual([8, 0, 8]);
  });

  it('INVARIANT 25: a damaged row is left out, whoever its neighbours are', async () => {
    const { pool } = countingPool(database.url);
    const { cache, recorder } = await openCache({ pool, namespace: 'damaged', migrate: false });
    await cache.setMany(['a', 'b', 'c'].map((key) => [key, key] as const));
    await pool.query(`update ${table()} set value = '\\xff'::bytea where id = '[damaged]b'`);
    expect(await keysOf(cache)).toEqual(['a', 'c']);
    const reader = await openCache({ connection: database.url, namespace: 'damaged', local: false });
    expect([...(await reader.cache.getMany(['a', 'b', 'c'])).keys()]).toEqual(['a', 'c']);
    expect(recorder.of('error').length).toBeGreaterThan(0);
  });
});

describe('other processes', () => {
  it('lose their copies of what is deleted by a pattern or cleared, and of what is set in bulk', async () => {
    const [here, there] = await Promise.all(
      [0, 1].map(() => openCache({ connection: database.url, namespace: 'copies' })),
    );
    if (here === undefined || there === undefined) throw new Error('two caches');
    await here.cache.setMany([
      ['a', 1],
      ['b', 1],
      ['c', 1],
    ]);
    await there.cache.getMany(['a', 'b', 'c']);
    await here.cache.deletePattern('a%');
    await here.cache.setMany([['b', 2]]);
    await eventually(async () =>
      expect([...(await there.cache.getMany(['a', 'b', 'c']))]).toEqual([
        ['b', 2],
        ['c', 1],
      ]),
    );
    await here.cache.clearAll();
    await eventually(async () => expect(await there.cache.getMany(['b', 'c'])).toEqual(new Map()));
  });

  it('of two that set what is absent one is first, after a deletion as well', async () => {
    const [here, there] = await Promise.all(
      [0, 1].map(() => openCache({ connection: database.url, namespace: 'absent' })),
    );
    if (here === undefined || there === undefined) throw new Error('two caches');
    for (let round = 0; round < 5; round += 1) {
      const stored = await Promise.all([here, there, here, there].map(({ cache }, i) => cache.setIfAbsent('k', i)));
      expect(stored.filter((one) => one)).toHaveLength(1);
      expect(await there.cache.get('k')).toBe(stored.indexOf(true));
      await (round % 2 === 0 ? here : there).cache.delete('k');
    }
  });
});

describe('in a transaction', () => {
  it('INVARIANT 2, 6: bulk invalidations are part of it', async () => {
    const { cache } = await openCache({ connection: stock.url });
    const fill = () =>
      cache.setMany([
        ['a', 1],
        ['p_1', 2],
        ['pX1', 3],
        ['d', 4],
      ]);
    await fill();
    const transact = (end: 'commit' | 'roll back') =>
      cache.transaction(makePool(), async () => {
        await cache.setMany([['a', 'uncommitted']]);
        expect(await cache.deletePattern('p\\_%')).toBe(1);
        expect(await cache.deleteMany(['d'])).toBe(0);
        if (end === 'roll back') throw new Error(end);
      });
    await expect(transact('roll back')).rejects.toThrow('roll back');
    expect([...(await cache.getMany(['a', 'p_1', 'pX1', 'd'])).values()]).toEqual([1, 2, 3, 4]);
    await transact('commit');
    expect([...(await cache.getMany(['a', 'p_1', 'pX1', 'd']))]).toEqual([['pX1', 3]]);
  });
});

describe('loading many', () => {
  it('INVARIANT 12: overlapping calls of two processes load each key once, whatever their order', async () => {
    const [here, there] = await Promise.all(
      [0, 1].map(() => openCache({ connection: database.url, namespace: 'many', poolSize: 1 })),
    );
    if (here === undefined || there === undefined) throw new Error('two caches');
    const asked: string[] = [];
    const load = async (keys: readonly string[]): Promise<string[]> => {
      asked.push(...keys);
      await new Promise((resolve) => setTimeout(resolve, 50));
      return keys.map((key) => `loaded ${key}`);
    };
    const keys = Array.from({ length: 60 }, (_, i) => `k${i}`);
    const calls = [keys.slice(0, 40), keys.slice(20).reverse(), keys].flatMap((some) =>
      [here, there].map(({ cache }) => cache.getOrSetMany(some, load)),
    );
    for (const values of await Promise.all(calls))
      for (const [key, value] of values) expect(value).toBe(`loaded ${key}`);
    expect([...asked].sort()).toEqual([...keys].sort());
  });

  it('what is loaded is stored in one statement, and read in one by another process', async () => {
    const { pool, statements } = countingPool(database.url, 1);
    const { cache } = await openCache({ pool, namespace: 'stored', migrate: false });
    const keys = Array.from({ length: 300 }, (_, i) => `k${i}`);
    await cache.getMany(['warm']);
    statements.length = 0;
    await cache.getOrSetMany(keys, async (missing) => missing.map((key) => ({ key })));
    expect(count(statements, 'load_began')).toBe(1);
    const other = await openCache({ connection: database.url, namespace: 'stored' });
    const never = (): Promise<never> => Promise.reject(new Error('loaded again'));
    expect((await other.cache.getOrSetMany(keys, never)).size).toBe(300);
  });
});
