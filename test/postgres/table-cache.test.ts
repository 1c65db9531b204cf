/** Cached tables: rows by primary key, as the driver gives them, fresh as long as the table is watched. */
import type pg from 'pg';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { CacheInstance } from '../../src/engine/cache.js';
import { ConfigurationError, KeyError } from '../../src/errors.js';
import { watchTable } from '../../src/watch-table.js';
import { testNames, useDatabase, usePool } from '../support/database.js';
import { eventually, MIGRATED, type OpenCache, openCache } from './cache-fixture.js';
import { countingPool, failureOf } from './fixture.js';

const database = useDatabase({ template: MIGRATED });
const pool = usePool(database);

interface Database {
  users: { id: number; name: string; balance: string };
  lines: { order_id: string; line: number; day: Date; note: string };
}

beforeAll(async () => {
  await pool().query(`create schema app;
    create table app.users (id int primary key, name text, balance numeric(12,2), at timestamptz, day date, data jsonb, list int[], bytes bytea, big bigint, mood text[]);
    insert into app.users select i, 'user ' || i, i / 4.0, '2026-03-29T01:30:00.123Z', '2026-01-31', '{"a": [1, null]}', array[i, null], '\\x00ff', 9007199254740993, array['a,b', null]
      from generate_series(1, 20) as i;
    create type app.kind as enum ('one', 'two');
    create table app.lines (order_id uuid, line bigint, kind app.kind, at timestamptz, note text, unique (order_id, line, kind, at));
    insert into app.lines values ('0F8FAD5B-D9CB-469F-A165-70867728950E', 1, 'one', '2026-01-01T00:00:00Z', 'first')`);
});

describe('cached tables', () => {
  let open: OpenCache;
  let cache: CacheInstance;

  beforeEach(async () => {
    open = await openCache({ connection: database.url });
    cache = open.cache;
    await cache.clear();
  });

  it('readMany: the order kept, doubles answered, null for what is not there; one query for all that are missing', async () => {
    const { pool: counted, statements } = countingPool(database.url);
    const users = cache.table('users', {
      primaryKey: ['id'],
      schema: 'app',
      columns: ['name'],
      db: counted,
      ttl: '1h',
    });
    const rows = await users.readMany([3, 99, 1, 3]);
    expect(rows).toEqual([{ name: 'user 3' }, null, { name: 'user 1' }, { name: 'user 3' }]);
    expect(await users.readMany([99, 1, 2])).toEqual([null, { name: 'user 1' }, { name: 'user 2' }]);
    const reads = statements.filter((text) => text.includes('"app"."users"'));
    expect(reads).toHaveLength(2);
    expect(await users.readMany([])).toEqual([]);
  });

  it('rows have the types of the driver, the same from the table, the shared tier and the local tier, ours or given', async () => {
    const expected = (await pool().query('select * from app.users where id = 4')).rows[0];
    const options = { primaryKey: ['id'], schema: 'app', ttl: '1h' } as const;
    const second = await openCache({ connection: database.url });
    for (const db of [undefined, pool()]) {
      await cache.clear();
      const [one, two] = [cache, second.cache].map((each) => each.table('users', { ...options, db }));
      for (const table of [one, one, two, two]) expect(await table?.read(4)).toEqual(expected);
      await eventually(() => expect(second.cache.stats().loads).toBe(0));
    }
    expect(expected).toMatchObject({
      balance: '1.00',
      at: new Date('2026-03-29T01:30:00.123Z'),
      big: '9007199254740993',
    });
  });

  it('a key is one whatever it is written as, and in whatever order', async () => {
    const users = cache.table<Database>()('users', { primaryKey: ['id'], columns: ['name'], ttl: '1h' });
    expect(users).toBeDefined();
    const lines = cache.table('lines', {
      primaryKey: ['order_id', 'line', 'kind', 'at'],
      schema: 'app',
      columns: ['note'],
      ttl: '1h',
    });
    const id = '0f8fad5b-d9cb-469f-a165-70867728950e';
    const keys = [
      { order_id: id, line: 1, kind: 'one', at: new Date('2026-01-01T00:00:00Z') },
      { at: '2026-01-01T01:00:00+01:00', kind: 'one', line: 1n, order_id: id.toUpperCase() },
      { line: '01', at: '2026-01-01 00:00:00Z', order_id: id, kind: 'one' },
    ];
    for (const key of keys) expect(await lines.read(key)).toEqual({ note: 'first' });
    expect(cache.stats().loads).toBe(1);
  });

  it('write and invalidate are about the cache only; ttl per read and write; absent rows have their own', async () => {
    const users = cache.table<{ name: string }, number>('users', {
      primaryKey: ['id'],
      schema: 'app',
      columns: ['name'],
      ttl: '1h',
      nullTtl: '1m',
    });
    await users.write(7, { name: 'written' }, { ttl: '2h' });
    expect(await users.read(7)).toEqual({ name: 'written' });
    await users.invalidate(7);
    expect(await users.read(7, { ttl: '5m' })).toEqual({ name: 'user 7' });
    expect(await users.read(77)).toBeNull();
    const left = async (id: number): Promise<number> => (await cache.ttl(`table:app.users(name):${id}`)) ?? 0;
    expect(await left(7)).toBeLessThanOrEqual(300_000);
    expect(await left(77)).toBeLessThanOrEqual(60_000);
    await users.write(78, null);
    expect(await users.read(78)).toBeNull();
  });

  it('a watched table: exactly the rows that changed are read again, new ones too', async () => {
    await watchTable(pool(), { table: 'users', schema: 'app', cache: testNames() });
    await cache.clear();
    const users = cache.table<{ id: number; name: string }>('users', {
      primaryKey: ['id'],
      schema: 'app',
      columns: ['id', 'name'],
      ttl: '30d',
    });
    const ids = [10, 11, 12, 500];
    expect((await users.readMany(ids)).map((row) => row?.name)).toEqual(['user 10', 'user 11', 'user 12', undefined]);
    await pool().query("update app.users set name = 'new' where id = 11; insert into app.users values (500, 'here')");
    const now = ['user 10', 'new', 'user 12', 'here'];
    await eventually(async () => expect((await users.readMany(ids)).map((row) => row?.name)).toEqual(now));
    expect(cache.stats().loads).toBe(6);
    await cache.invalidateTags('table:app.users');
    await users.readMany(ids);
    expect(cache.stats().loads).toBe(10);
  });

  it.each([
    ['userz', {}, /`table` to be an existing table of the schema `app`/],
    ['users', { primaryKey: ['ide'] }, /`primaryKey` to be made of .*did you mean `id`/],
    ['users', { primaryKey: ['name'] }, /primary key \(which is id\) or of a unique index/],
    ['users', { columns: ['nmae'] }, /`columns` .*did you mean `name`/],
    ['view', {}, /not a view/],
    [`users"; drop table app.users; --`, {}, /existing table/],
    ['users', { primaryKey: [`id"; drop table app.users; --`] }, /made of the table's columns/],
  ])('%s %j is refused by the first call', async (name, options, message) => {
    await pool().query('create or replace view app.view as select 1 as id');
    const table = cache.table(name, { primaryKey: ['id'], schema: 'app', ttl: '1h', ...options });
    const error = await failureOf(table.read(1));
    expect(error).toBeInstanceOf(ConfigurationError);
    expect((error as Error).message).toMatch(message);
  });

  it('what can be known at definition is refused there; keys that are none by the call', async () => {
    expect(() => cache.table('users', { primaryKey: [], ttl: '1h' })).toThrow(/`primaryKey`/);
    expect(() => cache.table('', { primaryKey: ['id'], ttl: '1h' })).toThrow(/name of a table/);
    expect(() => cache.table('users', { primaryKey: ['id'], ttl: -5 })).toThrow(/`ttl`/);
    expect(() => cache.table('users', { primaryKey: ['id'], colums: ['a'] } as never)).toThrow(/colums/);
    const users = cache.table('users', { primaryKey: ['id'], schema: 'app', ttl: '1h' });
    for (const key of [
      'x',
      1.5,
      null,
      undefined,
      {},
      { id: undefined },
      { id: 1, more: 2 },
      [1],
      true,
      "1'; drop table app.users; --",
    ])
      await expect(users.read(key)).rejects.toBeInstanceOf(KeyError);
    const lines = cache.table('lines', { primaryKey: ['order_id', 'line', 'kind', 'at'], schema: 'app', ttl: '1h' });
    await expect(lines.read('x')).rejects.toThrow(/an object with `order_id`, `line`/);
    await expect(lines.read({ order_id: 'x', line: 1, kind: 'one', at: new Date() })).rejects.toThrow(
      /`order_id` of a key of `lines` to be a UUID/,
    );
    const memory = await openCache({ connection: 'memory' });
    await expect(memory.cache.table('users', { primaryKey: ['id'], ttl: 1 }).read(1)).rejects.toThrow(
      /`db` to be the database of the table/,
    );
    const over = memory.cache.table('users', {
      primaryKey: ['id'],
      schema: 'app',
      columns: ['name'],
      ttl: '1h',
      db: pool() satisfies pg.Pool,
    });
    expect(await over.read(1)).toEqual({ name: 'user 1' });
  });
});
