/** Watched tables: whoever writes, exactly the tags of the rows that changed are invalidated, with the writer's transaction. */
import { Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { unwatchTable, unwatchTableSql, watchTable, watchTableSql } from '../../src/watch-table.js';
import { testNames } from '../support/database.js';
import { eventually, openCache } from './cache-fixture.js';
import { connect } from './fixture.js';
import { LOG, useWatchedDatabase } from './watched-fixture.js';

const { database, pool, watch, logged } = useWatchedDatabase();

describe('what is invalidated', () => {
  beforeEach(async () => {
    await watch({ table: 'users', schema: 'app' });
  });

  it('insert, update, delete: the table and the keys of the rows, no others', async () => {
    expect(await logged("insert into app.users values (6, 'f')")).toEqual(['users', 'users:6']);
    expect(await logged("update app.users set name = 'x' where id in (2, 4)")).toEqual(['users', 'users:2', 'users:4']);
    expect(await logged('delete from app.users where id = 3')).toEqual(['users', 'users:3']);
  });

  it('a statement that changes no row invalidates nothing', async () => {
    expect(await logged('update app.users set name = name where id = 99', 'delete from app.users where false')).toEqual(
      [],
    );
  });

  it('a changed key: the old and the new one', async () => {
    expect(await logged('update app.users set id = 30 where id = 3')).toEqual(['users', 'users:3', 'users:30']);
  });

  it('on conflict, merge and copy', async () => {
    const upsert =
      "insert into app.users values (5, 'e'), (6, 'f') on conflict (id) do update set name = excluded.name";
    expect(await logged(upsert)).toEqual(['users', 'users:5', 'users:6']);
    expect(await logged('insert into app.users values (5) on conflict do nothing')).toEqual([]);
    const version = (await pool().query("select current_setting('server_version_num')::int as v")).rows[0].v;
    const merge = `merge into app.users as u using (values (1), (7)) as v (id) on u.id = v.id
      when matched then delete when not matched then insert (id) values (v.id)`;
    if (version >= 150000) expect(await logged(merge)).toEqual(['users', 'users:1', 'users:7']);
    await pool().query(`create table app.source as select 20 + i as id from generate_series(1, 2) as i`);
    expect(await logged('insert into app.users (id) select id from app.source')).toEqual([
      'users',
      'users:21',
      'users:22',
    ]);
  });

  it('truncate: every key there was, with and without cascade', async () => {
    await pool().query(
      'create table app.parents (id int primary key); alter table app.users add foreign key (tenant_id) references app.parents not valid',
    );
    const all = ['users', 'users:1', 'users:2', 'users:3', 'users:4', 'users:5'];
    expect(await logged('truncate app.parents cascade')).toEqual(all);
    await pool().query('insert into app.users values (1)');
    expect(await logged('truncate app.users')).toEqual(['users', 'users:1']);
  });

  it('truncate under repeatable read, which cannot see every row: the whole namespace', async () => {
    const names = await logged('set transaction isolation level repeatable read', 'truncate app.users');
    expect(names).toEqual(['n|']);
  });

  it('cascades of foreign keys', async () => {
    await pool().query(`create table app.tenants (id int primary key); insert into app.tenants values (0), (1);
      alter table app.users add foreign key (tenant_id) references app.tenants on delete cascade on update cascade`);
    expect(await logged('delete from app.tenants where id = 0')).toEqual(['users', 'users:2', 'users:4']);
    expect(await logged('update app.tenants set id = 9')).toEqual(['users', 'users:1', 'users:3', 'users:5']);
  });

  it('several statements of one transaction: each name once, and a weaker invalidation becomes a strong one', async () => {
    const weak = `insert into ${LOG} (name, kind) values ('t|users:2', 'expire'), ('t|users', 'expire')`;
    const update = 'update app.users set name = null where id in (1, 2)';
    expect(await logged(weak, update, update, 'delete from app.users where id = 1')).toEqual([
      'users',
      'users:1',
      'users:2',
    ]);
  });

  it('statements on one row each: likewise, whatever the transaction has logged before', async () => {
    const weak = `insert into ${LOG} (name, kind) values ('t|users:2', 'expire')`;
    const update = (id: number) => `update app.users set name = null where id = ${id}`;
    expect(await logged(weak, update(2))).toEqual(['users', 'users:2']);
    expect(await logged(update(1), update(1), update(3), 'delete from app.users where id = 3')).toEqual([
      'users',
      'users:1',
      'users:3',
    ]);
    const undone = ['savepoint s', update(1), 'rollback to s'];
    expect(await logged(...undone, update(4), 'update app.users set id = 9 where id = 5')).toEqual([
      'users',
      'users:4',
      'users:5',
      'users:9',
    ]);
  });

  it('a key that changes only its case, which its collation does not see', async () => {
    await pool().query(`create collation app.blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
      create table app.words (word text collate app.blind primary key); insert into app.words values ('a'), ('b')`);
    await watch({ table: 'words', schema: 'app' });
    expect(await logged("update app.words set word = 'A' where word = 'a'")).toEqual(['words', 'words:A', 'words:a']);
  });

  it('what is rolled back invalidates nothing', async () => {
    const names = await logged(
      'savepoint s',
      'delete from app.users',
      'rollback to s',
      'delete from app.users where id = 1',
    );
    expect(names).toEqual(['users', 'users:1']);
  });

  it('in sessions that replay changes of others as well', async () => {
    expect(await logged('set local session_replication_role = replica', 'delete from app.users where id = 5')).toEqual([
      'users',
      'users:5',
    ]);
  });

  it('writers with other settings write the same', async () => {
    const settings = [
      "set local datestyle = 'SQL, DMY'",
      "set local search_path = ''",
      'set local standard_conforming_strings = off',
    ];
    expect(await logged(...settings, 'delete from app.users where id = 5')).toEqual(['users', 'users:5']);
  });

  it('sends no notification', async () => {
    const client = await connect(database.url);
    await client.query('begin; delete from app.users');
    // Forbidden to transactions that have notified somebody.
    await client.query("prepare transaction 'watched'");
    await client.query("rollback prepared 'watched'");
  });
});

describe('partitions and inheritance', () => {
  it('writes through the parent and past it, rows that move, partitions of partitions', async () => {
    await pool().query(`create table app.events (id bigint, at date, note text, primary key (id, at)) partition by range (at);
      create table app.events_1 partition of app.events for values from ('2026-01-01') to ('2026-02-01') partition by hash (id);
      create table app."events 1 a" partition of app.events_1 for values with (modulus 1, remainder 0);
      create table app.events_2 (note text, at date not null, id bigint not null, primary key (id, at));
      alter table app.events attach partition app.events_2 for values from ('2026-02-01') to ('2026-03-01')`);
    const watched = await watch({ table: 'events', schema: 'app', key: 'id' });
    expect(watched.tables).toEqual(['app.events', 'app.events 1 a', 'app.events_1', 'app.events_2']);
    const insert = "insert into app.events values (1, '2026-01-05'), (2, '2026-02-05')";
    expect(await logged(insert)).toEqual(['events', 'events:1', 'events:2']);
    expect(await logged(`update app."events 1 a" set note = 'x'`)).toEqual(['events', 'events:1']);
    expect(await logged(`update app.events_2 set note = 'x'`)).toEqual(['events', 'events:2']);
    expect(await logged(`update app.events set at = '2026-02-06', id = 10 where id = 1`)).toEqual([
      'events',
      'events:1',
      'events:10',
    ]);
    expect(await logged('truncate app.events_2')).toEqual(['events', 'events:10', 'events:2']);
    await pool().query(
      `insert into app.events values (5, '2026-01-05'); create table app.events_3 partition of app.events for values from ('2026-03-01') to ('2026-04-01')`,
    );
    expect(await logged("insert into app.events_3 values (4, '2026-03-05')")).toEqual([]);
    expect(await watch({ table: 'events', schema: 'app', key: 'id' })).toMatchObject({ outcome: 'installed' });
    expect(await logged('delete from app.events_3')).toEqual(['events', 'events:4']);
    expect(await logged('truncate app.events')).toEqual(['events', 'events:5']);
  });

  it('a row that is moved to a partition which refuses it', async () => {
    await pool().query(`create table app.parts (id int, part int) partition by list (part);
      create table app.part_1 partition of app.parts for values in (1);
      create table app.part_2 partition of app.parts for values in (2);
      create function app.refuse() returns trigger language plpgsql as 'begin return null; end';
      create trigger refuse before insert on app.part_2 for each row execute function app.refuse();
      insert into app.parts values (1, 1), (2, 1)`);
    await watch({ table: 'parts', schema: 'app', key: 'id' });
    expect(await logged('update app.parts set part = id')).toEqual(['parts', 'parts:1', 'parts:2']);
    await pool().query('insert into app.parts values (3, 1)');
    expect(await logged('update app.parts set part = 2 where id = 3')).toEqual(['parts', 'parts:3']);
  });

  it('tables that inherit', async () => {
    await pool().query(
      'create table app.admins (level int) inherits (app.users); insert into app.admins (id, level) values (100, 1)',
    );
    await watch({ table: 'users', schema: 'app' });
    expect(await logged('update app.users set name = null where id > 4')).toEqual(['users', 'users:100', 'users:5']);
    expect(await logged('update app.admins set level = 2')).toEqual(['users', 'users:100']);
    // The one below can be watched on its own account as well, and left alone again.
    await watch({ table: 'admins', schema: 'app', key: ['id'] });
    expect(await logged('delete from app.admins')).toEqual(['admins', 'admins:100', 'users', 'users:100']);
    await unwatchTable(pool(), { table: 'admins', schema: 'app', cache: testNames() });
    expect(await logged('insert into app.admins (id) values (101)')).toEqual(['users', 'users:101']);
  });
});

describe('options', () => {
  it('tags of other columns: of old and new values; none where the column is null, or the default given', async () => {
    const tags = ['tenant:{tenant_id}:users', 'seen by {tenant_id=nobody}', 'everything'];
    await watch({ table: 'users', schema: 'app', tags });
    expect(await logged('update app.users set tenant_id = 7 where id in (1, 3)')).toEqual([
      ...['everything', 'seen by 1', 'seen by 7', 'tenant:1:users', 'tenant:7:users', 'users', 'users:1', 'users:3'],
    ]);
    expect(await logged('insert into app.users values (9)')).toEqual([
      'everything',
      'seen by nobody',
      'users',
      'users:9',
    ]);
  });

  it('tags that are one and the same for a row: once', async () => {
    await watch({ table: 'users', schema: 'app', tags: ['users:{tenant_id}', 'users'] });
    expect(await logged('update app.users set name = null where id = 1')).toEqual(['users', 'users:1']);
    expect(await logged('update app.users set tenant_id = null where id = 1')).toEqual(['users', 'users:1']);
    expect(await logged('update app.users set name = null where id = 1')).toEqual(['users', 'users:1']);
    expect(await logged('update app.users set tenant_id = 2 where id = 1')).toEqual(['users', 'users:1', 'users:2']);
  });

  it('ignored columns: only rows in which another column changed', async () => {
    await watch({ table: 'users', schema: 'app', ignore: ['last_seen_at'] });
    expect(await logged('update app.users set last_seen_at = now()')).toEqual([]);
    const change = "update app.users set last_seen_at = now(), name = case when id = 2 then 'new' else name end";
    expect(await logged(change)).toEqual(['users', 'users:2']);
    expect(await logged('update app.users set id = id + 10 where id = 1')).toEqual(['users', 'users:1', 'users:11']);
    // A column that is not known yet counts.
    await pool().query('alter table app.users add column extra text');
    expect(await logged("update app.users set extra = 'x' where id = 2")).toEqual(['users', 'users:2']);
  });

  it('namespaces: each is told, no other', async () => {
    await watch({ table: 'users', schema: 'app', namespaces: ['a', '', 'a'] });
    expect(await logged('delete from app.users where id = 1')).toEqual(['[a]users', '[a]users:1', 'users', 'users:1']);
  });

  it('watching again in the same way does nothing, in another way replaces it', async () => {
    const options = { table: 'users', schema: 'app' };
    expect(await watch(options)).toEqual({
      tags: ['users', 'users:{id}'],
      tables: ['app.users'],
      outcome: 'installed',
    });
    expect(await watch(options)).toMatchObject({ outcome: 'unchanged' });
    expect(await watch({ ...options, key: 'name' })).toMatchObject({ outcome: 'installed' });
    expect(await logged('delete from app.users where id = 1')).toEqual(['users', 'users:user 1']);
    await pool().query('alter table app.users disable trigger user');
    expect(await watch({ ...options, key: 'name' })).toMatchObject({ outcome: 'installed' });
    expect(await logged('delete from app.users where id = 2')).toEqual(['users', 'users:user 2']);
  });

  it('unwatching removes everything, after the table was renamed as well', async () => {
    await watch({ table: 'users', schema: 'app' });
    await pool().query('alter table app.users rename to people');
    expect(await logged('delete from app.people where id = 1')).toEqual(['users', 'users:1']);
    const script = await unwatchTableSql(pool(), { table: 'people', schema: 'app', cache: testNames() });
    await pool().query(script);
    expect(await logged('delete from app.people')).toEqual([]);
    const { rows } = await pool().query(
      "select from pg_proc as p where obj_description(p.oid) = 'Keepsake: watches app.users'",
    );
    expect(rows).toEqual([]);
    const again = unwatchTable(pool(), { table: 'people', schema: 'app', cache: testNames() });
    await expect(again).rejects.toThrow(/`table` to be a table that is watched/);
  });

  it('in a migration of Kysely, in its transaction; as a function; as SQL for psql', async () => {
    const own = new pg.Pool({ connectionString: database.url, max: 1 });
    const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool: own }) });
    onTestFinished(() => db.destroy());
    const options = { table: 'users', schema: 'app', cache: testNames() };
    const undone = db.transaction().execute(async (trx) => {
      await watchTable(trx, options);
      await sql`delete from app.users where id = 1`.execute(trx);
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    expect(await logged('delete from app.users where id = 1')).toEqual([]);
    await watchTable(db, options);
    expect(await logged('delete from app.users where id = 2')).toEqual(['users', 'users:2']);
    await unwatchTable((text, params) => pool().query(text, params), options);
    const script = await watchTableSql(pool(), options);
    expect(script).toMatch(/^begin;\n.*\ncommit;\n$/s);
    await pool().query(script);
    expect(await logged('delete from app.users where id = 3')).toEqual(['users', 'users:3']);
    expect(await watchTableSql(pool(), options)).toBe('');
  });
});

it('a cached value with a ttl of days is loaded again exactly when its row has changed, whoever changed it', async () => {
  await watch({ table: 'users', schema: 'app' });
  const first = await openCache({ connection: database.url });
  const second = await openCache({ connection: database.url });
  const user = ({ cache }: typeof first, id: number): Promise<unknown> =>
    cache.getOrSet(
      `user:${id}`,
      async () => (await pool().query('select name from app.users where id = $1', [id])).rows[0]?.name,
      {
        ttl: '30d',
        tags: [`users:${id}`],
      },
    );
  for (const one of [first, second]) expect([await user(one, 1), await user(one, 2)]).toEqual(['user 1', 'user 2']);
  await pool().query("update app.users set name = 'new' where id = 1");
  for (const one of [first, second]) await eventually(async () => expect(await user(one, 1)).toBe('new'));
  expect(await user(first, 2)).toBe('user 2');
  expect(first.cache.stats().loads + second.cache.stats().loads).toBe(3);
});
