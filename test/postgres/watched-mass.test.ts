/** Statements that change very many rows of a watched table: exactly their tags are invalidated, though no name of theirs stands in the log. */
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { Store } from '../../src/ports/store.js';
import { testNames } from '../support/database.js';
import { eventually, openCache } from './cache-fixture.js';
import { bodyOf, connect, openStore, table, write } from './fixture.js';
import { LOG, useWatchedDatabase } from './watched-fixture.js';

const { database, pool, watch } = useWatchedDatabase();

const MASS = table('_mass');

/** One more than are logged by name. */
const MANY = 10_001;

beforeEach(async () => {
  await pool().query(`create table app.big (id int primary key, name text, tenant_id int);
    insert into app.big select i, 'x', nullif(i % 3, 0) from generate_series(1, ${MANY}) as i`);
  await watch({ table: 'big', schema: 'app' });
  await pool().query(`truncate ${LOG}, ${MASS}`);
});

/** Runs a transaction; ids from 0 to 30 000 whose tag it has hidden from those who began before it. */
async function hidden(statements: readonly string[], tag = 'big:'): Promise<number[]> {
  const before = await pool().query<{ snapshot: string }>('select pg_current_snapshot()::text as snapshot');
  const client = await connect(database.url);
  await client.query('begin');
  for (const statement of statements) await client.query(statement);
  await client.query('commit');
  const { rows } = await client.query<{ i: number }>(
    `select i from generate_series(0, 30000) as i where ${table('_mass_hides')}(array[$2::text || i], $1::pg_snapshot, null)`,
    [before.rows[0]?.snapshot, tag],
  );
  return rows.map(({ i }) => i);
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);

async function kinds(): Promise<string[]> {
  const { rows } = await pool().query<{ word: string }>(`select kind || ' ' || name as word from ${LOG} order by name`);
  return rows.map(({ word }) => word);
}

async function filled(store: Store, id: string, tags: string[]): Promise<void> {
  const { token } = await store.read(id);
  expect(await store.fill(write(id, { tags }), token)).toMatchObject({ status: 'stored' });
}

describe('exactly the rows that changed', () => {
  it('update, insert, delete; one row fewer goes into the log by name', async () => {
    expect(await hidden(["update app.big set name = 'y'"])).toEqual(range(1, MANY));
    expect(await kinds()).toEqual(['written n|', 'delete t|big']);
    expect(await hidden([`insert into app.big select i from generate_series(12000, 12000 + ${MANY}) as i`])).toEqual(
      range(12_000, 12_000 + MANY),
    );
    expect(await hidden(['delete from app.big where id > 12000'])).toEqual(range(12_001, 12_000 + MANY));
    await pool().query(`truncate ${LOG}`);
    expect(await hidden(["update app.big set name = 'z' where id < 10001"])).toEqual([]);
    expect(await kinds()).toHaveLength(10_001);
  });

  it('changed keys: the old and the new ones; in one row of a bucket where nothing but the key stays the same', async () => {
    expect(await hidden(['update app.big set id = id + 15000'])).toEqual([
      ...range(1, MANY),
      ...range(15_001, 15_000 + MANY),
    ]);
    expect(await hidden(['update app.big set id = case when id = 15001 then 7 else id end'])).toEqual([
      7,
      ...range(15_001, 15_000 + MANY),
    ]);
  });

  it('keys that are texts', async () => {
    await pool().query("update app.big set name = 'n' || id");
    await watch({ table: 'big', schema: 'app', key: 'name' });
    expect(await hidden(['update app.big set tenant_id = 5'], 'big:n')).toEqual(range(1, MANY));
    expect(await hidden(["update app.big set name = case when id = 1 then 'n0' else name end"], 'big:n')).toEqual(
      range(0, MANY),
    );
  });

  it('several statements of one transaction, and none of a part that is rolled back', async () => {
    const first = "update app.big set name = 'y'";
    expect(await hidden([first, first, 'update app.big set id = id + 15000'])).toHaveLength(2 * MANY);
    expect(await hidden(['savepoint s', first, 'rollback to s', 'select 1'])).toEqual([]);
  });

  it('tags of other columns, none for null, in every namespace', async () => {
    await watch({ table: 'big', schema: 'app', tags: ['tenant:{tenant_id}', 'all'], namespaces: ['', 'a'] });
    await pool().query(`truncate ${LOG}`);
    expect(await hidden(["update app.big set name = 'y'"], 'tenant:')).toEqual([1, 2]);
    expect(await kinds()).toEqual([
      'written n|',
      'written n|a',
      ...['delete t|[a]all', 'delete t|[a]big', 'delete t|all', 'delete t|big'],
    ]);
    expect(await hidden(['update app.big set tenant_id = 5'], '[a]tenant:')).toEqual([1, 2, 5]);
  });

  it('a writer without any right on our tables', async () => {
    const role = `mass_writer_${process.pid}`;
    await pool().query(
      `create role ${role}; grant usage on schema app to ${role}; grant select, update on app.big to ${role}`,
    );
    onTestFinished(async () => void (await pool().query(`drop owned by ${role} cascade; drop role ${role}`)));
    expect(await hidden([`set local role ${role}`, "update app.big set name = 'y'", 'reset role'])).toHaveLength(MANY);
  });

  it('a namespace that is cleared in the same transaction stays cleared, whichever came first', async () => {
    const clear = `insert into ${LOG} as i (name, kind) values ('n|', 'delete')
      on conflict (name, xid) do update set kind = excluded.kind where i.kind <> 'delete'`;
    const update = "update app.big set name = 'y'";
    for (const order of [
      [clear, update],
      [update, clear],
    ]) {
      await pool().query(`truncate ${LOG}`);
      await hidden(order);
      expect(await kinds()).toEqual(['delete n|', 'delete t|big']);
    }
  });
});

describe('entries', () => {
  it('INVARIANT 1: of changed rows are invalid, others are not; what was loaded before the commit is refused', async () => {
    const store = await openStore({ connection: database.url });
    await pool().query(`insert into app.big values (20000)`);
    for (const id of ['1', '9999', '20000']) await filled(store, id, ['other', `big:${id}`]);
    await filled(store, 'untagged', []);
    const writer = await connect(database.url);
    await writer.query('begin');
    const early = await store.read('during');
    await writer.query("update app.big set name = 'y' where id < 20000");
    const late = await store.read('during');
    await filled(store, 'kept', ['big:5']);
    expect(await bodyOf(store, '1')).toBe('value');
    await writer.query('commit');
    for (const { token } of [early, late]) {
      expect(await store.fill(write('during', { tags: ['big:77'] }), token)).toMatchObject({ reason: 'invalidated' });
    }
    expect(await store.fill(write('during', { tags: ['big:20000'] }), late.token)).toMatchObject({ status: 'stored' });
    const bodies = await Promise.all(['1', '9999', 'kept', '20000', 'untagged'].map((id) => bodyOf(store, id)));
    expect(bodies).toEqual([undefined, undefined, undefined, 'value', 'value']);
    // What is loaded now is valid, with others under way as well.
    await writer.query('begin; select pg_current_xact_id()');
    await filled(store, '1', ['big:1']);
    await writer.query('commit');
    expect(await bodyOf(store, '1')).toBe('value');
  });

  it('are not looked up while there is nothing that they could have missed', async () => {
    const names = { ...testNames(), prefix: 'none_' };
    const store = await openStore({ connection: database.url, ...names });
    await filled(store, 'kept', ['a']);
    await store.invalidate(['t|other'], 'delete');
    await pool().query(`create or replace function ${table('_mass_hides', names)}(tags text[], snapshot pg_snapshot, writer xid8)
      returns boolean language plpgsql as 'begin raise exception $$asked$$; end'`);
    expect(await bodyOf(store, 'kept')).toBe('value');
    await pool().query(`insert into ${table('_mass', names)} (bucket, hashes) values (0, '{1024}')`);
    await store.invalidate(['t|other'], 'delete');
    await expect(bodyOf(store, 'kept')).rejects.toThrow('P0001');
    await filled(store, 'younger', []);
  });

  it('another process with copies hears of it, and loads only what has changed', async () => {
    const { cache } = await openCache({ connection: database.url });
    await pool().query('insert into app.big values (20000)');
    const name = (id: number) =>
      cache.getOrSet(
        `big:${id}`,
        async () => (await pool().query('select name from app.big where id = $1', [id])).rows[0]?.name,
        { tags: [`big:${id}`] },
      );
    for (const id of [1, 20_000]) await name(id);
    await pool().query("update app.big set name = 'new' where id < 20000");
    await eventually(async () => expect(await name(1)).toBe('new'));
    await name(20_000);
    expect(cache.stats().loads).toBe(3);
  });
});
