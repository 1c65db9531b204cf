/**
 * Faults of the store, each real: whatever is wrong with PostgreSQL or the way to it, decorated calls go on without it, what carries
 * correctness says that it failed, nothing is left unhandled, and when the fault is over the cache caches again by itself.
 *
 * INVARIANT 27 in its causal form: calls are awaited while the fault is still on, so that completing at all is what is tested.
 */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { StoreError } from '../../src/errors.js';
import { testNames } from '../support/database.js';
import { WorkerProcess } from '../support/processes.js';
import { useProxy } from '../support/proxy.js';
import { connectApart, eventually, expectNothingUnhandled, HeldLoader, sources } from './cache-fixture.js';
import {
  DEADLINES,
  expectDown,
  expectLoads,
  expectRecovery,
  expectSurvival,
  type Fault,
  open,
} from './faults-fixture.js';
import { table } from './fixture.js';
import { useOwnServer } from './own-server.js';

vi.setConfig({ testTimeout: 120_000 });

const server = useOwnServer();

beforeEach(() => expectNothingUnhandled());

describe('the network', () => {
  it('refuses connections', async () => {
    const proxy = await useProxy(server().url);
    await expectSurvival(
      { connection: proxy.url(server().url) },
      {
        begin: async () => {
          await proxy.behave('refuse');
          proxy.cut();
        },
        end: () => proxy.behave('pass'),
      },
    );
  });

  it('swallows everything without a word', async () => {
    const proxy = await useProxy(server().url);
    await expectSurvival(
      { connection: proxy.url(server().url) },
      {
        begin: () => proxy.behave('black-hole'),
        end: () => proxy.behave('pass'),
      },
    );
  });

  it('cuts connections in the middle of batches: reads and loads complete, a write does not know', async () => {
    const proxy = await useProxy(server().url);
    const opened = await open({ connection: proxy.url(server().url), timeouts: { read: 60_000, write: 60_000 } });
    const { cache } = opened;
    const blocker = await connectApart(server().adminUrl);
    await blocker.query(`begin; lock table ${table()} in access exclusive mode`);
    const keys = Array.from({ length: 50 }, (_, i) => `key:${i}`);
    const calls = Promise.all(keys.map((key) => cache.getOrSet(key, () => key)));
    const write = cache.set('written', 1).catch((error: unknown) => error);
    // Both batches are in the server, waiting for the lock.
    await eventually(async () => {
      const waiting = await server().ask(`select from pg_stat_activity where wait_event_type = 'Lock'`);
      expect(waiting.length).toBeGreaterThanOrEqual(2);
    });
    proxy.cut();
    await eventually(() => expect(proxy.open).toBe(0));
    await blocker.query('rollback');
    expect(await calls).toEqual(keys);
    expect(await write).toBeInstanceOf(StoreError);
    expect(await write).toMatchObject({ outcome: 'unknown' });
    await expectRecovery(opened);
  });

  it('is gone while a load runs: the loader runs once and its value is answered (INVARIANT 18)', async () => {
    const proxy = await useProxy(server().url);
    const opened = await open({ connection: proxy.url(server().url) });
    const loader = new HeldLoader<string>();
    const call = opened.cache.getOrSet('key', loader.load);
    await loader.began;
    await proxy.behave('black-hole');
    loader.answer('loaded');
    expect(await call).toBe('loaded');
    expect(loader.calls).toBe(1);
    expect(opened.recorder.of('notStored')).toMatchObject([{ reason: 'store-unavailable' }]);
    await proxy.behave('pass');
    await expectRecovery(opened);
  });
});

describe('the server', () => {
  it('is killed (-9) and started again', async () => {
    // A process that nobody watches over: an unheard error event of an idle connection would end it.
    const bystander = await WorkerProcess.spawn(new URL('./workers/cache-process.ts', import.meta.url));
    await bystander.send('open', { connection: server().url, ...testNames(), timeouts: DEADLINES, startup: 'fail' });
    await expectSurvival(
      { connection: server().url },
      {
        begin: () => server().kill(),
        end: async () => {
          expect(await bystander.send('getOrSet', { key: randomUUID(), made: 1 })).toEqual({ value: 1, loads: 1 });
          await server().start();
        },
      },
    );
    expect(await bystander.send('getOrSet', { key: randomUUID(), made: 2 })).toEqual({ value: 2, loads: 1 });
  });

  it('stands still (SIGSTOP), and goes on', async () => {
    onTestFinished(() => server().resume());
    await expectSurvival(
      { connection: server().url },
      {
        begin: () => server().freeze(),
        end: () => server().resume(),
      },
    );
  });

  it('INVARIANT 8: crashes and recovers while a load runs: the load is answered and not stored', async () => {
    const namespace = randomUUID();
    const opened = await open({ connection: server().url, namespace });
    const { cache, recorder } = opened;
    await cache.set('lost', 'before the crash');
    const loader = new HeldLoader<string>();
    const call = cache.getOrSet('key', loader.load);
    await loader.began;
    await cache.delete('key');
    await server().crash();
    // The log may have lost the deletion: the connection that fills has to notice that this is another life of the server.
    await eventually(() => cache.set('back', 1));
    loader.answer('from before the crash');
    expect(await call).toBe('from before the crash');
    expect(recorder.of('notStored')).toMatchObject([{ reason: 'incarnation' }]);
    const other = await open({ connection: server().url, namespace });
    expect(await other.cache.get('key')).toBeUndefined();
    await expectRecovery(opened);
    expect(await cache.get('key')).toBeUndefined();
    expect(await cache.get('lost')).toBeUndefined();
  });
});

describe('the database', () => {
  const lockTables = (): Fault => {
    let blocker: pg.Client | undefined;
    return {
      begin: async () => {
        blocker = await connectApart(server().adminUrl);
        await blocker.query(`begin; lock table ${table()}, ${table('_invalidations')} in access exclusive mode`);
      },
      end: () => blocker?.query('rollback'),
    };
  };

  it('has its tables locked by another transaction', async () => {
    await expectSurvival({ connection: server().url }, lockTables());
  });

  it('ends statements early (statement_timeout of the role, on a pool of the user)', async () => {
    const pool = new pg.Pool({ connectionString: server().url, max: 2 });
    pool.on('error', () => undefined);
    onTestFinished(() => pool.end());
    const lock = lockTables();
    const opened = await expectSurvival(
      { pool, timeouts: { read: 60_000, write: 60_000 } },
      {
        begin: async () => {
          await server().setForApplication('statement_timeout', '200ms');
          await lock.begin();
        },
        end: async () => {
          await lock.end();
          await server().setForApplication('statement_timeout', undefined);
        },
      },
    );
    const errors = opened.recorder.of('error').map(({ error }) => String(error));
    expect(errors.some((error) => error.includes('57014'))).toBe(true);
  });

  it('has a statement_timeout of the role that is too short for anything: our own connections have theirs', async () => {
    await server().setForApplication('statement_timeout', '1ms');
    onTestFinished(() => server().setForApplication('statement_timeout', undefined));
    const opened = await open({ connection: server().url, prefix: `${testNames().prefix}brief_` });
    await expectRecovery(opened);
    expect(opened.recorder.count('error')).toBe(0);
  });

  it('is read-only: what is there is found, nothing is stored, and calls go on', async () => {
    const opened = await open({ connection: server().url });
    const { cache } = opened;
    await eventually(() => cache.set('known', 'before'));
    await server().setForApplication('default_transaction_read_only', 'on');
    onTestFinished(() => server().setForApplication('default_transaction_read_only', undefined));
    await eventually(async () => expect(await cache.get('known')).toBe('before'));
    await expectLoads(opened);
    expect(opened.recorder.of('notStored').map(({ reason }) => reason)).toEqual(
      Array.from({ length: 20 }, () => 'store-unavailable'),
    );
    const writes = [cache.set('a', 1), cache.delete('known'), cache.invalidateTags('t')];
    for (const write of await Promise.allSettled(writes))
      expect(write).toMatchObject({ reason: expect.any(StoreError) });
    expect(await cache.get('known')).toBe('before');
    await server().setForApplication('default_transaction_read_only', undefined);
    await expectRecovery(opened);
  });

  it('has no connection left in the pool of the user', async () => {
    const pool = new pg.Pool({ connectionString: server().url, max: 2 });
    onTestFinished(() => pool.end());
    let clients: pg.PoolClient[] = [];
    await expectSurvival(
      { pool },
      {
        begin: async () => {
          clients = [await pool.connect(), await pool.connect()];
        },
        end: () => {
          for (const client of clients) client.release();
        },
      },
    );
    expect(pool.totalCount).toBeLessThanOrEqual(2);
  });
});

describe('what this process holds while the store is away', () => {
  it('a value loaded meanwhile is kept until the store is back, and a deletion that failed hides it at once', async () => {
    const proxy = await useProxy(server().url);
    const opened = await open({ connection: proxy.url(server().url), local: {}, localLease: '1h' });
    const { cache } = opened;
    await proxy.behave('refuse');
    proxy.cut();
    for (const key of ['kept', 'deleted']) {
      expect(await cache.getOrSet(key, () => 1)).toBe(1);
      expect(await cache.getOrSet(key, () => 2)).toBe(1);
    }
    expect(sources(opened)).toEqual(['load', 'local', 'load', 'local']);
    await expect(cache.delete('deleted')).rejects.toThrow(StoreError);
    expect(await cache.getOrSet('deleted', () => 3)).toBe(3);
    await proxy.behave('pass');
    await eventually(() => cache.set('elsewhere', 1));
    // Made without the store: nobody knows what happened to it there.
    expect(await cache.getOrSet('kept', () => 4)).toBe(4);
  });
});

describe('INVARIANT 28: close while the store is away', () => {
  it.each(['refuse', 'black-hole'] as const)('resolves (%s)', async (mode) => {
    const proxy = await useProxy(server().url);
    const { cache } = await open({ connection: proxy.url(server().url), local: {} });
    await proxy.behave(mode);
    if (mode === 'refuse') proxy.cut();
    const call = cache.getOrSet('key', () => 'value');
    await cache.close();
    expect(await call).toBe('value');
    await expect(async () => cache.get('key')).rejects.toMatchObject({ code: 'CACHE_CLOSED' });
  });
});

describe('a server that cannot be reached when the cache is made', () => {
  it.each(['refuse', 'black-hole'] as const)(
    "startup 'degraded' (%s): uncached, and cached as soon as it can",
    async (mode) => {
      const proxy = await useProxy(server().url);
      await proxy.behave(mode);
      const opened = await open({ connection: proxy.url(server().url), startup: 'degraded' });
      expect(opened.cache.stats().store.health).toBe('opening');
      expect(opened.warnings.join()).toContain('connect failed');
      await expectDown(opened);
      await proxy.behave('pass');
      await expectRecovery(opened);
    },
  );

  it.each(['refuse', 'black-hole'] as const)(
    "startup 'fail' (%s): rejects, and the name is free again",
    async (mode) => {
      const proxy = await useProxy(server().url);
      await proxy.behave(mode);
      const connection = proxy.url(server().url);
      const name = randomUUID();
      const failure: unknown = await open({ connection, name }).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(StoreError);
      expect(failure).toMatchObject({ code: 'STORE_FAILED', cause: expect.anything() });
      await proxy.behave('pass');
      await expectRecovery(await open({ connection, name }));
    },
  );

  it('a degraded cache that is closed stops trying', async () => {
    const proxy = await useProxy(server().url);
    const connection = proxy.url(server().url);
    await proxy.behave('refuse');
    const { cache } = await open({ connection, startup: 'degraded' });
    await cache.close();
    await proxy.behave('pass');
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(proxy.accepted).toBe(0);
  });
});
