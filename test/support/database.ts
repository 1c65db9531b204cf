/** Databases for tests: one a file, on the server of the run, dropped with whoever is still connected. */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, inject } from 'vitest';

export interface TestDatabase {
  /** URL of the database, for a user who owns it. */
  readonly url: string;
  readonly name: string;
  /** Drops it; connections that are still open are ended by the server. May be called twice. */
  drop(): Promise<void>;
}

/** A prepared database that others are copied from: `prepare` runs once a test run, a copy takes about 60 ms. */
export interface Template {
  /** Of lower-case letters, digits and `_`, at most 30; in one run the same name must always stand for the same content. */
  readonly name: string;
  readonly prepare: (url: string) => Promise<void>;
}

export interface DatabaseOptions {
  readonly template?: Template | undefined;
}

/** Creates a database of its own on the server of the run. Prefer {@link useDatabase}, which also drops it. */
export async function createDatabase(options: DatabaseOptions = {}): Promise<TestDatabase> {
  const server = inject('databaseUrl');
  const name = `keepsake_${inject('databaseRun')}_${process.pid}_${randomBytes(4).toString('hex')}`;
  // template0 has no connections that could disturb a copy, and nothing that somebody put into template1.
  const source = options.template === undefined ? 'template0' : await prepared(server, options.template);
  await withClient(server, (client) =>
    client.query(`create database ${pg.escapeIdentifier(name)} template ${pg.escapeIdentifier(source)}`),
  );
  return { url: urlOf(server, name), name, drop: () => dropDatabase(server, name) };
}

async function dropDatabase(server: string, name: string): Promise<void> {
  await withClient(server, (client) =>
    client.query(`drop database if exists ${pg.escapeIdentifier(name)} with (force)`),
  );
}

/** The template's name, once it exists. Test files run in several processes: an advisory lock lets one of them make it. */
async function prepared(server: string, template: Template): Promise<string> {
  const name = `keepsake_${inject('databaseRun')}_template_${template.name}`;
  await withClient(server, async (client) => {
    await client.query('select pg_advisory_lock(hashtext($1))', [name]);
    const { rowCount } = await client.query('select from pg_database where datname = $1 and datistemplate', [name]);
    if (rowCount !== 0) return;
    await client.query(`drop database if exists ${pg.escapeIdentifier(name)} with (force)`); // half made: its maker failed
    await client.query(`create database ${pg.escapeIdentifier(name)} template template0`);
    await template.prepare(urlOf(server, name));
    await client.query(`alter database ${pg.escapeIdentifier(name)} is_template true`);
  });
  return name;
}

async function withClient<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end(); // ends advisory locks too
  }
}

function urlOf(server: string, database: string): string {
  const url = new URL(server);
  url.pathname = `/${encodeURIComponent(database)}`;
  return url.href;
}

/** A database for the tests of this file: created before them, dropped after them. Its fields may be read from `beforeAll` on. */
export function useDatabase(options: DatabaseOptions = {}): Omit<TestDatabase, 'drop'> {
  let database: TestDatabase | undefined;
  const there = (): TestDatabase => {
    if (database === undefined)
      throw new Error('The database exists from `beforeAll` on; read its fields inside tests and hooks');
    return database;
  };
  beforeAll(async () => {
    database = await createDatabase(options);
  });
  afterAll(async () => {
    await database?.drop();
  });
  return {
    get url() {
      return there().url;
    },
    get name() {
      return there().name;
    },
  };
}

/** A `pg.Pool` on the database of this file, ended after its tests, for looking at what the code under test did. */
export function usePool(database: { readonly url: string }, max = 4): () => pg.Pool {
  let pool: pg.Pool | undefined;
  afterAll(async () => {
    await pool?.end();
  });
  return () => {
    if (pool !== undefined) return pool;
    pool = new pg.Pool({ connectionString: database.url, max });
    pool.on('error', () => undefined); // a test may have ended its connections on purpose
    return pool;
  };
}

/** Schema and prefix to test with: the run repeats with names that need quoting. */
export interface TestNames {
  readonly schema: string;
  readonly prefix: string;
}

/** From KEEPSAKE_TEST_SCHEMA (default `public`) and KEEPSAKE_TEST_PREFIX (default none). The schema may have to be created. */
export function testNames(env: NodeJS.ProcessEnv = process.env): TestNames {
  return { schema: env['KEEPSAKE_TEST_SCHEMA'] ?? 'public', prefix: env['KEEPSAKE_TEST_PREFIX'] ?? '' };
}
