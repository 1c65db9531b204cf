import { Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import postgres from 'postgres';
import { DataSource } from 'typeorm';
import { beforeEach, expect, onTestFinished } from 'vitest';
import type { CacheOptions } from '../../src/cache-options.js';
import type { CacheInstance } from '../../src/engine/cache.js';
import type { TransactionHandle } from '../../src/ports/transactions.js';
import { useDatabase } from '../support/database.js';
import { connectApart, eventually, MIGRATED, type OpenCache, openCache } from './cache-fixture.js';
import { table } from './fixture.js';

export interface Tables {
  stock: { id: number; amount: number };
}

export const database = useDatabase({ template: MIGRATED });

beforeEach(async () => {
  const client = await connectApart(database.url);
  await client.query('drop table if exists stock; create table stock (id int primary key, amount int)');
  await client.query('insert into stock values (1, 10)');
  await client.query(`delete from ${table()}`);
  await client.query(`delete from ${table('_invalidations')}`);
});

/** A cache whose local copies would live for an hour, if nothing were heard. */
export async function open(options: CacheOptions = {}): Promise<OpenCache> {
  return await openCache({ connection: database.url, localLease: '1h', ...options });
}

export function makePool(url = database.url): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max: 3 });
  pool.on('error', () => undefined);
  onTestFinished(() => pool.end());
  return pool;
}

export function makeKysely(url = database.url): Kysely<Tables> {
  const db = new Kysely<Tables>({
    dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: url, max: 3 }) }),
  });
  onTestFinished(() => db.destroy());
  return db;
}

/** The amount in stock as the cache has it. */
export function amount(cache: CacheInstance, client: pg.Client | pg.Pool): Promise<number | undefined> {
  return cache.getOrSet('stock', () => amountIn(client), { tags: ['stock'] });
}

export async function amountIn(client: Pick<pg.Client, 'query'>): Promise<number | undefined> {
  const { rows } = await client.query<{ amount: number }>('select amount from stock where id = 1');
  return rows[0]?.amount;
}

export async function logged(client: pg.Client): Promise<readonly string[]> {
  const { rows } = await client.query<{ name: string }>(`select name from ${table('_invalidations')} order by name`);
  return rows.map(({ name }) => name);
}

/** Waits until nothing is in doubt any more. */
export async function settled(cache: CacheInstance): Promise<void> {
  await eventually(() => expect(cache.stats().underWay.transactions).toBe(0));
}

/** Every form of a transaction of one's own: what is given as `trx`, its statements, and its end. */
export interface OwnTransaction {
  readonly trx: TransactionHandle;
  run(text: string): Promise<unknown>;
  end(how: 'commit' | 'rollback'): Promise<void>;
}

export const FORMS: Readonly<Record<string, () => Promise<OwnTransaction>>> = {
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
  'a function over TypeORM': async () => {
    const source = await new DataSource({ type: 'postgres', url: database.url }).initialize();
    onTestFinished(() => source.destroy());
    const { manager } = source.createQueryRunner();
    const run = (text: string, values: string[] = []) => manager.query<unknown>(text, values);
    await manager.queryRunner?.startTransaction();
    return {
      trx: run,
      run,
      end: async (how) => await manager.queryRunner?.[`${how}Transaction`](),
    };
  },
  'a function over postgres.js': async () => {
    const own = postgres(database.url, { max: 1 });
    onTestFinished(() => own.end());
    const client = await own.reserve();
    await client`begin`;
    const run = (text: string, values: string[] = []) => client.unsafe(text, values);
    return {
      trx: run,
      run,
      end: async (how) => {
        await run(how);
        client.release();
      },
    };
  },
};
