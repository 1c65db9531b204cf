/** Migrations: many processes at once, any names, tables of others, and what the schema looks like in the end. */
import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ConfigurationError } from '../../src/errors.js';
import { COUNTER_BOUNDS } from '../../src/kernel/counter.js';
import { readCatalog, type TableRole, type TableShape } from '../../src/postgres/diagnosis/catalog.js';
import { runOn } from '../../src/postgres/executor.js';
import { MIGRATION_NAMES } from '../../src/postgres/migrate.js';
import { tableNames } from '../../src/postgres/names.js';
import { createDatabase, type TestDatabase } from '../support/database.js';
import { bodyOf, connect, failureOf, makeStore, openStore, table, write } from './fixture.js';

async function freshDatabase(): Promise<TestDatabase> {
  const database = await createDatabase();
  onTestFinished(() => database.drop());
  return database;
}

const PUBLIC = { schema: 'public', prefix: '' };

describe('migrations', () => {
  it('INVARIANT 30: 8 at once, into a schema that does not exist: all succeed, everything is made once', async () => {
    const { url } = await freshDatabase();
    const names = { schema: 'new schema', prefix: 'p_' };
    const stores = Array.from({ length: 8 }, () => makeStore({ connection: url, ...names, poolSize: 1 }));
    await Promise.all(stores.map((store) => store.open()));
    const incarnations = await Promise.all(stores.map(async (store) => (await store.read('x')).token.incarnation));
    expect(new Set(incarnations).size).toBe(1);
    const client = await connect(url);
    const { rows } = await client.query('select name from "new schema".p_cache_migrations');
    expect(rows).toHaveLength(MIGRATION_NAMES.length);
  }, 30_000);

  it('INVARIANT 30: a schema, prefix and table that need quoting', async () => {
    const { url } = await freshDatabase();
    const odd = { schema: 'My "odd" Schema', prefix: "pre'fix ", table: 'select * from; Ünï' };
    const store = await openStore({ connection: url, ...odd });
    await store.set(write('id', { tags: ['tag'] }));
    expect(await bodyOf(store, 'id')).toBe('value');
    await store.invalidate(['t|tag'], 'delete');
    expect(await bodyOf(store, 'id')).toBeUndefined();
  });

  it('two caches in one schema, by prefix, know nothing of each other', async () => {
    const { url } = await freshDatabase();
    const one = await openStore({ connection: url, ...PUBLIC });
    const two = await openStore({ connection: url, ...PUBLIC, prefix: 'two_' });
    await one.set(write('id'));
    await two.invalidate(['k|id', 'n|*'], 'delete');
    expect([await bodyOf(one, 'id'), await bodyOf(two, 'id')]).toEqual(['value', undefined]);
  });

  it('the schema is the one that was reviewed', async () => {
    const { url } = await freshDatabase();
    await openStore({ connection: url, ...PUBLIC });
    const client = await connect(url);
    const lines = await describeSchema(client);
    await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot('__snapshots__/schema.txt');
  });

  it('the schema is the one `keepsake doctor` expects (a new one: vitest -u)', async () => {
    const { url } = await freshDatabase();
    await openStore({ connection: url, ...PUBLIC });
    const client = await connect(url);
    const catalog = await readCatalog(runOn(client), tableNames({ ...PUBLIC, table: 'cache' }));
    await expect(expectedSchemaSource(catalog)).toMatchFileSnapshot('../../src/postgres/diagnosis/expected-schema.ts');
  });

  it('logged entries are logged; what carries correctness is, whatever they are; the incarnation never', async () => {
    const { url } = await freshDatabase();
    await openStore({ connection: url, ...PUBLIC, prefix: 'logged_', durability: 'logged' });
    await openStore({ connection: url, ...PUBLIC, prefix: 'unlogged_' });
    const client = await connect(url);
    const { rows } = await client.query<{ relname: string; relpersistence: string }>(
      `select relname, relpersistence from pg_class where relkind = 'r' and relname like '%logged@_%' escape '@'`,
    );
    const persistence = Object.fromEntries(rows.map((row) => [row.relname, row.relpersistence]));
    expect(persistence).toMatchObject({
      logged_cache: 'p',
      unlogged_cache: 'u',
      logged_cache_boot: 'u',
      unlogged_cache_boot: 'u',
      logged_cache_invalidations: 'p',
      unlogged_cache_invalidations: 'p',
      unlogged_cache_meta: 'p',
      logged_cache_marks: 'u',
      unlogged_cache_marks: 'u',
    });
  });

  it('`migrate: false` makes nothing and says what is missing', async () => {
    const { url } = await freshDatabase();
    const error = await failureOf(makeStore({ connection: url, ...PUBLIC, migrate: false }).open());
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error).toMatchObject({ code: 'MISSING_SCHEMA', message: expect.stringContaining('public.cache') });
    const client = await connect(url);
    expect((await client.query("select from pg_class where relname like 'cache%'")).rowCount).toBe(0);
    await openStore({ connection: url, ...PUBLIC });
    await makeStore({ connection: url, ...PUBLIC, migrate: false }).open();
  });

  it('a schema of a later version, with migrations unknown here, is used as it is', async () => {
    const { url } = await freshDatabase();
    await openStore({ connection: url, ...PUBLIC });
    const client = await connect(url);
    await client.query(
      `insert into cache_migrations (name, timestamp) values ('9999_later', '2030-01-01T00:00:00.000Z')`,
    );
    await openStore({ connection: url, ...PUBLIC });
  });

  it('names that PostgreSQL would cut are refused', () => {
    expect(() => makeStore({ connection: 'postgres://x', ...PUBLIC, prefix: 'p'.repeat(40) })).toThrow(
      ConfigurationError,
    );
    expect(() => makeStore({ connection: 'postgres://x', schema: '', prefix: '' })).toThrow(/`schema`/);
  });
});

describe('tables of others', () => {
  it('INVARIANT 30: a table of the name with other columns is refused, named and left untouched', async () => {
    const { url } = await freshDatabase();
    const client = await connect(url);
    await client.query('create table cache (id int primary key, value text)');
    const error = await failureOf(makeStore({ connection: url, ...PUBLIC }).open());
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error).toMatchObject({ code: 'FOREIGN_TABLE' });
    expect((error as Error).message).toContain('`id` is integer instead of text');
    expect((error as Error).message).toContain('`snapshot` is missing');
    const { rows } = await client.query(
      `select attname from pg_attribute where attrelid = 'cache'::regclass and attnum > 0`,
    );
    expect(rows).toHaveLength(2);
    expect((await client.query("select from pg_class where relname like 'cache@_%' escape '@'")).rowCount).toBe(1); // its primary key
  });
});

describe('rights', () => {
  const asRole = (url: string, role: string) => {
    const own = new URL(url);
    own.username = role;
    own.password = 'secret';
    return own.href;
  };

  async function withRole(): Promise<{ url: string; client: pg.Client; role: string; roleUrl: string }> {
    const { url, name } = await freshDatabase();
    const client = await connect(url);
    const role = `role_${name}`;
    await client.query(`create role "${role}" login password 'secret'`);
    onTestFinished(async () => {
      const last = new pg.Client({ connectionString: url });
      await last.connect();
      await last.query(`drop owned by "${role}"; drop role "${role}"`);
      await last.end();
    });
    return { url, client, role, roleUrl: asRole(url, role) };
  }

  it('INVARIANT 30: a role with only the rights the docs list can do everything but migrate', async () => {
    const { url, client, role, roleUrl } = await withRole();
    await openStore({ connection: url, schema: 'cache_schema', prefix: '' });
    const at = (suffix: string) => table(suffix, { schema: 'cache_schema', prefix: '' });
    await client.query(`
      grant usage on schema cache_schema to "${role}";
      grant select, insert, update, delete on ${at('')}, ${at('_invalidations')}, ${at('_mass')}, ${at('_leases')}, ${at('_locks')}, ${at('_marks')} to "${role}";
      grant select, insert, delete on ${at('_boot')} to "${role}";
      grant select, update on ${at('_meta')} to "${role}";
      grant select on ${at('_migrations')}, ${at('_policies')} to "${role}"`);
    await client.query(`truncate ${at('_boot')}`); // as after a crash
    const store = await openStore({ connection: roleUrl, schema: 'cache_schema', prefix: '' });
    const { token } = await store.read('a');
    await store.fill(write('a'), token);
    await store.set({ ...write('b'), lifetimes: { ...write('b').lifetimes, sliding: 1000 } });
    await store.touch('b');
    await store.postpone('b', 1000, (await store.read('b')).token, 'load');
    expect((await store.delete('a')).existed).toBe(true);
    await store.invalidate(['t|x'], 'expire');
    expect(await store.counters?.increment('n', { by: 1n, ttl: 1000, ...COUNTER_BOUNDS })).toMatchObject({ value: 1n });
    expect(await store.locks?.acquire('lock', 'me', 1000)).toBeGreaterThan(0);
    expect(await store.locks?.acquire('lock', 'me', 1000)).toBeUndefined();
    expect(await store.locks?.release('lock', 'me')).toBe('released');
    expect(await store.locks?.acquire('lock', 'me', 1000)).toBeGreaterThan(1);
    expect(await store.sweep?.()).toMatchObject({ outcome: 'finished' });
  });

  it('a missing right is named', async () => {
    const { url, client, role, roleUrl } = await withRole();
    await openStore({ connection: url, schema: 'cache_schema', prefix: '' });
    await client.query(
      `grant usage on schema cache_schema to "${role}"; grant select on all tables in schema cache_schema to "${role}"`,
    );
    const error = await failureOf(makeStore({ connection: roleUrl, schema: 'cache_schema', prefix: '' }).open());
    expect(error).toMatchObject({
      code: 'MISSING_RIGHT',
      message: expect.stringContaining('insert on cache_schema.cache'),
    });
    expect(String(error)).not.toContain('secret');
  });

  it('a role that may not create tables says so when it should migrate', async () => {
    const { client, roleUrl } = await withRole();
    await client.query('create schema other');
    const error = await failureOf(makeStore({ connection: roleUrl, schema: 'other', prefix: '' }).open());
    expect(error).toMatchObject({ code: 'MISSING_RIGHT' });
  });
});

/** Tables, columns, constraints, indexes and storage options, as one would review them. */
async function describeSchema(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ line: string }>(`
    select c.relname || case c.relpersistence when 'u' then ' (unlogged)' else '' end
      || coalesce(' with ' || array_to_string(c.reloptions, ', '), '') || e'\\n'
      || (select string_agg('  ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
            || case when a.attnotnull then ' not null' else '' end
            || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')
            || coalesce(' collate ' || nullif(l.collname, 'default'), ''), e'\\n' order by a.attnum)
          from pg_attribute as a
          left join pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
          left join pg_collation as l on l.oid = a.attcollation
          where a.attrelid = c.oid and a.attnum > 0)
      || coalesce(e'\\n' || (select string_agg('  ' || k.conname || ' ' || pg_get_constraintdef(k.oid), e'\\n' order by k.conname)
          from pg_constraint as k where k.conrelid = c.oid and k.contype <> 'n'), '')
      || coalesce(e'\\n' || (select string_agg('  ' || pg_get_indexdef(i.indexrelid), e'\\n' order by i.indexrelid::regclass::text)
          from pg_index as i where i.indrelid = c.oid), '') as line
    from pg_class as c
    where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace
    order by c.relname`);
  return rows.map(({ line }) => line);
}

/** The file that holds the expectation, written as Biome would. */
function expectedSchemaSource(catalog: ReadonlyMap<TableRole, TableShape>): string {
  const quoted = (name: string): string => (/^\w+$/.test(name) ? name : `'${name}'`);
  const object = (name: string, shape: Readonly<Record<string, string>>): readonly string[] => [
    `    ${name}: {`,
    ...Object.entries(shape).map(([key, value]) => `      ${quoted(key)}: '${value}',`),
    '    },',
  ];
  const tables = [...catalog].toSorted(([one], [other]) => one.localeCompare(other));
  const lines = tables.flatMap(([role, { persistence, columns, indexes }]) => [
    `  ${role}: {`,
    `    persistence: '${persistence}',`,
    ...object('columns', columns),
    ...object('indexes', indexes),
    '  },',
  ]);
  return [
    '/** What our tables look like after every migration. Written by test/postgres/migrations.test.ts, from the database. */',
    "import type { TableRole, TableShape } from './catalog.js';",
    '',
    'export const EXPECTED_SCHEMA: Readonly<Record<TableRole, TableShape>> = {',
    ...lines,
    '};',
    '',
  ].join('\n');
}
