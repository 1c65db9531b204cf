/** The command line against real databases: healthy ones, and ones that lack something. */
import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runCommandLine } from '../../src/cli/command-line.js';
import { createDatabase, type TestDatabase, testNames, useDatabase } from '../support/database.js';
import { HAS_PGBOUNCER, usePgBouncer } from '../support/pgbouncer.js';
import { useProxy } from '../support/proxy.js';
import { connect, openStore, table } from './fixture.js';

const database = useDatabase();
const { schema, prefix } = testNames();
const NAMES = ['--schema', schema, '--prefix', prefix];

async function keepsake(
  args: readonly string[],
  url?: string,
): Promise<{ readonly status: number; readonly lines: string[] }> {
  const lines: string[] = [];
  const print = (text: string): void => void lines.push(...text.split('\n'));
  const env = { DATABASE_URL: url };
  const status = await runCommandLine([...args, ...NAMES], { env, print, printError: print });
  return { status, lines };
}

/** The doctor's lines by their check. */
async function doctor(
  url: string,
  ...args: string[]
): Promise<{ status: number; of: (check: string) => string; all: string }> {
  const { status, lines } = await keepsake(['doctor', ...args], url);
  const of = (check: string): string => lines.find((line) => line.slice(7).startsWith(`${check} `)) ?? '';
  return { status, of, all: lines.join('\n') };
}

async function freshDatabase(): Promise<TestDatabase> {
  const fresh = await createDatabase();
  onTestFinished(() => fresh.drop());
  return fresh;
}

/** A login without any right, dropped after the test. */
async function useRole(url: string, name: string): Promise<{ readonly role: string; readonly url: string }> {
  const client = await connect(url);
  const role = `${name}_${new URL(url).pathname.slice(1)}`;
  await client.query(`create role "${role}" login password 'hunter2'`);
  onTestFinished(async () => {
    const last = new pg.Client({ connectionString: url });
    await last.connect();
    await last.query(`drop owned by "${role}"; drop role "${role}"`);
    await last.end();
  });
  const own = new URL(url);
  own.username = role;
  own.password = 'hunter2';
  return { role, url: own.href };
}

describe('keepsake migrate', () => {
  it('makes the tables, says what it applied, and finds nothing to do the second time', async () => {
    const { url } = await freshDatabase();
    const first = await keepsake(['migrate'], url);
    expect(first.status).toBe(0);
    expect(first.lines[0]).toBe('applied  0001_entries_and_invalidations');
    expect(await keepsake(['migrate'], url)).toEqual({
      status: 0,
      lines: ['Nothing to do: every migration was applied.'],
    });
    expect((await doctor(url)).of('schema')).toContain('no drift');
  });

  it('--sql prints what makes the same schema, and then that nothing is left', async () => {
    const { url } = await freshDatabase();
    const { status, lines } = await keepsake(['migrate', '--sql'], url);
    expect(status).toBe(0);
    const client = await connect(url);
    expect((await client.query("select from pg_class where relname like '%cache%'")).rowCount).toBe(0);
    await client.query(lines.join('\n'));
    const after = await doctor(url);
    expect(after.of('schema')).toMatch(/^ok .* no drift$/);
    expect((await keepsake(['migrate', '--sql'], url)).lines).toEqual([
      '-- Nothing to do: every migration was applied.',
    ]);
    // What was printed counts as applied, for whoever opens a cache later.
    await openStore({ connection: url, migrate: false });
  });

  it("--sql adopts a table that .NET's cache has made, and the doctor has nothing against its types", async () => {
    const { url } = await freshDatabase();
    const client = await connect(url);
    await client.query(`create schema if not exists ${pg.escapeIdentifier(schema)};
      create table ${table()} (id varchar(449) collate "C" not null primary key, value bytea not null, expiresattime timestamptz not null,
        slidingexpirationinseconds bigint, absoluteexpiration timestamptz)`);
    const { lines } = await keepsake(['migrate', '--sql'], url);
    expect(lines[0]).toBe('begin;');
    await client.query(lines.join('\n'));
    const { of, status } = await doctor(url);
    expect(of('schema')).toMatch(/^ok .* no drift$/);
    expect(status).toBe(0);
    await openStore({ connection: url, migrate: false });
  });

  it('a table of others: an error with its code, and status 1', async () => {
    const { url } = await freshDatabase();
    const client = await connect(url);
    await client.query(`create schema if not exists ${pg.escapeIdentifier(schema)}; create table ${table()} (id int)`);
    const { status, lines } = await keepsake(['migrate'], url);
    expect(status).toBe(1);
    expect(lines.join()).toContain('(FOREIGN_TABLE)');
  });
});

describe('keepsake doctor', () => {
  it('a healthy database: a line for each check, nothing wrong, status 0', async () => {
    await openStore({ connection: database.url });
    const { status, all } = await doctor(database.url);
    const checks = all.split('\n').map((line) => line.split(/\s+/).slice(0, 2).join(' '));
    expect(checks).toEqual([
      'ok versions',
      'ok connection',
      'ok server',
      'ok pooler',
      'ok schema',
      'ok rights',
      'ok listen',
      'Nothing is',
    ]);
    expect(status).toBe(0);
    expect(all).not.toContain(new URL(database.url).password);
  });

  it('a wrong password: says so, says how to mend it, does not show it, status 1', async () => {
    const { role, url } = await useRole(database.url, 'login');
    const wrong = new URL(url);
    wrong.password = 'correcthorse';
    // A server that asks for no password still refuses an unknown role.
    const client = await connect(database.url);
    const { rows } = await client.query<{ trust: boolean }>(
      "select bool_or(auth_method = 'trust') as trust from pg_hba_file_rules where type = 'host'",
    );
    if (rows[0]?.trust === true) wrong.username = 'nobody_of_that_name';
    const { status, of, all } = await doctor(wrong.href);
    expect(status).toBe(1);
    expect(of('connection')).toMatch(/^wrong .*(28P01|28000).* -> correct the user and the password/);
    expect(all).not.toContain('correcthorse');
    expect(all).toContain(rows[0]?.trust === true ? 'nobody_of_that_name' : role);
    expect(of('server')).toBe('');
  });

  it('nobody listens, or the database does not exist', async () => {
    const proxy = await useProxy(database.url);
    await proxy.behave('refuse');
    expect((await doctor(proxy.url(database.url))).of('connection')).toMatch(/ECONNREFUSED.* -> start PostgreSQL/);
    const missing = new URL(database.url);
    missing.pathname = '/no_such_database';
    expect((await doctor(missing.href)).of('connection')).toContain('-> create database "no_such_database"');
  });

  it('missing rights: names them, and the statements that mend them do', async () => {
    await openStore({ connection: database.url });
    const { role, url } = await useRole(database.url, 'reader');
    const client = await connect(database.url);
    await client.query(
      `grant usage on schema ${pg.escapeIdentifier(schema)} to "${role}"; grant select on all tables in schema ${pg.escapeIdentifier(schema)} to "${role}"`,
    );
    const before = await doctor(url);
    expect(before.status).toBe(1);
    expect(before.of('rights')).toContain(`the role lacks insert on ${schema}.${prefix}cache`);
    expect(before.of('schema')).toMatch(/^ok/);
    await client.query(before.of('rights').split(' -> ')[1] ?? '');
    expect((await doctor(url)).status).toBe(0);
  });

  it('no rights at all: the tables cannot be judged, and the statements that mend it do', async () => {
    await openStore({ connection: database.url });
    const { url } = await useRole(database.url, 'stranger');
    const before = await doctor(url);
    expect(before.of('schema')).toMatch(/^wrong/);
    const client = await connect(database.url);
    await client.query(before.of('rights').split(' -> ')[1] ?? '');
    expect((await doctor(url)).status).toBe(0);
  });

  it('no tables yet: a note for a role that may create them, wrong for one that may not', async () => {
    const { url } = await freshDatabase();
    const owner = await doctor(url);
    expect(owner.of('schema')).toMatch(/^note .*does not exist yet -> keepsake migrate/);
    expect(owner.status).toBe(0);
    const client = await connect(url);
    await client.query(
      `create schema if not exists ${pg.escapeIdentifier(schema)}; revoke create on schema public from public;
        grant usage on schema ${pg.escapeIdentifier(schema)} to public`,
    );
    const other = await useRole(url, 'guest');
    const guest = await doctor(other.url);
    expect(guest.of('schema')).toMatch(/^wrong .*may not create tables -> keepsake migrate --sql/);
    expect(guest.status).toBe(1);
  });

  it('drift: a missing column, a changed type, a dropped index, an unlogged log', async () => {
    const { url } = await freshDatabase();
    await openStore({ connection: url });
    const client = await connect(url);
    const name = (suffix: string): string => `${prefix}cache${suffix}`;
    await client.query(`alter table ${table('_leases')} drop column holder;
      alter table ${table('_meta')} alter column load_deadline_ms type int;
      drop index ${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(name('_invalidations_xid_idx'))};
      alter table ${table('_invalidations')} set unlogged;
      alter table ${table()} add column ours int`);
    const { status, of } = await doctor(url);
    expect(status).toBe(1);
    const drift = of('schema');
    for (const part of [
      `${name('_leases')}: column holder is missing`,
      `${name('_meta')}: column load_deadline_ms is integer not null instead of double precision not null`,
      `${name('_invalidations')}: the plain index on (xid) is missing or invalid`,
      `${name('_invalidations')}: is unlogged instead of logged`,
    ])
      expect(drift).toContain(part);
    expect(drift).not.toContain('ours');
  });
});

describe.skipIf(!HAS_PGBOUNCER)('keepsake doctor behind a pooler (needs pgbouncer)', () => {
  const transaction = usePgBouncer(database, { mode: 'transaction', poolSize: 3 });
  const session = usePgBouncer(database, { mode: 'session', poolSize: 5 });

  it('in transaction mode: found, with what to do about it; nothing is heard', async () => {
    const { status, of } = await doctor(transaction.url);
    expect(of('pooler')).toMatch(/^note .*transaction mode.* -> give a direct URL as `listenConnection`/);
    expect(of('listen')).toMatch(/^wrong .*did not arrive.* -> give a direct URL as `listenConnection`/);
    expect(status).toBe(1);
  });

  it('in transaction mode with a direct connection to listen on: nothing is wrong', async () => {
    await openStore({ connection: database.url });
    const { status, of } = await doctor(transaction.url, '--listen-connection', database.url);
    expect(of('pooler')).toMatch(/^note .*transaction mode/);
    expect(of('listen')).toMatch(/^ok /);
    expect(status).toBe(0);
  });

  it('in session mode: found, and nothing is wrong', async () => {
    await openStore({ connection: database.url });
    const { status, of } = await doctor(session.url);
    expect(of('pooler')).toMatch(/^ok .*a pooler, which seems to keep sessions apart/);
    expect(of('listen')).toMatch(/^ok /);
    expect(status).toBe(0);
  });
});

describe('keepsake watch, keepsake unwatch', () => {
  it('watches with everything that watchTable takes, does nothing the second time, and stops', async () => {
    const { url } = await freshDatabase();
    const client = await connect(url);
    await client.query(
      'create schema app; create table app.lines (a int, b int, tenant int, note text, primary key (a, b))',
    );
    expect((await keepsake(['watch', 'app.lines'], url)).lines[0]).toMatch(/keepsake migrate.*MISSING_SCHEMA/);
    await keepsake(['migrate'], url);
    const args = [
      'watch',
      'app.lines',
      '--key',
      'b',
      '--key',
      'a',
      '--tag',
      'x:{tenant}',
      '--tag',
      'y',
      '--ignore',
      'note',
    ];
    const spaces = ['--namespace', 'one', '--namespace', 'two'];
    const printed = await keepsake([...args, ...spaces, '--sql'], url);
    expect(printed.lines[0]).toBe('begin;');
    expect(await keepsake([...args, ...spaces], url)).toEqual({
      status: 0,
      lines: ['watched  app.lines', 'tags     lines, lines:{b}:{a}, x:{tenant}, y'],
    });
    expect((await keepsake([...args, ...spaces], url)).lines[0]).toMatch(/^Nothing to do/);
    await client.query('insert into app.lines values (1, 2, 3)');
    const { rows } = await client.query(
      `select name from ${table('_invalidations')} where name like 't|%' order by name`,
    );
    const names = ['lines', 'lines:2:1', 'x:3', 'y'];
    expect(rows.map(({ name }) => name)).toEqual(
      ['one', 'two'].flatMap((space) => names.map((name) => `t|[${space}]${name}`)),
    );
    const { lines } = await keepsake(['unwatch', 'lines', '--table-schema', 'app', '--sql'], url);
    await client.query(lines.join('\n'));
    expect(await keepsake(['unwatch', 'app.lines'], url)).toMatchObject({ status: 1 });
  });
});
