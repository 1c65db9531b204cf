/** What the tests of the sweeper share: a store whose time can be moved, and entries of all kinds. */
import type pg from 'pg';
import { expect, onTestFinished } from 'vitest';
import type { EntryWrite, LoadToken, Store } from '../../src/ports/store.js';
import { createPostgresStore, type PostgresStoreOptions } from '../../src/postgres/store.js';
import { testNames, useDatabase } from '../support/database.js';
import { connect, PATIENT, SCOPE, table, write } from './fixture.js';

export const database = useDatabase();

export const MINUTE = 60_000;
/** Past the load deadline and the margin. */
export const HORIZON = SCOPE.loadDeadline + 2 * MINUTE;

let made = 0;

export interface Place {
  readonly names: { schema: string; prefix: string };
  readonly store: Store & { sweep(): ReturnType<NonNullable<Store['sweep']>> };
  readonly client: pg.Client;
  open(options?: Partial<PostgresStoreOptions>): Promise<Place['store']>;
  /** Makes everything older: entries, the log, and marks. */
  pass(ms: number): Promise<void>;
  ids(): Promise<string[]>;
  log(): Promise<string[]>;
}

/** Tables of their own, with a store that sweeps by hand only. */
export async function place(): Promise<Place> {
  made += 1;
  const names = { ...testNames(), prefix: `s${made}_` };
  const client = await connect(database.url);
  const at = (suffix = '') => table(suffix, names);
  const open = async (options: Partial<PostgresStoreOptions> = {}) => {
    const store = createPostgresStore({
      connection: database.url,
      ...SCOPE,
      ...names,
      timeouts: PATIENT,
      sweep: false,
      ...options,
    });
    onTestFinished(() => store.close());
    await store.open();
    return store as Place['store'];
  };
  return {
    names,
    store: await open(),
    client,
    open,
    async pass(ms) {
      const by = `interval '${ms} milliseconds'`;
      await client.query(`
        update ${at()} set expiresattime = expiresattime - ${by}, absoluteexpiration = absoluteexpiration - ${by},
          written_at = written_at - ${by}, stale_until = stale_until - ${by};
        update ${at('_invalidations')} set at = at - ${by};
        update ${at('_marks')} set at = at - ${by};
        update ${at('_leases')} set held_until = held_until - ${by}`);
    },
    ids: async () =>
      (await client.query<{ id: string }>(`select id from ${at()} order by id`)).rows.map(({ id }) => id),
    log: async () =>
      (await client.query<{ name: string }>(`select name from ${at('_invalidations')} order by name`)).rows.map(
        ({ name }) => name,
      ),
  };
}

export const loaded = (id: string, parts: Parameters<typeof write>[1] = {}): EntryWrite => ({
  ...write(id, parts),
  loadMs: 5,
});

export function lasting(id: string, lifetimes: Partial<EntryWrite['lifetimes']>, tags: string[] = []): EntryWrite {
  const plain = write(id, { tags });
  return { ...plain, loadMs: 5, lifetimes: { ...plain.lifetimes, ...lifetimes } };
}

export async function fill(store: Store, entry: EntryWrite): Promise<LoadToken> {
  const { token } = await store.read(entry.id);
  expect(await store.fill(entry, token)).toMatchObject({ status: 'stored' });
  return token;
}

export const older = (token: LoadToken, ms: number): LoadToken => ({
  ...token,
  at: String(Number(token.at) - ms / 1000),
});
