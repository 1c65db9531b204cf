/** `{ dialect }`: the cache over connections of Kysely's, whatever driver is behind them. */
import { setTimeout as pause } from 'node:timers/promises';
import { PGlite } from '@electric-sql/pglite';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createCache } from '../../src/configure.js';
import { useDatabase } from '../support/database.js';
import { pgliteDialect } from '../support/pglite-dialect.js';
import { eventually, openCache, sources } from './cache-fixture.js';
import { connect, openStore, table, write } from './fixture.js';

describe('over PGlite, inside of this process', () => {
  let database: PGlite;

  beforeAll(async () => {
    database = await PGlite.create();
  }, 60_000);

  afterAll(async () => {
    await database.close();
  });

  it('values are kept and invalidated; two caches see the same; no stream, so local copies live for `localLease`', async () => {
    const one = await openCache({ dialect: pgliteDialect(database), schema: 'one', prefix: '' });
    const two = await openCache({ dialect: pgliteDialect(database), schema: 'one', prefix: '', local: false });
    expect(one.cache.stats().stream).toBeUndefined();
    const load = async (): Promise<Date> => new Date(1000);
    await one.cache.getOrSet('key', load, { ttl: '1m', tags: ['tag'] });
    expect(await two.cache.getOrSet('key', load, { ttl: '1m' })).toEqual(new Date(1000));
    expect(await one.cache.getOrSet('key', load, { ttl: '1m' })).toEqual(new Date(1000));
    await two.cache.invalidateTags(['tag']);
    await two.cache.getOrSet('key', load, { ttl: '1m' });
    expect([sources(one), sources(two)]).toEqual([
      ['load', 'local'],
      ['shared', 'load'],
    ]);
    expect(one.warnings).toEqual([]);
  });

  it('50 keys load at once over its one connection, each once in all', async () => {
    const options = { dialect: pgliteDialect(database), schema: 'fifty', prefix: '' };
    const caches = [await openCache(options), await openCache(options)];
    let loads = 0;
    const load = async (): Promise<number> => {
      loads += 1;
      await pause(5);
      return loads;
    };
    const keys = Array.from({ length: 50 }, (_, i) => `key ${i}`);
    await Promise.all(caches.flatMap(({ cache }) => keys.map((key) => cache.getOrSet(key, load, { ttl: '1m' }))));
    expect(loads).toBe(50);
  });

  it('INVARIANT 6: a transaction of a Kysely over the same database takes the invalidation along, or back', async () => {
    const { cache } = await openCache({ dialect: pgliteDialect(database), schema: 'trx', prefix: '' });
    const db = new Kysely<unknown>({ dialect: pgliteDialect(database) });
    await cache.set('key', 1, { tags: ['tag'] });
    await expect(
      cache.transaction(db, async () => {
        await cache.invalidateTags(['tag']);
        throw new Error('changed my mind');
      }),
    ).rejects.toThrow('changed my mind');
    expect(await eventually(() => cache.get('key'))).toBe(1);
    await cache.transaction(db, () => cache.invalidateTags(['tag']));
    expect(await cache.get('key')).toBeUndefined();
  });
});

describe("over Kysely's own dialect", () => {
  const database = useDatabase();

  function usePgPool(max: number): pg.Pool {
    const pool = new pg.Pool({ connectionString: database.url, max });
    pool.on('error', () => undefined);
    onTestFinished(() => (pool.ended ? undefined : pool.end()));
    return pool;
  }

  it('works, listens where it is told to, and leaves the pool to its owner', async () => {
    const pool = usePgPool(2);
    const { cache } = await openCache({ dialect: new PostgresDialect({ pool }), listenConnection: database.url });
    expect(cache.stats().stream).toMatchObject({ state: 'listening' });
    await cache.set('key', new Map([[1, 'one']]));
    expect(await cache.get('key')).toEqual(new Map([[1, 'one']]));
    await cache.close();
    expect(pool.ended).toBe(false);
    expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  });

  it('a connection whose statement came late goes back when that has ended, and is used again', async () => {
    const pool = usePgPool(1);
    const store = await openStore({
      connection: { dialect: new PostgresDialect({ pool }) },
      timeouts: { read: 400, write: 400 },
    });
    await store.set(write('key'));
    const client = await connect(database.url);
    await client.query(`begin; select from ${table()} where id = 'key' for update`);
    await expect(store.set(write('key'))).rejects.toMatchObject({ code: 'STORE_FAILED' });
    await client.query('rollback');
    await eventually(async () => expect((await store.read('key')).entry).toBeDefined());
    expect(pool.totalCount).toBe(1);
  });

  it('what is no dialect is refused', async () => {
    const wrong = { name: 'wrong', dialect: 'postgres' } as unknown as Parameters<typeof createCache>[0];
    await expect(createCache(wrong)).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining('`dialect`'),
    });
    const both = { name: 'both', connection: database.url, dialect: new PostgresDialect({ pool: usePgPool(1) }) };
    await expect(createCache(both)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });
});
