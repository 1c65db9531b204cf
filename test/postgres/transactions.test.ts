/** Invalidations inside of transactions, over the real database: two caches stand for two processes. */
import { randomUUID } from 'node:crypto';
import { Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createCache } from '../../src/configure.js';
import { Cached } from '../../src/decorators/cached.js';
import { InvalidateTags } from '../../src/decorators/invalidate-tags.js';
import type { CacheInstance } from '../../src/engine/cache.js';
import type { TransactionHandle } from '../../src/ports/transactions.js';
import { createDatabase, useDatabase } from '../support/database.js';
import { connectApart, eventually, HeldLoader, MIGRATED, type OpenCache, openCache } from './cache-fixture.js';
import { table } from './fixture.js';

interface Tables {
  stock: { id: number; amount: number };
}

const database = useDatabase({ template: MIGRATED });

beforeEach(async () => {
  const client = await connectApart(database.url);
  await client.query('drop table if exists stock; create table stock (id int primary key, amount int)');
  await client.query('insert into stock values (1, 10)');
  await client.query(`delete from ${table()}`);
  await client.query(`delete from ${table('_invalidations')}`);
});

/** A cache whose local copies would live for an hour, if nothing were heard. */
async function open(): Promise<OpenCache> {
  return await openCache({ connection: database.url, localLease: '1h' });
}

function makePool(url = database.url): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max: 3 });
  pool.on('error', () => undefined);
  onTestFinished(() => pool.end());
  return pool;
}

function makeKysely(url = database.url): Kysely<Tables> {
  const db = new Kysely<Tables>({
    dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: url, max: 3 }) }),
  });
  onTestFinished(() => db.destroy());
  return db;
}

/** The amount in stock as the cache has it. */
function amount(cache: CacheInstance, client: pg.Client | pg.Pool): Promise<number | undefined> {
  return cache.getOrSet('stock', () => amountIn(client), { tags: ['stock'] });
}

async function amountIn(client: Pick<pg.Client, 'query'>): Promise<number | undefined> {
  const { rows } = await client.query<{ amount: number }>('select amount from stock where id = 1');
  return rows[0]?.amount;
}

async function logged(client: pg.Client): Promise<readonly string[]> {
  const { rows } = await client.query<{ name: string }>(`select name from ${table('_invalidations')} order by name`);
  return rows.map(({ name }) => name);
}

/** Waits until nothing is in doubt any more. */
async function settled(cache: CacheInstance): Promise<void> {
  await eventually(() => expect(cache.stats().underWay.transactions).toBe(0));
}

/** Every form of a transaction of one's own: what is given as `trx`, its statements, and its end. */
interface OwnTransaction {
  readonly trx: TransactionHandle;
  run(text: string): Promise<unknown>;
  end(how: 'commit' | 'rollback'): Promise<void>;
}

const FORMS: Readonly<Record<string, () => Promise<OwnTransaction>>> = {
  'a pg client': async () => {
    const client = await connectApart(database.url);
    await client.query('begin');
    return { trx: client, run: (text) => client.query(text), end: async (how) => void (await client.query(how)) };
  },
  'a Kysely transaction': async () => {
    const trx = await makeKysely().startTransaction().execute();
    return { trx, run: (text) => sql.raw(text).execute(trx), end: async (how) => await trx[how]().execute() };
  },
  'a function': async () => {
    const client = await connectApart(database.url);
    await client.query('begin');
    const run = (text: string, values: string[] = []) => client.query(text, values);
    return {
      trx: async (text, values) => (await run(text, values)).rows,
      run,
      end: async (how) => void (await run(how)),
    };
  },
};

describe.each(Object.entries(FORMS))('invalidateTags(…, { trx }) with %s', (_, begin) => {
  it('INVARIANT 1, 5: is true with the commit, and no sooner; the next read here is never older', async () => {
    const { cache } = await open();
    const reader = await connectApart(database.url);
    expect(await amount(cache, reader)).toBe(10);
    const own = await begin();
    await own.run('update stock set amount = 20');
    await cache.invalidateTags('stock', { trx: own.trx });
    const asked = cache.stats().localHits;
    for (let turn = 0; turn < 3; turn += 1) expect(await amount(cache, reader)).toBe(10);
    expect(cache.stats().localHits).toBe(asked);
    await own.end('commit');
    expect(await amount(cache, reader)).toBe(20);
    await settled(cache);
    await amount(cache, reader);
    expect(await amount(cache, reader)).toBe(20);
    expect(cache.stats().localHits).toBeGreaterThan(asked);
  });

  it('INVARIANT 6: a rollback invalidates nothing, and copies are kept again', async () => {
    const [here, there] = [await open(), await open()];
    const reader = await connectApart(database.url);
    await amount(here.cache, reader);
    await amount(there.cache, reader);
    const own = await begin();
    await own.run('update stock set amount = 20');
    await here.cache.invalidateTags('stock', { trx: own.trx });
    await own.end('rollback');
    await settled(here.cache);
    for (const { cache } of [here, there]) {
      await amount(cache, reader);
      const { loads, localHits } = cache.stats();
      expect(await amount(cache, reader)).toBe(10);
      expect(cache.stats()).toMatchObject({ loads, localHits: localHits + 1 });
    }
    expect(here.cache.stats().loads).toBe(1);
    expect(there.cache.stats().loads).toBe(0);
    expect(await logged(reader)).toEqual([]);
  });

  it('INVARIANT 4: another process hears of it by its heartbeat', async () => {
    const [here, there] = [await open(), await open()];
    const reader = await connectApart(database.url);
    expect(await amount(there.cache, reader)).toBe(10);
    const own = await begin();
    await own.run('update stock set amount = 20');
    await here.cache.invalidateTags('stock', { trx: own.trx });
    await own.end('commit');
    await eventually(async () => expect(await amount(there.cache, reader)).toBe(20));
  });
});

describe('a load and a transaction at once', () => {
  it('INVARIANT 1: what was read before the commit is kept in neither tier, nor handed to later callers', async () => {
    const [here, there] = [await open(), await open()];
    const client = await connectApart(database.url);
    await client.query('begin');
    await here.cache.invalidateTags('stock', { trx: client });
    const held = new HeldLoader<string>();
    const first = here.cache.getOrSet('stock', held.load, { tags: ['stock'] });
    await held.began;
    await client.query('commit');
    const later = here.cache.getOrSet('stock', async () => 'new', { tags: ['stock'] });
    held.answer('old');
    expect(await first).toBe('old');
    expect(await later).toBe('new');
    expect(await here.cache.get('stock')).toBe('new');
    expect(await there.cache.get('stock')).toBe('new');
  });

  it('INVARIANT 1: nor when the load names the tag only as it ends', async () => {
    const { cache } = await open();
    const client = await connectApart(database.url);
    await client.query('begin');
    await cache.invalidateTags('learned', { trx: client });
    const held = new HeldLoader<string>();
    const load = (answer: () => Promise<string>) =>
      cache.getOrSet('stock', async (context) => {
        context.tags('learned');
        return await answer();
      });
    const first = load(held.load);
    await held.began;
    await client.query('commit');
    const later = load(async () => 'new');
    await settled(cache);
    held.answer('old');
    expect(await first).toBe('old');
    expect(await later).toBe('new');
  });

  it('INVARIANT 1: nor when the load begins before a Cache.transaction commits', async () => {
    const { cache } = await open();
    const pool = makePool();
    const held = new HeldLoader<string>();
    const first = cache.getOrSet('stock', held.load, { tags: ['stock'] });
    await held.began;
    await cache.transaction(pool, async () => await cache.invalidateTags('stock'));
    const later = cache.getOrSet('stock', async () => 'new', { tags: ['stock'] });
    held.answer('old');
    expect([await first, await later, await cache.get('stock')]).toEqual(['old', 'new', 'new']);
  });
});

describe('a transaction that is open for long', () => {
  it('is in doubt until it has ended, and the store answers meanwhile', async () => {
    const { cache } = await open();
    const client = await connectApart(database.url);
    await cache.set('k', 'old', { tags: ['stock'] });
    await client.query('begin');
    await cache.invalidateTags('stock', { trx: client });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(cache.stats().underWay.transactions).toBe(1);
    expect(await cache.get('k')).toBe('old');
    await client.query('commit');
    expect(await cache.get('k')).toBeUndefined();
    await settled(cache);
  });
});

describe('Cache.transaction', () => {
  const DATABASES = {
    Kysely: makeKysely,
    'a pg pool': makePool,
    'a pg client': () => connectApart(database.url),
  } as const;

  /** Runs `work` in a transaction of any of them; it is handed what runs SQL in it. */
  async function transact(
    cache: CacheInstance,
    form: keyof typeof DATABASES,
    work: (run: (text: string) => Promise<readonly unknown[]>) => Promise<void>,
  ): Promise<void> {
    if (form === 'Kysely') {
      await cache.transaction(DATABASES.Kysely(), (trx) =>
        work(async (text) => (await sql.raw<Tables['stock']>(text).execute(trx)).rows),
      );
    } else if (form === 'a pg pool') {
      await cache.transaction(DATABASES[form](), (trx) => work(async (text) => (await trx.query(text)).rows));
    } else {
      await cache.transaction(await DATABASES[form](), (trx) => work(async (text) => (await trx.query(text)).rows));
    }
  }

  describe.each(Object.keys(DATABASES) as (keyof typeof DATABASES)[])('over %s', (form) => {
    it('INVARIANT 2, 5: data and invalidation commit together, here at once and elsewhere soon', async () => {
      const [here, there] = [await open(), await open()];
      const reader = await connectApart(database.url);
      expect(await amount(here.cache, reader)).toBe(10);
      expect(await amount(there.cache, reader)).toBe(10);
      await transact(here.cache, form, async (run) => {
        await run('update stock set amount = 20');
        await here.cache.invalidateTags('stock');
        expect(await logged(reader)).toEqual([]);
      });
      expect(await amount(here.cache, reader)).toBe(20);
      await eventually(async () => expect(await amount(there.cache, reader)).toBe(20));
    });

    it('INVARIANT 6: a rollback leaves everything as it was, and tells nobody', async () => {
      const [here, there] = [await open(), await open()];
      const reader = await connectApart(database.url);
      await amount(here.cache, reader);
      await amount(there.cache, reader);
      const received = there.cache.stats().stream?.received;
      const reason = new Error('no');
      const failing = transact(here.cache, form, async (run) => {
        await run('update stock set amount = 20');
        await here.cache.invalidateTags('stock');
        await here.cache.delete('stock');
        await here.cache.clear();
        throw reason;
      });
      await expect(failing).rejects.toBe(reason);
      const hits = here.cache.stats().localHits;
      expect(await amount(here.cache, reader)).toBe(10);
      expect(here.cache.stats().localHits).toBe(hits + 1);
      expect(here.recorder.count('invalidate')).toBe(0);
      expect(await logged(reader)).toEqual([]);
      await new Promise((resolve) => setTimeout(resolve, 250));
      expect(there.cache.stats().stream?.received).toBe(received);
    });
  });

  it('a pool and a client that were used are free for other things, whatever happened', async () => {
    const { cache } = await open();
    const pool = makePool();
    for (let turn = 0; turn < 5; turn += 1) {
      await cache.transaction(pool, async () => cache.invalidateTags('stock'));
      await expect(cache.transaction(pool, (trx) => trx.query('no statement'))).rejects.toThrow('syntax error');
    }
    expect(pool.idleCount).toBe(pool.totalCount);
    const { rows } = await pool.query('select pg_current_xact_id_if_assigned() as xid');
    expect(rows).toEqual([{ xid: null }]);
  });

  it('INVARIANT 6: cached calls inside see the transaction’s own rows, and nothing of them is stored or found', async () => {
    const { cache, recorder } = await open();
    const reader = await connectApart(database.url);
    expect(await amount(cache, reader)).toBe(10);
    const client = await connectApart(database.url);
    recorder.clear();
    const failing = cache.transaction(client, async () => {
      await client.query('update stock set amount = 20');
      expect(await amount(cache, client)).toBe(20);
      expect(await cache.get('stock')).toBeUndefined();
      expect(await cache.has('stock')).toBe(false);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(recorder.of('bypass').map(({ reason }) => reason)).toEqual(['scope', 'scope']);
    expect(recorder.count('write')).toBe(0);
    expect(await amount(cache, reader)).toBe(10);
  });

  it('INVARIANT 20: nobody outside joins a load inside', async () => {
    const { cache } = await open();
    const client = await connectApart(database.url);
    const held = new HeldLoader<string>();
    const inside = cache.transaction(client, () => cache.getOrSet('k', held.load));
    await held.began;
    expect(await cache.getOrSet('k', async () => 'outside')).toBe('outside');
    held.answer('inside');
    expect(await inside).toBe('inside');
    expect(await cache.get('k')).toBe('outside');
  });

  it('delete, expire, clear and set inside make their entries invalid with the commit; set stores nothing', async () => {
    const { cache, recorder } = await open();
    const client = await connectApart(database.url);
    for (const key of ['deleted', 'expired', 'set']) await cache.set(key, 'old');
    recorder.clear();
    await cache.transaction(client, async () => {
      expect(await cache.delete('deleted')).toBe(false);
      await cache.expire('expired');
      await cache.set('set', 'new');
      expect(recorder.count('invalidate')).toBe(0);
    });
    expect(await logged(client)).toEqual(['k|deleted', 'k|expired', 'k|set']);
    for (const key of ['deleted', 'expired', 'set']) expect(await cache.get(key)).toBeUndefined();
    expect(recorder.count('invalidate')).toBe(3);
    await cache.set('other', 'old');
    await cache.transaction(client, () => cache.clear());
    expect(await cache.get('other')).toBeUndefined();
  });

  it('@InvalidateTags inside joins it', async () => {
    const { cache } = await open();
    const client = await connectApart(database.url);
    const reader = await connectApart(database.url);
    class Stock {
      @Cached('amount', { cache: cache.name, ttl: '1h', tags: ['stock'] })
      async amount(): Promise<number | undefined> {
        return await amountIn(reader);
      }

      @InvalidateTags({ tags: ['stock'], cache: cache.name })
      async change(to: number): Promise<void> {
        await client.query('update stock set amount = $1', [to]);
      }
    }
    const stock = new Stock();
    expect(await stock.amount()).toBe(10);
    await cache.transaction(client, async () => {
      await stock.change(20);
      expect(await logged(client)).toEqual(['t|stock']);
      expect(await logged(reader)).toEqual([]);
    });
    expect(await stock.amount()).toBe(20);
  });

  it('INVARIANT 2: when @InvalidateTags cannot join, nothing is committed', async () => {
    const { cache } = await open();
    const other = await createDatabase();
    onTestFinished(() => other.drop());
    const client = await connectApart(other.url);
    await client.query('create table stock (amount int)');
    class Stock {
      @InvalidateTags({ tags: ['stock'], cache: cache.name })
      async change(): Promise<string> {
        await client.query('savepoint before');
        return 'done';
      }
    }
    const failing = cache.transaction(client, async () => {
      await client.query('insert into stock values (1)');
      expect(await new Stock().change()).toBe('done');
      await client.query('rollback to savepoint before');
    });
    await expect(failing).rejects.toMatchObject({ code: 'FOREIGN_TRANSACTION' });
    expect((await client.query('select from stock')).rowCount).toBe(0);
  });

  it('a savepoint that is rolled back leaves no trace: not in the log, not elsewhere', async () => {
    const [here, there] = [await open(), await open()];
    const client = await connectApart(database.url);
    for (const tag of ['undone', 'done']) await there.cache.set(tag, 'old', { tags: [tag] });
    await here.cache.transaction(client, async () => {
      await client.query('savepoint before');
      await here.cache.invalidateTags('undone');
      await client.query('rollback to savepoint before');
      await here.cache.invalidateTags('done');
    });
    expect(await logged(client)).toEqual(['t|done']);
    await eventually(async () => expect(await there.cache.get('done')).toBeUndefined());
    const hits = there.cache.stats().localHits;
    expect(await there.cache.get('undone')).toBe('old');
    expect(there.cache.stats().localHits).toBe(hits + 1);
    expect(await here.cache.get('undone')).toBe('old');
  });

  it('many names are told in messages that fit', async () => {
    const [here, there] = [await open(), await open()];
    const client = await connectApart(database.url);
    const tags = Array.from({ length: 2_000 }, (_, i) => `tag-${i}`);
    await there.cache.set('last', 'old', { tags: ['tag-1999'] });
    const received = there.cache.stats().stream?.received ?? 0;
    await here.cache.transaction(client, () => here.cache.invalidateTags(tags));
    await eventually(async () => expect(await there.cache.get('last')).toBeUndefined());
    await eventually(() => expect(there.cache.stats().stream?.received).toBeGreaterThanOrEqual(received + 4_000));
  });

  it('another cache’s invalidations inside are made after the commit, and not after a rollback', async () => {
    const [here, other] = [await open(), await open()];
    const client = await connectApart(database.url);
    await other.cache.set('k', 'old');
    const failing = here.cache.transaction(client, async () => {
      await other.cache.delete('k');
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await other.cache.get('k')).toBe('old');
    await here.cache.transaction(client, async () => {
      await other.cache.delete('k');
      expect(await logged(client)).toEqual([]);
    });
    expect(await other.cache.get('k')).toBeUndefined();
  });
});

describe('what is refused', () => {
  it('a transaction inside of another one', async () => {
    const { cache } = await open();
    const pool = makePool();
    const nested = cache.transaction(pool, () => cache.transaction(pool, async () => undefined));
    await expect(nested).rejects.toMatchObject({ name: 'ConfigurationError', code: 'NESTED_TRANSACTION' });
  });

  it('a transaction of a database without the log', async () => {
    const { cache } = await open();
    const other = await createDatabase();
    onTestFinished(() => other.drop());
    const client = await connectApart(other.url);
    await client.query('begin');
    const failing = cache.invalidateTags('stock', { trx: client });
    await expect(failing).rejects.toMatchObject({ name: 'ConfigurationError', code: 'FOREIGN_TRANSACTION' });
    expect(cache.stats().underWay.transactions).toBe(0);
  });

  it('a transaction of a database that has a log of the same name, or was copied; nothing is logged there', async () => {
    const { cache } = await open();
    const other = await createDatabase({ template: MIGRATED });
    onTestFinished(() => other.drop());
    const client = await connectApart(other.url);
    const failing = cache.transaction(client, () => cache.invalidateTags('stock'));
    await expect(failing).rejects.toMatchObject({ code: 'FOREIGN_TRANSACTION' });
    expect(await logged(client)).toEqual([]);
  });

  it.each([
    ['a pool', () => makePool()],
    ['a Kysely instance', () => makeKysely()],
    ['a text', () => 'begin'],
  ])('%s as `trx`: it is in no transaction', async (_, make) => {
    const { cache } = await open();
    const trx = make() as unknown as TransactionHandle;
    await expect(cache.invalidateTags('stock', { trx })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });

  it('a failed statement, which the transaction has already: the error says so, and nothing is in doubt', async () => {
    const { cache } = await open();
    const client = await connectApart(database.url);
    await client.query('begin');
    await client.query('no statement').catch(() => undefined);
    await expect(cache.invalidateTags('stock', { trx: client })).rejects.toMatchObject({
      code: 'STORE_FAILED',
      outcome: 'failed',
    });
    expect(cache.stats().underWay.transactions).toBe(0);
  });

  it('a commit that PostgreSQL answers with a rollback is no success', async () => {
    const { cache } = await open();
    const failing = cache.transaction(makePool(), async (trx) => {
      await trx.query('no statement').catch(() => undefined);
    });
    await expect(failing).rejects.toMatchObject({ code: 'STORE_FAILED', outcome: 'failed' });
  });
});

describe('without PostgreSQL as the store', () => {
  it('memory: invalidations inside are made after the commit, and `trx` is refused', async () => {
    const cache = await createCache({ name: randomUUID(), connection: 'memory', defaults: { ttl: '1h' } });
    onTestFinished(() => cache.close());
    const pool = makePool();
    await cache.set('k', 'old', { tags: ['stock'] });
    await expect(
      cache.transaction(pool, async (trx) => {
        await trx.query('update stock set amount = 20');
        await cache.invalidateTags('stock');
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    expect(await cache.get('k')).toBe('old');
    expect(await amountIn(pool)).toBe(10);
    await cache.transaction(pool, async (trx) => {
      await trx.query('update stock set amount = 20');
      await cache.invalidateTags('stock');
    });
    expect(await cache.get('k')).toBeUndefined();
    expect(await amountIn(pool)).toBe(20);
    const client = await connectApart(database.url);
    await expect(cache.delete('k', { trx: client })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });
});
