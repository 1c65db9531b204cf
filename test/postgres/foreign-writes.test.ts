/** Tables that are shared with other programs: adopted ones, and ours with `foreignWrites`. Their statements against our rows and the other way round. */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { CacheOptions } from '../../src/cache-options.js';
import { createDatabase } from '../support/database.js';
import { eventually, HeldLoader, type OpenCache, openCache } from './cache-fixture.js';
import { connect, failureOf, makeStore } from './fixture.js';
import { dotnet, type ForeignProgram, python } from './foreign-programs.js';

const PUBLIC = { schema: 'public', prefix: '' };

async function freshDatabase(): Promise<{ url: string; client: pg.Client }> {
  const database = await createDatabase();
  onTestFinished(() => database.drop());
  const client = await connect(database.url);
  await client.query("set timezone to 'America/New_York'");
  return { url: database.url, client };
}

/** A cache whose values are bytes, over the table of another program; `key` is one of nobody else's. */
const open = (url: string, options: CacheOptions = {}): Promise<OpenCache> =>
  openCache({ connection: url, ...PUBLIC, codec: 'raw', ...options });

const textOf = (value: unknown): string | undefined => (value instanceof Buffer ? value.toString() : undefined);

async function get({ cache }: OpenCache, key: string): Promise<string | undefined> {
  return textOf(await cache.get(key));
}

const MAKERS = [
  ['.NET', dotnet],
  ['Python', python],
] as const satisfies readonly (readonly [string, (client: pg.Client, table: string) => ForeignProgram])[];

describe.each(MAKERS)('INVARIANT 30: a table that %s created first', (_, program) => {
  it('is adopted with its rows, and both read and write it from then on', async () => {
    const { url, client } = await freshDatabase();
    const other = program(client, 'cache');
    await other.createTable();
    await other.set('before', 'there', { absolute: 3600 });
    await other.set('sliding before', 'there', { sliding: 3600 });
    const [here, there] = [await open(url), await open(url)];

    // Rows from before.
    expect([await get(here, 'before'), await get(here, 'sliding before')]).toEqual(['there', 'there']);
    expect(await here.cache.ttl('before')).toBeLessThanOrEqual(3_600_000);
    expect(await other.get('before')).toBe('there');

    // Ours, read by them; with grace and sliding.
    await here.cache.set('ours', Buffer.from('one'), { sliding: '10m', ttl: '1h', grace: '1h' });
    expect(await other.get('ours')).toBe('one');
    const life = await here.cache.ttl('ours');
    expect(life).toBeGreaterThan(500_000);
    expect(life).toBeLessThanOrEqual(3_600_000);
    await here.cache.set('absolute', Buffer.from('one'), { ttl: '1h' });
    expect(await other.get('absolute')).toBe('one');

    // Theirs over ours: heard by every local tier.
    expect([await get(here, 'ours'), await get(there, 'ours')]).toEqual(['one', 'one']);
    await other.set('ours', 'two', { absolute: 600 });
    await eventually(async () => expect([await get(here, 'ours'), await get(there, 'ours')]).toEqual(['two', 'two']));
    expect(await here.cache.ttl('ours')).toBeLessThanOrEqual(600_000);

    // Ours over theirs.
    await there.cache.set('before', Buffer.from('ours now'), { ttl: '1h' });
    expect(await other.get('before')).toBe('ours now');

    // Theirs, read by us, renewed by both.
    await other.set('theirs', 'sliding', { sliding: 600 });
    expect(await get(here, 'theirs')).toBe('sliding');
    await client.query("update cache set expiresattime = now() + interval '1 minute' where id = 'theirs'");
    expect(await other.get('theirs')).toBe('sliding');
    expect(await there.cache.ttl('theirs')).toBeGreaterThan(500_000);
    await client.query("update cache set expiresattime = now() + interval '1 minute' where id = 'theirs'");
    expect(await there.cache.touch('theirs')).toBe(true);
    const { rows } = await client.query<{ left: number }>(
      "select extract(epoch from expiresattime - now())::float8 as left from cache where id = 'theirs'",
    );
    expect(rows[0]?.left).toBeGreaterThan(500);

    // Their deletes, heard.
    expect(await get(there, 'absolute')).toBe('one');
    await other.remove('absolute');
    await eventually(async () => expect(await get(there, 'absolute')).toBeUndefined());
    await here.cache.delete('theirs');
    expect(await other.get('theirs')).toBeUndefined();
  }, 30_000);

  it('sliding past the absolute end is cut off, whoever reads', async () => {
    const { url, client } = await freshDatabase();
    const other = program(client, 'cache');
    await other.createTable();
    const here = await open(url);
    await other.set('k', 'v', { sliding: 3600, absolute: 60 });
    expect(await here.cache.ttl('k')).toBeLessThanOrEqual(60_000);
    expect(await other.get('k')).toBe('v');
    expect(await here.cache.ttl('k')).toBeLessThanOrEqual(60_000);
    expect(await here.cache.touch('k')).toBe(true);
    expect(await here.cache.ttl('k')).toBeLessThanOrEqual(60_000);
  });

  it('their scan removes what has expired; what had grace is gone with it, and is told', async () => {
    const { url, client } = await freshDatabase();
    const other = program(client, 'cache');
    await other.createTable();
    const here = await open(url);
    const policy = { ttl: '1h', grace: '1h' };
    await here.cache.set('expired', Buffer.from('v'), policy);
    await here.cache.set('fresh', Buffer.from('v'), policy);
    await client.query("update cache set expiresattime = now() - interval '1 second' where id = 'expired'");
    await other.scan();
    const fail = (): Promise<never> => Promise.reject(new Error('down'));
    await eventually(async () => expect(await here.cache.has('expired')).toBe(false));
    await eventually(async () => {
      const error = await failureOf(here.cache.getOrSet('expired', fail, policy));
      expect(error).toMatchObject({ message: 'down' });
    });
    expect(await get(here, 'fresh')).toBe('v');
  });

  it('INVARIANT 7: a load that began before their write is not stored over it; nor before their delete', async () => {
    const { url, client } = await freshDatabase();
    const other = program(client, 'cache');
    await other.createTable();
    const [here, there] = [await open(url), await open(url)];
    for (const [key, act, expected] of [
      ['written', () => other.set('written', 'theirs', { absolute: 600 }), 'theirs'],
      ['deleted', () => other.remove('deleted'), undefined],
    ] as const) {
      await here.cache.set(key, Buffer.from('old'), { ttl: '1h' });
      await client.query('update cache set expiresattime = now(), stale_until = null where id = $1', [key]);
      const loader = new HeldLoader<Buffer>();
      const loading = there.cache.getOrSet(key, loader.load);
      await loader.began;
      await act();
      loader.answer(Buffer.from('stale load'));
      await loading;
      await eventually(async () => expect(await get(here, key)).toBe(expected));
      expect(await get(there, key)).toBe(expected);
    }
  });

  it('keys longer than 449 bytes end in a hash, and stay apart', async () => {
    const { url, client } = await freshDatabase();
    await program(client, 'cache').createTable();
    const here = await open(url);
    const keys = ['x'.repeat(449), 'x'.repeat(450), `${'x'.repeat(450)}y`, 'é'.repeat(300), '🐘'.repeat(200)];
    for (const key of keys) await here.cache.set(key, Buffer.from(key));
    const other = await open(url);
    for (const key of keys) expect(await get(other, key)).toBe(key);
    const { rows } = await client.query<{ most: number }>('select max(octet_length(id)) as most from cache');
    expect(rows[0]?.most).toBeLessThanOrEqual(449);
    await here.cache.delete(keys[2] ?? '');
    expect(await here.cache.has(keys[2] ?? '')).toBe(false);
    expect(await here.cache.has(keys[1] ?? '')).toBe(true);
    expect(await here.cache.incr('counter')).toBe(1);
  });
});

describe('tags of shared tables', () => {
  it('Python’s tags are tags to us, and ours to Python', async () => {
    const { url, client } = await freshDatabase();
    const other = python(client, 'cache');
    await other.createTable();
    const here = await open(url);
    await other.set('theirs', 'v', { absolute: 600, tags: ['products', 'books'] });
    expect(await get(here, 'theirs')).toBe('v');
    await here.cache.invalidateTags(['books']);
    expect(await get(here, 'theirs')).toBeUndefined();
    await here.cache.set('ours', Buffer.from('v'), { ttl: '1h', tags: ['products'] });
    expect(await get(here, 'ours')).toBe('v');
    await other.deleteTags(['products']);
    await eventually(async () => expect(await get(here, 'ours')).toBeUndefined());
  });

  it('a write by .NET takes our tags away, and leaves those of a column that is Python’s', async () => {
    for (const [maker, left] of [
      [dotnet, null],
      [python, ['products']],
    ] as const) {
      const { url, client } = await freshDatabase();
      await maker(client, 'cache').createTable();
      const here = await open(url);
      await here.cache.set('k', Buffer.from('ours'), { ttl: '1h', tags: ['products'] });
      await dotnet(client, 'cache').set('k', 'theirs', { absolute: 600 });
      const { rows } = await client.query('select tags, encoding, grace_ms, load_ms from cache');
      expect(rows).toEqual([{ tags: left, encoding: null, grace_ms: 0, load_ms: null }]);
    }
  });

  it('Python’s counters and ours are the same ones', async () => {
    const { url, client } = await freshDatabase();
    const other = python(client, 'cache');
    await other.createTable();
    const here = await open(url);
    expect(await other.increment('n')).toBe(1);
    expect(await here.cache.incr('n', { by: 10 })).toBe(11);
    expect(await other.increment('n')).toBe(12);
    expect(await here.cache.incr('n')).toBe(13);
    expect(await here.cache.get('n')).toBe(13);
    await here.cache.delete('n');
    expect(await other.increment('n')).toBe(1);
  });
});

describe('foreignWrites on a table of ours', () => {
  it('is switched on at any time, and then psql is heard: writes, deletes, truncate', async () => {
    const { url, client } = await freshDatabase();
    const before = await open(url);
    await before.cache.set('k', Buffer.from('one'));
    await before.cache.close();
    const all = await Promise.all(Array.from({ length: 4 }, () => open(url, { foreignWrites: true })));
    const [here] = all;
    if (here === undefined) throw new Error('Four caches were opened');
    expect(await get(here, 'k')).toBe('one');
    await client.query("update cache set value = 'two' where id = 'k'");
    await eventually(async () => expect(await get(here, 'k')).toBe('two'));
    await client.query("delete from cache where id = 'k'");
    await eventually(async () => expect(await get(here, 'k')).toBeUndefined());
    await here.cache.set('k', Buffer.from('three'));
    expect(await get(here, 'k')).toBe('three');
    await client.query('truncate cache');
    await eventually(async () => expect(await get(here, 'k')).toBeUndefined());
  });

  it('what is rolled back was never heard; our own writes, touches and sweeps are not heard at all', async () => {
    const { url, client } = await freshDatabase();
    const here = await open(url, { foreignWrites: true, sweep: false });
    const logged = async (): Promise<number> =>
      Number((await client.query<{ n: string }>('select count(*) as n from cache_invalidations')).rows[0]?.n);
    await here.cache.set('k', Buffer.from('one'), { sliding: '10m', ttl: '1h' });
    await here.cache.getOrSet('loaded', () => Buffer.from('v'), { ttl: '1h' });
    await here.cache.set('k', Buffer.from('two'), { sliding: '10m', ttl: '1h' });
    await here.cache.touch('k');
    await here.cache.incr('n');
    await here.cache.incr('n');
    await client.query("update cache set expiresattime = now(), stale_until = now() where id = 'loaded'");
    expect(await here.cache.sweep()).toMatchObject({ outcome: 'finished', removed: 1 });
    expect(await logged()).toBe(0);
    await client.query("begin; update cache set value = 'x' where id = 'k'; rollback");
    expect(await logged()).toBe(0);
    expect(await get(here, 'k')).toBe('two');
    await here.cache.delete('k');
    expect(await logged()).toBe(1);
  });

  it('their role needs rights on the entries only, and `migrate: false` says what is missing', async () => {
    const { url, client } = await freshDatabase();
    await (await open(url)).cache.close();
    const missing = await failureOf(
      makeStore({ connection: url, ...PUBLIC, foreignWrites: true, migrate: false }).open(),
    );
    expect(missing).toMatchObject({ code: 'MISSING_SCHEMA', message: expect.stringContaining('triggers') });
    const here = await open(url, { foreignWrites: true });
    const role = `foreign_${randomUUID().slice(0, 8)}`;
    await client.query(`create role ${role}; grant select, insert, update, delete on cache to ${role}`);
    onTestFinished(async () => {
      const last = new pg.Client({ connectionString: url });
      await last.connect();
      await last.query(`drop owned by ${role}; drop role ${role}`);
      await last.end();
    });
    await here.cache.set('k', Buffer.from('one'));
    expect(await get(here, 'k')).toBe('one');
    await client.query(`set role ${role}`);
    const other = dotnet(client, 'public.cache');
    await other.set('k', 'two', { absolute: 600 });
    await eventually(async () => expect(await get(here, 'k')).toBe('two'));
    await other.remove('k');
    await eventually(async () => expect(await get(here, 'k')).toBeUndefined());
    await client.query('reset role');
  });
});

describe('INVARIANT 30: tables that cannot be adopted are refused, with what is wrong, and left untouched', () => {
  const COLUMNS =
    'value bytea not null, expiresattime timestamptz not null, slidingexpirationinseconds bigint, absoluteexpiration timestamptz';

  it.each([
    [`id varchar(200) collate "C" primary key, ${COLUMNS}`, '`id` is character varying(200) instead of'],
    [`id varchar(449) primary key, ${COLUMNS}`, '`id` has the collation `default` instead of `C`'],
    [`id varchar(449) collate "C", ${COLUMNS}`, '`id` is no primary key'],
    [`id varchar(449) collate "C" primary key, ${COLUMNS}, tags jsonb`, '`tags` is jsonb instead of text[]'],
    [`id varchar(449) collate "C" primary key, ${COLUMNS}, owner text not null`, '`owner` is a column that neither'],
    [
      `id varchar(449) collate "C" primary key, ${COLUMNS.replace('expiresattime timestamptz', 'expiresattime timestamp')}`,
      '`expiresattime` is timestamp without time zone instead of timestamp with time zone',
    ],
  ])('%s', async (columns, difference) => {
    const { url, client } = await freshDatabase();
    await client.query(`create table cache (${columns})`);
    const error = await failureOf(makeStore({ connection: url, ...PUBLIC }).open());
    expect(error).toMatchObject({ code: 'FOREIGN_TABLE', message: expect.stringContaining(difference) });
    const { rows } = await client.query("select relname from pg_class where relname like 'cache@_%' escape '@'");
    expect(rows.filter(({ relname }) => relname !== 'cache_pkey')).toEqual([]);
  });
});
