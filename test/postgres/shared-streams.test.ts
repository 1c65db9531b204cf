/** Several caches of one process that would listen in the same way: one connection, one heartbeat, and each is told what it must be. */
import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { CacheOptions } from '../../src/cache-options.js';
import { createCache } from '../../src/configure.js';
import { createDatabase, testNames, useDatabase } from '../support/database.js';
import { useProxy } from '../support/proxy.js';
import { Recorder } from '../support/recorder.js';
import { connectApart, eventually, MIGRATED, type OpenCache, openCache, sources } from './cache-fixture.js';
import { table } from './fixture.js';

const database = useDatabase({ template: MIGRATED });

const LISTENERS =
  "select pid from pg_stat_activity where application_name = 'keepsake-listen' and datname = current_database()";

const open = (options: CacheOptions = {}): Promise<OpenCache> =>
  openCache({ connection: database.url, localLease: '1h', ...options });

/** The processes of the server that listen for this one. */
async function listeners(): Promise<readonly number[]> {
  const client = await connectApart(database.url);
  const { rows } = await client.query<{ pid: number }>(LISTENERS);
  await client.end();
  return rows.map(({ pid }) => pid);
}

/** Gives both the same value, and waits until both have it in their local tier. */
async function warm(caches: readonly OpenCache[], key: string): Promise<void> {
  for (const each of caches) {
    await each.cache.getOrSet(key, async () => 'old', { tags: [key] });
    await eventually(async () => {
      await each.cache.get(key);
      expect(sources(each).at(-1)).toBe('local');
    });
  }
}

/** Deletes `key` in the log, as a program that notifies nobody, and waits until each of the caches knows. */
async function invalidateElsewhere(caches: readonly OpenCache[], key: string): Promise<void> {
  const client = await connectApart(database.url);
  await client.query(`insert into ${table('_invalidations')} (name, kind) values ($1, 'delete')`, [`t|${key}`]);
  for (const { cache } of caches) await eventually(async () => expect(await cache.get(key)).toBeUndefined());
}

describe('caches that listen in the same way', () => {
  it('INVARIANT 4: share one connection, and each hears; in other namespaces too', async () => {
    const [one, two] = [await open(), await open()];
    const other = await open({ namespace: 'other', localLease: '2h' });
    expect(await listeners()).toHaveLength(1);
    await warm([one, two, other], 'k');
    await invalidateElsewhere([one, two], 'k');
    expect(await other.cache.get('k')).toBe('old');
    expect(sources(other).at(-1)).toBe('local');
    await one.cache.set('set', 'old');
    await warm([two], 'set');
    await one.cache.set('set', 'new');
    await eventually(async () => expect(await two.cache.get('set')).toBe('new'));
  });

  it('INVARIANT 2, 3: when its connection is killed both give up what they hold, and hear again', async () => {
    const both = [await open(), await open()];
    await warm(both, 'kept');
    const gaps = both.map(({ cache }) => cache.stats().stream?.gaps ?? 0);
    const [pid] = await listeners();
    const client = await connectApart(database.url);
    await client.query('select pg_terminate_backend($1)', [pid]);
    await eventually(() =>
      expect(both.map(({ cache }) => cache.stats().stream?.gaps)).toEqual(gaps.map((count) => count + 1)),
    );
    for (const each of both) {
      await each.cache.get('kept');
      expect(sources(each).at(-1)).toBe('shared');
    }
    expect(await listeners()).toHaveLength(1);
    await warm(both, 'again');
    await invalidateElsewhere(both, 'again');
  });

  it('one closes and the other still hears; the last to close closes it', async () => {
    const [one, two] = [await open(), await open()];
    await warm([two], 'k');
    await one.cache.close();
    expect(one.cache.stats().stream?.state).toBe('closed');
    expect(await listeners()).toHaveLength(1);
    await invalidateElsewhere([two], 'k');
    expect(two.cache.stats().stream).toMatchObject({ state: 'listening', gaps: 1 });
    await two.cache.close();
    await eventually(async () => expect(await listeners()).toEqual([]));
    await open();
    expect(await listeners()).toHaveLength(1);
  });

  it('INVARIANT 1: one that joins begins with a gap of its own, and disturbs nobody', async () => {
    const one = await open();
    await warm([one], 'k');
    const two = await open();
    expect(two.cache.stats().stream).toMatchObject({ state: 'listening', gaps: 1 });
    expect(one.cache.stats().stream?.gaps).toBe(1);
    await one.cache.get('k');
    expect(sources(one).at(-1)).toBe('local');
  });

  it('a pool that is given to both, and a URL for listening that equals the other’s connection', async () => {
    const pool = new pg.Pool({ connectionString: database.url });
    onTestFinished(() => pool.end());
    await open({ connection: undefined, pool });
    await open({ connection: undefined, pool });
    expect(await listeners()).toHaveLength(1);
    await open();
    await open({ connection: undefined, pool, listenConnection: database.url });
    expect(await listeners()).toHaveLength(2);
  });
});

describe('caches that differ', () => {
  it.each([
    ['the channel', { channel: 'a channel of "mine"' }],
    ['the table', { table: 'other' }],
    ['the connection', { connection: { host: 'localhost' } }],
  ] as const)('in %s: a connection each', async (_, options) => {
    await open();
    const { hostname, port, username, password, pathname } = new URL(database.url);
    const place = { host: hostname, port: Number(port), user: username, password, database: pathname.slice(1) };
    await open('connection' in options ? { connection: place } : options);
    expect(await listeners()).toHaveLength(2);
  });

  it('INVARIANT 3: one whose listening connection is in another database is not vouched for by the one that is there', async () => {
    const elsewhere = await createDatabase({ template: MIGRATED });
    onTestFinished(() => elsewhere.drop());
    const there = await open({ connection: elsewhere.url });
    const astray = await openCacheAstray(elsewhere.url);
    await eventually(() => expect(astray.warnings.join()).toContain('listenConnection'));
    expect(astray.cache.stats().stream).toMatchObject({ state: 'connecting', gaps: 0 });
    expect(there.cache.stats().stream).toMatchObject({ state: 'listening', gaps: 1 });
  });

  /** Not waited for: it never listens. */
  async function openCacheAstray(listenConnection: string): Promise<OpenCache> {
    const warnings: string[] = [];
    const logger = { warn: (message: string) => warnings.push(message) };
    const names = { name: 'astray', ...testNames() };
    const cache = await createCache({ ...names, connection: database.url, listenConnection, logger });
    onTestFinished(() => cache.close());
    return { cache, warnings, recorder: new Recorder() };
  }
});

it('INVARIANT 3: a half-open connection proves nothing to any of them, and all recover', async () => {
  const proxy = await useProxy(database.url);
  const listenConnection = proxy.url(database.url);
  const both = [await open({ listenConnection }), await open({ listenConnection })];
  await warm(both, 'half');
  await proxy.behave('black-hole');
  await eventually(() =>
    expect(both.map(({ cache }) => cache.stats().stream?.state)).toEqual(['connecting', 'connecting']),
  );
  await proxy.behave('pass');
  await eventually(() =>
    expect(both.map(({ cache }) => cache.stats().stream)).toMatchObject([
      { state: 'listening', gaps: 2 },
      { state: 'listening', gaps: 2 },
    ]),
  );
});
