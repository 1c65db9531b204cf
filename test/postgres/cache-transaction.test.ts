/** `Cache.transaction` over real connections: what joins, what runs uncached, what is refused. */
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createCache } from '../../src/configure.js';
import { Cached } from '../../src/decorators/cached.js';
import { InvalidateTags } from '../../src/decorators/invalidate-tags.js';
import type { CacheInstance } from '../../src/engine/cache.js';
import type { TransactionHandle } from '../../src/ports/transactions.js';
import { createDatabase } from '../support/database.js';
import { connectApart, eventually, HeldLoader, MIGRATED } from './cache-fixture.js';
import { amount, amountIn, database, logged, makeKysely, makePool, open, type Tables } from './transactions-fixture.js';

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
    // Nor when its owner goes on: that one was rolled back.
    await client.query('begin');
    const refused = cache.invalidateTags('stock', { trx: client });
    await expect(refused).rejects.toMatchObject({ code: 'FOREIGN_TRANSACTION' });
    await client.query('commit');
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
