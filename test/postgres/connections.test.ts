/** Connections: what is refused when opening, what a broken or slow server costs, and that it mends by itself. */
import { type AddressInfo, createServer, connect as dial } from 'node:net';
import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ConfigurationError, StoreError } from '../../src/errors.js';
import { refuseUnfit } from '../../src/postgres/identity.js';
import { createDatabase, useDatabase } from '../support/database.js';
import { useProxy } from '../support/proxy.js';
import { bodyOf, connect, countingPool, failureOf, makeStore, openStore, table, write } from './fixture.js';

const database = useDatabase();
const QUICK = { read: 250, write: 400 };

describe('opening', () => {
  it('a wrong password: ConfigurationError that does not show it', async () => {
    const client = await connect(database.url);
    const role = `login_${database.name}`;
    await client.query(`create role "${role}" login password 'right'`);
    onTestFinished(async () => {
      await client.query(`drop role "${role}"`);
    });
    const { rows } = await client.query<{ trust: boolean }>(
      `select bool_or(auth_method = 'trust') as trust from pg_hba_file_rules where type = 'host'`,
    );
    const url = new URL(database.url);
    url.username = role;
    url.password = 'hunter2';
    const opening = makeStore({ connection: url.href }).open();
    if (rows[0]?.trust === true) {
      // A server that asks for no password still refuses an unknown role.
      await failureOf(opening);
      url.username = 'nobody_of_that_name';
      const error = await failureOf(makeStore({ connection: url.href }).open());
      expect(error).toMatchObject({ code: 'AUTHENTICATION_FAILED' });
      return;
    }
    const error = await failureOf(opening);
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error).toMatchObject({ code: 'AUTHENTICATION_FAILED', cause: expect.any(Error) });
    expect(String(error)).not.toContain('hunter2');
  });

  it('a database that does not exist', async () => {
    const url = new URL(database.url);
    url.pathname = '/no_such_database';
    expect(await failureOf(makeStore({ connection: url.href }).open())).toMatchObject({ code: 'MISSING_SCHEMA' });
  });

  it('a URL the driver cannot read is refused at once, without showing it', () => {
    const make = () => makeStore({ connection: 'postgres://user:hunter2@host:port/database' });
    expect(make).toThrow(ConfigurationError);
    expect(make).toThrow(/^(?!.*hunter2)/);
  });

  it.each([
    [{ poolSize: 0 }, /`poolSize`/],
    [{ timeouts: { read: 0 } }, /`timeouts.read`/],
    [{ timeouts: { write: Number.NaN } }, /`timeouts.write`/],
  ])('bad numbers are refused: %o', (options, message) => {
    expect(() => makeStore({ connection: database.url, ...options })).toThrow(message);
  });

  it('a server in recovery, too old, or with another encoding is refused', () => {
    expect(() => refuseUnfit(true, 180_000, 'UTF8')).toThrow(expect.objectContaining({ code: 'SERVER_IN_RECOVERY' }));
    expect(() => refuseUnfit(false, 120_019, 'UTF8')).toThrow(expect.objectContaining({ code: 'UNSUPPORTED_SERVER' }));
    expect(() => refuseUnfit(false, 150_000, 'LATIN1')).toThrow(
      expect.objectContaining({ code: 'UNSUPPORTED_SERVER' }),
    );
    expect(() => refuseUnfit(false, 130_000, 'UTF8')).not.toThrow();
  });

  it('nobody listens: StoreError, and open() succeeds later', async () => {
    const proxy = await useProxy(database.url);
    await proxy.behave('refuse');
    const store = makeStore({ connection: proxy.url(database.url) });
    expect(await failureOf(store.open())).toMatchObject({ code: 'STORE_FAILED', outcome: 'failed' });
    expect(await failureOf(store.read('id'))).toMatchObject({ code: 'STORE_FAILED', outcome: 'failed' });
    await proxy.behave('pass');
    await store.open();
    expect((await store.read('id')).entry).toBeUndefined();
  });

  it('what our statements want of a session is set, also when the URL has options of its own', async () => {
    const url = new URL(database.url);
    url.searchParams.set('options', '-c work_mem=5MB');
    const store = await openStore({ connection: url.href, timeouts: QUICK });
    await store.set(write('id'));
    const client = await connect(database.url);
    const { rows } = await client.query<{ application_name: string }>(
      'select application_name from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    );
    expect(rows.map((row) => row.application_name)).toContain('keepsake');
    await client.query(`begin; select from ${table()} where id = 'id' for update`);
    // The statement of the server ends too, not just our wait for it.
    expect(await failureOf(store.set(write('id')))).toBeInstanceOf(StoreError);
    const waiting = async () =>
      (
        await client.query(
          `select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
        )
      ).rowCount;
    await expect.poll(waiting, { timeout: 5000 }).toBe(0);
    await client.query('rollback');
  });
});

describe('a pooler', () => {
  /** Refuses startup packets that carry `options`, as PgBouncer does, and passes everything else on. */
  async function usePickyPooler(): Promise<{ readonly url: string; readonly refused: () => number }> {
    const target = new URL(database.url);
    let refused = 0;
    const pooler = createServer((client) => {
      client.on('error', () => undefined);
      client.once('data', (startup) => {
        if (startup.includes('\0options\0')) {
          refused += 1;
          const fields = Buffer.from('SFATAL\0VFATAL\0C08P01\0Munsupported startup parameter: options\0\0');
          const head = Buffer.alloc(5, 'E');
          head.writeInt32BE(fields.length + 4, 1);
          client.end(Buffer.concat([head, fields]));
          return;
        }
        const server = dial({ host: target.hostname, port: Number(target.port) });
        server.on('error', () => client.destroy());
        server.write(startup);
        client.pipe(server).pipe(client);
      });
    });
    await new Promise<void>((resolve) => pooler.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      pooler.close();
    });
    const url = new URL(database.url);
    url.host = `127.0.0.1:${(pooler.address() as AddressInfo).port}`;
    return { url: url.href, refused: () => refused };
  }

  it('that refuses our settings (08P01) is reconnected without them', async () => {
    const pooler = await usePickyPooler();
    const store = await openStore({ connection: pooler.url });
    expect(pooler.refused()).toBe(1);
    await store.set(write('pooled'));
    expect(await bodyOf(store, 'pooled')).toBe('value');
    expect(pooler.refused()).toBe(1);
  });

  it('that loses prepared statements: the store goes on without them', async () => {
    const { pool, statements } = countingPool(database.url, 1);
    const store = await openStore({ connection: { pool } });
    await store.set(write('prepared'));
    // The second read is the one for a server on which nothing else writes, and is prepared by itself.
    for (let i = 0; i < 2; i += 1) expect(await bodyOf(store, 'prepared')).toBe('value');
    await pool.query('deallocate all'); // what the next transaction finds on another server connection
    statements.length = 0;
    expect(await bodyOf(store, 'prepared')).toBe('value');
    expect(statements).toHaveLength(2);
    await pool.query('deallocate all');
    statements.length = 0;
    await store.set(write('prepared', { body: 'again' }));
    expect(statements).toHaveLength(1);
  });
});

describe('a pool of the user', () => {
  it('is used, not closed, and left without listeners', async () => {
    const pool = new pg.Pool({ connectionString: database.url, max: 2 });
    onTestFinished(() => pool.end());
    const listeners = () => pool.eventNames().map((name) => [name, pool.listenerCount(name)]);
    const before = listeners();
    const store = await openStore({ connection: { pool } });
    await Promise.all([store.set(write('mine')), store.read('other'), store.delete('third')]);
    await store.close();
    expect(listeners()).toEqual(before);
    const { rows } = await pool.query('select 1 as one');
    expect(rows).toEqual([{ one: 1 }]);
    const client = await pool.connect();
    expect(client.listenerCount('error')).toBe(0);
    client.release();
  });

  it('exhausted by the user: calls are rejected by their deadline, and work again afterwards', async () => {
    const pool = new pg.Pool({ connectionString: database.url, max: 1 });
    onTestFinished(() => pool.end());
    const store = await openStore({ connection: { pool }, timeouts: QUICK });
    const held = await pool.connect();
    const began = performance.now();
    const errors = await Promise.all([
      failureOf(store.read('a')),
      failureOf(store.set(write('a'))),
      failureOf(store.read('b')),
    ]);
    expect(performance.now() - began).toBeLessThan(QUICK.write + 1500);
    for (const error of errors) expect(error).toBeInstanceOf(StoreError);
    held.release();
    await expect
      .poll(() =>
        store.set(write('a')).then(
          () => 'set',
          () => 'failed',
        ),
      )
      .toBe('set');
    expect(await bodyOf(store, 'a')).toBe('value');
  });

  it('two stores with different tables share one pool and its prepared statements', async () => {
    const pool = new pg.Pool({ connectionString: database.url, max: 1 });
    onTestFinished(() => pool.end());
    const one = await openStore({ connection: { pool }, prefix: 'one_' });
    const two = await openStore({ connection: { pool }, prefix: 'two_' });
    await one.set(write('id', { body: 'of one' }));
    await two.set(write('id', { body: 'of two' }));
    expect([await bodyOf(one, 'id'), await bodyOf(two, 'id')]).toEqual(['of one', 'of two']);
  });
});

describe('INVARIANT 27: a server that fails', () => {
  it('a black hole: every call is rejected by its deadline, and the store mends by itself', async () => {
    const proxy = await useProxy(database.url);
    const store = await openStore({ connection: proxy.url(database.url), timeouts: QUICK });
    await store.set(write('id'));
    await proxy.behave('black-hole');
    const began = performance.now();
    const read = await failureOf(store.read('id'));
    const readTook = performance.now() - began;
    const wrote = await failureOf(store.set(write('id', { body: 'lost' })));
    expect(read).toMatchObject({ code: 'STORE_FAILED' });
    expect(wrote).toMatchObject({ code: 'STORE_FAILED' });
    expect(readTook).toBeGreaterThanOrEqual(QUICK.read - 5);
    expect(readTook).toBeLessThan(QUICK.read + 1500);
    await proxy.behave('pass');
    proxy.cut();
    await expect.poll(() => bodyOf(store, 'id').catch(() => 'failed'), { timeout: 10_000 }).toBe('value');
  });

  it('connections that break while idle: the next read is repeated on another', async () => {
    const errors: unknown[] = [];
    const proxy = await useProxy(database.url);
    const store = await openStore({ connection: proxy.url(database.url), onError: (error) => errors.push(error) });
    await store.set(write('cut'));
    for (let i = 0; i < 3; i += 1) {
      proxy.cut();
      expect(await bodyOf(store, 'cut')).toBe('value');
    }
  });

  it('a session ended by the administrator: a read is repeated, a write says that it does not know', async () => {
    const store = await openStore({ connection: database.url, poolSize: 1 });
    const admin = await connect(database.url);
    await store.set(write('terminated'));
    await admin.query(`begin; select from ${table()} where id = 'terminated' for update`);
    const writing = failureOf(store.set(write('terminated', { body: 'unknown' })));
    const terminate = async () =>
      (
        await admin.query(
          `select pg_terminate_backend(pid) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
        )
      ).rowCount;
    await expect.poll(terminate, { timeout: 5000 }).toBe(1);
    expect(await writing).toMatchObject({ code: 'STORE_FAILED', outcome: 'unknown' });
    await admin.query('rollback');
    expect(await bodyOf(store, 'terminated')).toBe('value');
  });

  it('a statement that waits for a lock past its deadline: rejected as unknown, its connection replaced', async () => {
    const store = await openStore({ connection: database.url, poolSize: 1, timeouts: QUICK });
    await store.set(write('locked'));
    const other = await connect(database.url);
    await other.query(`begin; select from ${table()} where id = 'locked' for update`);
    const error = await failureOf(store.set(write('locked', { body: 'late' })));
    expect(error).toBeInstanceOf(StoreError);
    expect(await bodyOf(store, 'locked')).toBe('value');
    await other.query('rollback');
    await store.set(write('locked', { body: 'anew' }));
    expect(await bodyOf(store, 'locked')).toBe('anew');
  });
});

describe('the incarnation', () => {
  it('INVARIANT 8: the boot table emptied, as after a crash: old tokens are refused, new ones work, on a living connection too', async () => {
    const store = await openStore({ connection: database.url });
    const old = await store.read('crash');
    const admin = await connect(database.url);
    await admin.query(`truncate ${table('_boot')}, ${table()}`); // what recovery does to unlogged tables
    const fresh = await store.read('crash');
    expect(fresh.token.incarnation).not.toBe('');
    expect(fresh.token.incarnation).not.toBe(old.token.incarnation);
    expect(await store.fill(write('crash'), old.token)).toEqual({ status: 'refused', reason: 'incarnation' });
    expect(await store.fill(write('crash'), fresh.token)).toMatchObject({ status: 'stored' });
  });

  it('tables brought here from another database are emptied', async () => {
    const source = await createDatabase();
    onTestFinished(() => source.drop());
    const original = await openStore({ connection: source.url });
    await original.set(write('id', { tags: ['tag'] }));
    await original.invalidate(['t|other'], 'delete');
    const { token } = await original.read('id');
    const writer = new pg.Client({ connectionString: source.url });
    await writer.connect();
    await writer.query(`insert into ${table('_mass')} (bucket, hashes) values (0, '{1024}')`);
    await writer.end();
    await original.close();
    const copyName = `${source.name}_copy`;
    const admin = await connect(database.url);
    await admin.query(`create database "${copyName}" template "${source.name}"`);
    onTestFinished(async () => {
      await admin.query(`drop database if exists "${copyName}" with (force)`);
    });
    const url = new URL(source.url);
    url.pathname = `/${copyName}`;
    const stores = await Promise.all([1, 2, 3, 4].map(() => openStore({ connection: url.href })));
    const tokens = await Promise.all(stores.map(async (store) => (await store.read('id')).token.incarnation));
    expect(new Set(tokens).size).toBe(1);
    expect(tokens[0]).not.toBe(token.incarnation);
    const [copy] = stores;
    if (copy === undefined) throw new Error('No store');
    expect(await bodyOf(copy, 'id')).toBeUndefined();
    const client = await connect(url.href);
    for (const log of ['_invalidations', '_mass'])
      expect((await client.query(`select from ${table(log)}`)).rowCount).toBe(0);
    await copy.set(write('id'));
    await copy.close();
    expect(await bodyOf(await openStore({ connection: url.href }), 'id')).toBe('value');
  });
});

describe('INVARIANT 31: deadlocks', () => {
  it('upserts in random order, deletes, touches and open transactions that invalidate random tags: no 40P01', async () => {
    const stores = await Promise.all([1, 2, 3].map(() => openStore({ connection: database.url })));
    const clients = await Promise.all([1, 2].map(() => connect(database.url)));
    const client = await connect(database.url);
    const deadlocks = async () => {
      await client.query('select pg_stat_clear_snapshot()');
      const { rows } = await client.query<{ deadlocks: string }>(
        'select deadlocks from pg_stat_database where datname = current_database()',
      );
      return Number(rows[0]?.deadlocks);
    };
    const before = await deadlocks();
    const ids = Array.from({ length: 40 }, (_, i) => `dead-${i}`);
    const shuffled = <T>(items: readonly T[]) => [...items].sort(() => Math.random() - 0.5);
    const lifetimes = { ...write('').lifetimes, sliding: 60_000 };
    const writing = async (store: (typeof stores)[number]) => {
      for (let round = 0; round < 15; round += 1) {
        await Promise.all(
          shuffled(ids).map(async (id, i) => {
            if (i % 7 === 0) await store.delete(id);
            else if (i % 7 === 1) await store.touch(id);
            else if (i % 7 === 2) await store.fill(write(id), (await store.read(id)).token);
            else await store.set({ ...write(id, { tags: shuffled(['a', 'b', 'c']) }), lifetimes });
          }),
        );
      }
    };
    const invalidating = async (connection: pg.Client) => {
      for (let round = 0; round < 15; round += 1) {
        await connection.query('begin');
        for (const tag of shuffled(['a', 'b', 'c'])) {
          await connection.query(`insert into ${table('_invalidations')} (name, kind) values ($1, 'expire')`, [
            `t|${tag}`,
          ]);
        }
        await connection.query(round % 5 === 0 ? 'rollback' : 'commit');
      }
    };
    await Promise.all([...stores.map(writing), ...clients.map(invalidating)]);
    // Sessions report what they counted when they end, if not before.
    await Promise.all([...stores.map((store) => store.close()), ...clients.map((connection) => connection.end())]);
    const sessions = async () =>
      (
        await client.query(
          'select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
        )
      ).rowCount;
    await expect.poll(sessions, { timeout: 5000 }).toBe(0);
    expect(await deadlocks()).toBe(before);
  }, 60_000);
});
