/** What the tests of the Postgres store share: stores that are closed after the test, writes, and counted statements. */
import pg from 'pg';
import { onTestFinished } from 'vitest';
import { EVERYTHING, namespaceName } from '../../src/kernel/names.js';
import type { EntryWrite, Store } from '../../src/ports/store.js';
import { quoted, type Tables, tableNames } from '../../src/postgres/names.js';
import { createPostgresStore, type PostgresStoreOptions } from '../../src/postgres/store.js';
import { testNames } from '../support/database.js';

export const SCOPE = { scopeNames: [namespaceName(''), EVERYTHING], loadDeadline: 600_000 };

/** Patient enough for a busy machine; tests of deadlines give their own. */
export const PATIENT = { read: 10_000, write: 10_000 };

/** A store that is closed after the test, not opened yet. */
export function makeStore(options: PostgresStoreOptions): Store {
  const store = createPostgresStore({ ...SCOPE, ...testNames(), timeouts: PATIENT, ...options });
  onTestFinished(() => store.close());
  return store;
}

/** The same, open. */
export async function openStore(options: PostgresStoreOptions): Promise<Store> {
  const store = makeStore(options);
  await store.open();
  return store;
}

/** A write of one hour. */
export function write(
  id: string,
  parts: { body?: string | Uint8Array; tags?: readonly string[]; ttl?: number } = {},
): EntryWrite {
  const { body = 'value', tags = [], ttl = 3_600_000 } = parts;
  const lifetimes = { ttl, sliding: undefined, expiresAt: undefined, grace: 0, early: undefined };
  return { id, encoded: { encoding: 'test', body }, tags, lifetimes, loadMs: undefined };
}

export async function bodyOf(store: Store, id: string): Promise<string | undefined> {
  const { entry } = await store.read(id);
  return entry && Buffer.from(entry.encoded.body).toString();
}

/** A quoted table of the cache under test: `table()` is the entries', `table('_meta')` another. */
export function table(suffix = '', names: { schema: string; prefix: string } = testNames()): string {
  return `${pg.escapeIdentifier(names.schema)}.${pg.escapeIdentifier(`${names.prefix}cache${suffix}`)}`;
}

/** The tables of the cache under test, as statements have them. */
export const tables = (): Tables => quoted(tableNames({ ...testNames(), table: 'cache' }));

/** A pool that notes the text of every statement sent through it. */
export function countingPool(url: string, max = 4): { readonly pool: pg.Pool; readonly statements: string[] } {
  const statements: string[] = [];
  const pool = new pg.Pool({ connectionString: url, max });
  pool.on('connect', (client) => {
    const query: unknown = client.query;
    Object.defineProperty(client, 'query', {
      value: (...args: unknown[]): unknown => {
        const [config] = args;
        statements.push(typeof config === 'string' ? config : String(Reflect.get(Object(config), 'text')));
        return Reflect.apply(query as (...given: unknown[]) => unknown, client, args);
      },
    });
  });
  pool.on('error', () => undefined);
  onTestFinished(() => (pool.ended ? undefined : pool.end()));
  return { pool, statements };
}

/** A connection of its own, ended after the test. */
export async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}

/** The error a promise rejects with. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => {
      throw new Error(`Expected a rejection, got ${JSON.stringify(value)}`);
    },
    (error: unknown) => error,
  );
}
