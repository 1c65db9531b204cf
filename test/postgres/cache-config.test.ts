/** Configuring a cache over a real PostgreSQL: what is refused and how it says so, and how a cache begins, lives beside others, and ends. */
import { randomUUID } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import pg from 'pg';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { CacheOptions } from '../../src/cache-options.js';
import { createCache } from '../../src/configure.js';
import { Cached } from '../../src/decorators/cached.js';
import { Cache } from '../../src/default-cache.js';
import { ConfigurationError, type KeepsakeError } from '../../src/errors.js';
import { createDatabase } from '../support/database.js';
import { WorkerProcess } from '../support/processes.js';
import { connectApart, eventually, expectNothingUnhandled, HeldLoader, openCache } from './cache-fixture.js';
import { useOwnServer } from './own-server.js';

vi.setConfig({ testTimeout: 60_000 });

const server = useOwnServer();

afterEach(() => Cache.close());

/** A URL with some of it changed. */
function changed(url: string, parts: Partial<Pick<URL, 'username' | 'password' | 'pathname'>>): string {
  return Object.assign(new URL(url), parts).href;
}

/** A URL as options of `pg.Pool`, without its password: in the driver one of a URL, even an empty one, wins over others. */
function withoutPassword(url: string): pg.PoolConfig {
  const { hostname, port, username, pathname } = new URL(url);
  return { host: hostname, port: Number(port), user: username, database: pathname.slice(1) };
}

/** What `createCache` rejects with; patient or not, what cannot work is refused. */
async function refusal(options: CacheOptions): Promise<KeepsakeError> {
  const failures: unknown[] = [];
  for (const startup of ['degraded', 'fail'] as const) {
    const opening = createCache({ name: randomUUID(), startup, ...options });
    failures.push(
      await opening.then((cache) => cache.close().then(() => 'it opened')).catch((error: unknown) => error),
    );
  }
  const [degraded, fail] = failures;
  expect(fail).toBeInstanceOf(ConfigurationError);
  expect(String(degraded)).toBe(String(fail));
  return fail as KeepsakeError;
}

/** Everything an error says, to whoever prints it in whatever way. */
function everythingSaid(error: unknown): string {
  const chain: unknown[] = [];
  for (let at: unknown = error; at !== undefined; at = at instanceof Error ? at.cause : undefined) chain.push(at);
  const said = chain.flatMap((one) => [String(one), JSON.stringify(one), one instanceof Error ? one.stack : '']);
  return [...said, inspect(error, { depth: Infinity, showHidden: true })].join('\n');
}

describe('credentials', () => {
  const SECRET = 'hunter2/&%"';

  it.each([
    ['a URL', () => changed(server().url, { password: encodeURIComponent(SECRET) })],
    ['options of pg.Pool', () => ({ ...withoutPassword(server().url), password: SECRET })],
    ['an asynchronous function', () => ({ ...withoutPassword(server().url), password: async () => SECRET })],
  ])('a wrong password from %s is refused, and shown nowhere', async (_, connection) => {
    const error = await refusal({ connection: connection() });
    expect(error).toMatchObject({ code: 'AUTHENTICATION_FAILED', cause: { code: '28P01' } });
    for (const secret of [SECRET, encodeURIComponent(SECRET), 'hunter2']) {
      expect(everythingSaid(error)).not.toContain(secret);
    }
  });

  it('an unreachable server shows no password: not in its error, not in events, not in warnings', async () => {
    const connection = changed('postgres://user@127.0.0.1:1/database', { password: 'hunter2' });
    const failure: unknown = await createCache({ name: randomUUID(), connection, startup: 'fail' }).catch(
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({ code: 'STORE_FAILED' });
    const { cache, recorder, warnings } = await openCache({ connection, startup: 'degraded' });
    await cache.getOrSet('key', () => 1);
    expect(recorder.count('error')).toBeGreaterThan(0);
    expect(warnings.length).toBeGreaterThan(0);
    expect(`${everythingSaid(failure)}${inspect(recorder.events, { depth: Infinity })}${warnings}`).not.toContain(
      'hunter2',
    );
    expect(inspect(cache, { depth: Infinity, showHidden: true })).not.toContain('hunter2');
  });

  it('an asynchronous password is asked for on every connection, so that it may change', async () => {
    const role = `rotating_${randomUUID().slice(0, 8)}`;
    await server().ask(`create role ${role} login superuser password 'first'`);
    let password = 'first';
    let asked = 0;
    const connection = {
      ...withoutPassword(changed(server().adminUrl, { username: role })),
      password: async () => {
        asked += 1;
        return password;
      },
    };
    const { cache } = await openCache({ connection, local: false, schema: role });
    await cache.set('key', 'value');
    expect(asked).toBeGreaterThan(0);
    password = 'second';
    await server().ask(`alter role ${role} password 'second'`);
    await server().ask('select pg_terminate_backend(pid) from pg_stat_activity where usename = $1', [role]);
    await eventually(async () => expect(await cache.get('key')).toBe('value'));
  });
});

describe('what is in the database', () => {
  it('a database that does not exist', async () => {
    const error = await refusal({ connection: changed(server().url, { pathname: '/nowhere' }) });
    expect(error).toMatchObject({ code: 'MISSING_SCHEMA', message: expect.stringContaining('nowhere') });
  });

  it('a foreign table of the name is refused with what differs, and left untouched', async () => {
    const client = await connectApart(server().url);
    await client.query('create schema foreigners; create table foreigners.cache (id int primary key, note text)');
    await client.query(`insert into foreigners.cache values (1, 'mine')`);
    const error = await refusal({ connection: server().url, schema: 'foreigners' });
    expect(error.code).toBe('FOREIGN_TABLE');
    expect(error.message).toMatch(/foreigners\.cache.*`id` is integer instead of text.*`value` is missing/);
    expect((await client.query('select * from foreigners.cache')).rows).toEqual([{ id: 1, note: 'mine' }]);
    const { rows } = await client.query(
      `select from pg_class where relnamespace = 'foreigners'::regnamespace and relkind = 'r'`,
    );
    expect(rows).toHaveLength(1);
  });

  it('missing tables and `migrate: false`', async () => {
    const error = await refusal({ connection: server().url, schema: 'never_made', migrate: false });
    expect(error).toMatchObject({ code: 'MISSING_SCHEMA', message: expect.stringContaining('never_made.cache') });
    expect(await server().ask(`select from pg_namespace where nspname = 'never_made'`)).toEqual([]);
  });

  it('INVARIANT 30: a role with the rights of docs/postgres.md, and no others, can do everything; with fewer it is told which', async () => {
    const docs = await readFile(new URL('../../docs/postgres.md', import.meta.url), 'utf8');
    const grants =
      /## Rights[\s\S]*?```sql\n([\s\S]*?)```/
        .exec(docs)?.[1]
        ?.split(';\n')
        .filter((one) => one !== '') ?? [];
    expect(grants.length).toBeGreaterThan(3);
    const owner = await openCache({ connection: server().url, schema: 'my_schema', prefix: '' });
    const admin = await connectApart(server().adminUrl);
    await admin.query(`create role app login password 'app'`);
    const connection = changed(server().url, { username: 'app', password: 'app' });
    const asApp = { connection, schema: 'my_schema', prefix: '', local: false as const };
    for (const grant of grants) {
      expect(await refusal(asApp)).toMatchObject({
        code: 'MISSING_RIGHT',
        message: expect.stringMatching(/my_schema|cache/),
      });
      await admin.query(grant);
    }
    const { cache, recorder } = await openCache(asApp);
    const failing = { ttl: 1, grace: '1h', backoff: '1h', tags: ['t'] } as const;
    await cache.set('stale', 1, failing);
    await cache.set('sliding', 1, { sliding: '1h', tags: ['t'] });
    expect(await cache.touch('sliding')).toBe(true);
    await eventually(async () => expect(await cache.has('stale')).toBe(false));
    expect(await cache.getOrSet('stale', () => Promise.reject(new Error('down')), failing)).toBe(1);
    expect(await cache.getOrSet('loaded', () => 2)).toBe(2);
    await cache.expire('loaded');
    expect(await cache.delete('sliding')).toBe(true);
    await cache.invalidateTags('t');
    await cache.clear();
    expect(await cache.sweep()).toMatchObject({ outcome: 'finished' });
    expect(recorder.of('error')).toEqual([]);
    await owner.cache.close();
  });
});

describe('several caches in one database', () => {
  const shared = { local: false } as const;

  it.each<[string, CacheOptions, CacheOptions]>([
    ['namespaces (INVARIANT 22: `_` is no wildcard)', { namespace: 'user_1' }, { namespace: 'userX1' }],
    ['prefixes', { prefix: 'a_' }, { prefix: 'b_' }],
    ['tables', { table: 'cache_a' }, { table: 'cache_b' }],
    ['schemas', { schema: 'schema_a' }, { schema: 'schema_b' }],
    ['names that need quoting', { schema: 'Odd "Schema', prefix: `it's ` }, { schema: 'odd "schema', prefix: 'İ%\\' }],
  ])('different %s: each has its own entries, tags and clear', async (_, one, other) => {
    const a = await openCache({ connection: server().url, ...shared, ...one });
    const b = await openCache({ connection: server().url, ...shared, ...other });
    for (const { cache } of [a, b]) {
      await cache.set('key', cache.name, { tags: ['tag'] });
      await cache.set('second', cache.name);
    }
    for (const { cache } of [a, b]) expect(await cache.get('key')).toBe(cache.name);
    await a.cache.invalidateTags('tag');
    expect([await a.cache.get('key'), await b.cache.get('key')]).toEqual([undefined, b.cache.name]);
    await a.cache.clear();
    expect([await a.cache.get('second'), await b.cache.get('second')]).toEqual([undefined, b.cache.name]);
  });
});

describe('the life of a cache', () => {
  it('ALREADY_CONFIGURED: twice, and twice at once; after close it can be configured again', async () => {
    const database = await createDatabase();
    onTestFinished(() => database.drop());
    const configure = () => Cache.configure({ connection: database.url, startup: 'fail', defaults: { ttl: '1h' } });
    const both = await Promise.allSettled([configure(), configure()]);
    expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect(both[1]).toMatchObject({
      reason: { code: 'ALREADY_CONFIGURED', message: expect.stringContaining('default') },
    });
    await expect(configure()).rejects.toMatchObject({ code: 'ALREADY_CONFIGURED' });
    class Rates {
      loads = 0;
      @Cached('rate:{currency}')
      async rate(currency: string): Promise<string> {
        this.loads += 1;
        return currency;
      }
    }
    const rates = new Rates();
    for (let i = 0; i < 3; i += 1) await rates.rate('EUR');
    const first = Cache.named('default');
    await Cache.close();
    await expect(async () => first.get('key')).rejects.toMatchObject({ code: 'CACHE_CLOSED' });
    expect(() => Cache.named('default')).toThrow(expect.objectContaining({ code: 'NOT_CONFIGURED' }));
    await configure();
    // The second cache finds what the first one stored.
    await rates.rate('EUR');
    expect(rates.loads).toBe(1);
  });

  it('INVARIANT 28: close waits for background work and what it stores, then nothing is left', async () => {
    const namespace = randomUUID();
    const { cache } = await openCache({ connection: server().url, namespace, local: false });
    const policy = { ttl: '1h', earlyTtl: 1 } as const;
    await cache.getOrSet('key', () => 'first', policy);
    const loader = new HeldLoader<string>();
    expect(await cache.getOrSet('key', loader.load, policy)).toBe('first');
    await loader.began;
    let state = 'closing';
    const closing = cache.close().then(() => {
      state = 'closed';
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(state).toBe('closing');
    loader.answer('refreshed');
    await closing;
    await eventually(async () => {
      const open = await server().ask(`select from pg_stat_activity where usename = 'application'`);
      expect(open).toEqual([]);
    });
    const again = await openCache({ connection: server().url, namespace });
    expect(await again.cache.get('key')).toBe('refreshed');
  });

  it("a pool of the user's is left open, with as many listeners as before", async () => {
    expectNothingUnhandled();
    const pool = new pg.Pool({ connectionString: server().url, max: 2 });
    onTestFinished(() => pool.end());
    const listeners = () => pool.eventNames().map((event) => [event, pool.listenerCount(event)]);
    const before = listeners();
    const { cache } = await openCache({ pool });
    await cache.set('key', 1);
    await cache.close();
    expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    expect(pool.ended).toBe(false);
    expect(pool.idleCount).toBe(pool.totalCount);
    expect(listeners()).toEqual(before);
  });

  describe.each([
    ['connected', () => server().url, 'value well'],
    ['not connected', () => 'postgres://nobody@127.0.0.1:1/nowhere', 'value opening'],
  ])('INVARIANT 28: a process with an idle cache, %s,', (_, connection, said) => {
    const file = new URL('./workers/idle-process.ts', import.meta.url);

    it.each([
      ['ends by itself', 'leave', [said]],
      ['can close it as the last thing it does', 'close', [said, 'closed']],
    ])('%s', async (_title, atTheEnd, lines) => {
      const options = { connection: connection(), namespace: randomUUID() };
      const program = WorkerProcess.run(file, { args: [JSON.stringify(options), atTheEnd] });
      expect(await program.ended, program.stderr).toEqual({ code: 0, signal: null });
      expect(program.lines).toEqual(lines);
    });
  });

  it('unconfigured: methods run uncached, and the process is warned once', async () => {
    const program = WorkerProcess.run(new URL('./workers/unconfigured-process.ts', import.meta.url));
    expect(await program.ended, program.stderr).toEqual({ code: 0, signal: null });
    const { loads, answers, warnings } = JSON.parse(program.lines.join('')) as Record<string, unknown>;
    expect(loads).toBe(3);
    expect(answers).toEqual(Array.from({ length: 3 }, () => [1, 'saved', 'loaded', 'nothing']).flat());
    expect(warnings).toEqual([expect.stringMatching(/^KeepsakeWarning: .*Cache\.configure\(\)/)]);
  });

  it("connection: 'embedded' caches, in a folder for longer than the cache lives", async () => {
    const directory = await mkdtemp(join(tmpdir(), 'keepsake-embedded-cache-'));
    await chmod(directory, 0o1777);
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    const embedded = { directory: join(directory, 'server') };
    const first = await openCache({ connection: 'embedded', embedded });
    expect(await first.cache.getOrSet('key', () => ({ made: new Date(0) }))).toEqual({ made: new Date(0) });
    expect(first.cache.stats().store).toEqual({ kind: 'postgres', health: 'well', breaker: 'closed' });
    await first.cache.close();
    const second = await openCache({ connection: 'embedded', embedded });
    expect(await second.cache.get('key')).toEqual({ made: new Date(0) });
  });
});
