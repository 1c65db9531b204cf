/** Watched tables: what their names and values are made of, what is refused, and whose rights count. */
import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ConfigurationError } from '../../src/errors.js';
import { storedTag } from '../../src/kernel/names.js';
import { createTagBuilder } from '../../src/keys/key-builder.js';
import { unwatchTable, watchTable } from '../../src/watch-table.js';
import { testNames } from '../support/database.js';
import { connect, failureOf, table } from './fixture.js';
import { LOG, useWatchedDatabase } from './watched-fixture.js';

const { database, pool, watch, logged } = useWatchedDatabase();

describe('tags of rows are those of cached methods, byte for byte', () => {
  const long = 'long ünï '.repeat(90);
  const TEXTS = [
    ...[
      'plain',
      'a:b',
      '100%',
      '%3A',
      "o'clock",
      '"quoted"',
      'back\\slash',
      '[ns]x',
      '[',
      '(1)',
      '{id}',
      'new\nline',
      'tab\tbed',
    ],
    ...[
      '\u0001\u007f\u0080\u009f\u00a0',
      'ünïcode',
      '日本語',
      '😀 :😀',
      'a-b',
      ' ',
      '$1',
      '$keepsake$',
      '~',
      long,
      `${'x'.repeat(440)}😀é${'y'.repeat(90)}`,
    ],
    ...[
      `${'x'.repeat(445)}\ufffdß${'z'.repeat(99)}`,
      `head~${'0123456789abcdef'.repeat(4)}`,
      `~${'a'.repeat(64)}`,
      `${'é'.repeat(256)}`,
      'x'.repeat(510),
    ],
  ];
  const VALUES: Readonly<Record<string, readonly unknown[]>> = {
    integer: [0, 42, -7, 2147483647],
    smallint: [-3],
    bigint: [0n, 9223372036854775807n, -9223372036854775808n],
    'numeric(30,0)': [123456789012345678901234567890n],
    boolean: [true, false],
    uuid: ['0f8fad5b-d9cb-469f-a165-70867728950e'],
    date: ['2026-01-31', '0001-01-01', '9999-12-31'],
    timestamptz: [new Date(0), new Date('2026-03-29T01:30:00.123Z'), new Date('1969-12-31T23:59:59.999Z')],
    text: TEXTS,
    'varchar(2000)': ['a:b'],
  };
  /** Where a value stands: at the end, before a colon, before characters that occur in values or in escapes, before one beyond the BMP. */
  const TEMPLATES = [
    'x:{v}',
    '{v}%',
    '{v}',
    '{v}:y',
    'a {v}-b',
    'a {v}0',
    'a {v}T',
    '{v}a',
    '{v}u',
    '{v}A{w}',
    'a {v}😀',
    "it's {v}'s",
    '\\{v}\\',
    '[a]{v}',
    '{v}:{w}',
    '{{{v}}}',
  ];

  it.each(Object.entries(VALUES))('%s', async (type, values) => {
    await pool().query(`create table app."odd ""table'" (v ${type}, w text, n int primary key)`);
    const name = `odd "table'`;
    for (const namespaces of [[''], ['n s']]) {
      await watch({ table: name, schema: 'app', key: ['v', 'w'], tags: TEMPLATES, namespaces });
      const builder = createTagBuilder([`${name}:{v}:{w}`, ...TEMPLATES], {
        useCase: 'x',
        fn: undefined,
        params: ['v', 'w'],
      });
      for (const value of values) {
        const text = value instanceof Date ? value.toISOString() : String(value);
        const names = await logged(
          [`insert into app."odd ""table'" values ($1, 'w:', 1)`, [text]],
          `delete from app."odd ""table'"`,
        );
        const tags = [name, ...builder.build(undefined, [value, 'w:'])].map((tag) =>
          storedTag(namespaces[0] ?? '', tag),
        );
        expect(new Set(names)).toEqual(new Set(tags));
      }
    }
  });

  it('enums and domains; instants are cut to milliseconds; infinity', async () => {
    await pool().query(`create type app.mood as enum ('so:so'); create domain app.code as varchar(9) check (value <> '');
      create table app.things (a app.mood, b app.code, c timestamptz, d date, primary key (a, b, c))`);
    await watch({ table: 'things', schema: 'app', tags: ['day:{d}'] });
    expect(
      await logged("insert into app.things values ('so:so', 'x%', '2026-01-01 00:00:00.123999+00', 'infinity')"),
    ).toEqual([...['day:infinity', 'things', 'things:so%3Aso:x%25:2026-01-01T00%3A00%3A00.123Z']]);
  });
});

describe('names that try to be SQL', () => {
  const EVIL = `x"; drop table app.users; --'); drop table app.users; $keepsake$ \\ %1$s %s {`;

  it('tables, columns, schemas, tags, namespaces', async () => {
    const id = (name: string): string => pg.escapeIdentifier(name.slice(0, 60));
    const cut = EVIL.slice(0, 60);
    await pool().query(`drop schema if exists ${id(EVIL)} cascade; create schema ${id(EVIL)};
      create table ${id(EVIL)}.${id(EVIL)} (${id(EVIL)} text primary key, "other ' col" int)`);
    const tags = [`%1$s '); drop table app.users; -- $keepsake$ \\`, `%s'{v}'\\'; drop table app.users; --`];
    await pool().query(
      `alter table ${id(EVIL)}.${id(EVIL)} add column v text default $d$'); drop table app.users; --$d$`,
    );
    await watch({
      table: cut,
      schema: cut,
      tags,
      ignore: ["other ' col"],
      namespaces: [`'); drop table app.users; --`],
    });
    const names = await logged([`insert into ${id(EVIL)}.${id(EVIL)} values ($1)`, [EVIL]]);
    expect(names).toHaveLength(4);
    expect(await logged(`truncate ${id(EVIL)}.${id(EVIL)}`)).toEqual(names);
    expect((await pool().query('select from app.users')).rowCount).toBe(5);
    await unwatchTable(pool(), { table: cut, schema: cut, cache: testNames() });
    await pool().query(`drop schema ${id(EVIL)} cascade`);
  });
});

describe('bad input', () => {
  it.each([
    [{ table: 'userz' }, /`table` to be an existing table of the schema `app`, got `'userz'`/],
    [{ table: '' }, /`table` to be a name/],
    [{ key: 'ide' }, /`key` to be made of the table's columns \(did you mean `id`\?\)/],
    [{ key: [] }, /`key` to be an array/],
    [{ key: 5 }, /`key` to be an array/],
    [{ ignore: ['nmae'] }, /`ignore` .*did you mean `name`/],
    [{ tags: ['x:{nme}'] }, /`tags` .*did you mean `name`/],
    [{ tags: ['x:{name.first}'] }, /columns as placeholders/],
    [{ tags: ['x:{name:lower}'] }, /columns as placeholders/],
    [{ tags: ['{id}{name}'] }, /text between/],
    [{ namespaces: ['a]'] }, /`namespace`/],
    [{ namespaces: [] }, /`namespaces`/],
    [{ tag: ['x'] }, /no option `tag` of watchTable\(\), did you mean `tags`\?/],
    [{ key: 'price' }, /`price` to be a column of one of the types .*numeric\(10,2\)/],
    [{ key: 'at' }, /timestamp without time zone/],
  ])('%j', async (options, message) => {
    await pool().query('alter table app.users add column price numeric(10,2), add column at timestamp');
    const error = await failureOf(watch({ table: 'users', schema: 'app', ...(options as object) }));
    expect(error).toBeInstanceOf(ConfigurationError);
    expect((error as Error).message).toMatch(message);
  });

  it('what is no table, or has no primary key', async () => {
    await pool().query(
      `create view app.v as select 1 as id; create materialized view app.m as select 1 as id; create table app.nokey (id int)`,
    );
    await expect(watch({ table: 'v', schema: 'app' })).rejects.toThrow(/not a view: watch the tables/);
    await expect(watch({ table: 'm', schema: 'app' })).rejects.toThrow(/materialized view/);
    await expect(watch({ table: 'nokey', schema: 'app' })).rejects.toThrow(/`app.nokey` has no primary key/);
    await expect(watch({ table: 'nokey', schema: 'app', key: 'id', ignore: [] })).rejects.toThrow(
      /has no primary key, by which/,
    );
    expect(await watch({ table: 'nokey', schema: 'app', key: 'id' })).toMatchObject({ outcome: 'installed' });
    const { schema, prefix } = testNames();
    await expect(watch({ table: `${prefix}cache`, schema })).rejects.toThrow(/one of the cache itself/);
    await expect(watchTable({} as pg.Client, { table: 'users' })).rejects.toThrow(/`db` to be a Kysely instance/);
  });

  it('a database without the tables of the cache', async () => {
    const error = await failureOf(watchTable(pool(), { table: 'users', schema: 'app', cache: { table: 'nowhere' } }));
    expect(error).toMatchObject({ code: 'MISSING_SCHEMA', message: expect.stringContaining('keepsake migrate') });
  });
});

describe('roles', () => {
  it('a writer without rights on our tables, a row of any size, a table with row security', async () => {
    const role = `writer_${process.pid}`;
    await pool().query(`drop role if exists ${role}; create role ${role}; grant usage on schema app to ${role};
      grant select, insert, update, delete, truncate on app.users to ${role};
      alter table app.users enable row level security; create policy p on app.users using (true) with check (true)`);
    onTestFinished(async () => void (await pool().query(`drop owned by ${role}; drop role ${role}`)));
    await watch({ table: 'users', schema: 'app', tags: ['name:{name}'], ignore: ['last_seen_at'] });
    const client = await connect(database.url);
    await client.query(`truncate ${LOG}; set role ${role}`);
    const huge = 'h:'.repeat(1_000_000);
    await client.query('update app.users set name = $1 where id = 1', [huge]);
    await client.query('truncate app.users');
    const { rows } = await pool().query(`select distinct name from ${LOG} where name like 't|name:h%'`);
    expect(rows).toEqual([{ name: `t|${storedTag('', `name:${huge.replaceAll(':', '%3A')}`)}` }]);
  });

  it('whoever watches must own the table and may write to our schema; it is said what is missing', async () => {
    const role = `watcher_${process.pid}`;
    await pool().query(`drop role if exists ${role}; create role ${role}; grant usage on schema app to ${role}`);
    onTestFinished(async () => void (await pool().query(`drop owned by ${role} cascade; drop role ${role}`)));
    await pool().query('create table app.owned as select * from app.users; alter table app.owned add primary key (id)');
    const client = await connect(database.url);
    await client.query(`set role ${role}`);
    const options = { table: 'owned', schema: 'app', cache: testNames() };
    await expect(watchTable(client, options)).rejects.toMatchObject({
      code: 'MISSING_RIGHT',
      message: expect.stringMatching(/create on schema/),
    });
    const { schema } = testNames();
    await pool().query(
      `grant usage, create on schema ${pg.escapeIdentifier(schema)} to ${role}; grant select, insert, update on ${LOG} to ${role}`,
    );
    await expect(watchTable(client, options)).rejects.toThrow(/insert on .*_mass/);
    await pool().query(`grant insert on ${table('_mass')} to ${role}`);
    await expect(watchTable(client, options)).rejects.toThrow(/ownership of app.owned/);
    await pool().query(`grant create on schema app to ${role}; alter table app.owned owner to ${role}`);
    expect(await watchTable(client, options)).toMatchObject({ outcome: 'installed' });
    expect(await logged('delete from app.owned where id = 1')).toEqual(['owned', 'owned:1']);
    await unwatchTable(client, options);
  });
});
