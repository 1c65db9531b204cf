/** What the tests of watched tables share: a schema `app` with users in it, and what statements invalidate. */
import type pg from 'pg';
import { beforeEach, expect } from 'vitest';
import { type Watch, type WatchOptions, watchTable } from '../../src/watch-table.js';
import { testNames, useDatabase, usePool } from '../support/database.js';
import { MIGRATED } from './cache-fixture.js';
import { table } from './fixture.js';

/** The log. */
export const LOG = table('_invalidations');

export interface WatchedDatabase {
  readonly database: { readonly url: string };
  readonly pool: () => pg.Pool;
  watch(options: WatchOptions): Promise<Watch>;
  /** Tags that statements of one transaction invalidate, in order; with their namespace, cut and hashed, as they stand in the log. */
  logged(...statements: readonly (string | readonly [string, readonly unknown[]])[]): Promise<string[]>;
}

/** A database of the file's own; every test begins with five users of two tenants. */
export function useWatchedDatabase(): WatchedDatabase {
  const database = useDatabase({ template: MIGRATED });
  const pool = usePool(database);
  beforeEach(async () => {
    await pool().query(`drop schema if exists app cascade; create schema app;
      create table app.users (id int primary key, name text, tenant_id int, last_seen_at timestamptz);
      insert into app.users select i, 'user ' || i, i % 2 from generate_series(1, 5) as i`);
  });
  async function logged(...statements: readonly (string | readonly [string, readonly unknown[]])[]): Promise<string[]> {
    await pool().query(`truncate ${LOG}`);
    const client = await pool().connect();
    try {
      await client.query('begin');
      for (const one of statements)
        await (typeof one === 'string' ? client.query(one) : client.query(one[0], [...one[1]]));
      await client.query('commit');
    } catch (error) {
      await client.query('rollback');
      throw error;
    } finally {
      client.release();
    }
    const { rows } = await pool().query<{ name: string; kind: string }>(`select name, kind from ${LOG} order by name`);
    expect(new Set(rows.map(({ kind }) => kind)).size).toBeLessThan(2);
    return rows.map(({ name }) => name.replace(/^t\|/, ''));
  }
  const watch = (options: WatchOptions): Promise<Watch> => watchTable(pool(), { ...options, cache: testNames() });
  return { database, pool, watch, logged };
}
