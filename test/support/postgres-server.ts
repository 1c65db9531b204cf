/**
 * The PostgreSQL server of a test run, a vitest `globalSetup`: one server, whatever number of projects ask for it.
 *
 *     TEST_DATABASE_URL=postgres://...     a server of yours; its user must be allowed to create databases
 *     KEEPSAKE_TEST_PG=testcontainers:15   a container of `postgres:15` (needs Docker)
 *     KEEPSAKE_TEST_PG=debian:15           the programs of Debian's package postgresql-15
 *     (nothing)                            the embedded server
 *
 * Tests get its URL with `inject('databaseUrl')`; most want `useDatabase()` of database.ts instead.
 */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { startEmbedded } from '../../src/embedded/server.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** URL of the run's server, for a user who may create databases. */
    databaseUrl: string;
    /** Part of the names of this run's databases, so that a later run on the same server does not meet them. */
    databaseRun: string;
  }
}

interface TestServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** Fast rather than durable, with room for many test files and for two-phase commits. */
const SETTINGS: Readonly<Record<string, string>> = {
  max_connections: '200',
  max_prepared_transactions: '20',
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
};

/** Starts what the environment asks for. */
export async function startServer(env: NodeJS.ProcessEnv = process.env): Promise<TestServer> {
  const url = env['TEST_DATABASE_URL'];
  if (url !== undefined && url !== '') return { url, stop: async () => undefined };
  const asked = env['KEEPSAKE_TEST_PG'] ?? '';
  if (asked === '' || asked === 'embedded') return local(undefined);
  const [kind, version] = asked.split(':');
  if (version !== undefined && /^\d+$/.test(version)) {
    if (kind === 'debian') return local(`/usr/lib/postgresql/${version}/bin`);
    if (kind === 'testcontainers') return container(`postgres:${version}`);
  }
  throw new Error(
    `Expected KEEPSAKE_TEST_PG to be embedded, debian:<version> or testcontainers:<version>, got \`${asked}\``,
  );
}

async function local(binDirectory: string | undefined): Promise<TestServer> {
  const server = await startEmbedded({ binDirectory, settings: SETTINGS });
  return { url: server.connectionString, stop: () => server.stop() };
}

async function container(image: string): Promise<TestServer> {
  const { PostgreSqlContainer } = await import('@testcontainers/postgresql');
  const flags = Object.entries(SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  try {
    const started = await new PostgreSqlContainer(image).withCommand(['postgres', ...flags]).start();
    return {
      url: started.getConnectionUri(),
      stop: async () => {
        await started.stop();
      },
    };
  } catch (cause) {
    throw new Error(`Cannot start a container of ${image}: KEEPSAKE_TEST_PG=testcontainers needs a running Docker`, {
      cause,
    });
  }
}

/**
 * Every project of vitest runs its global setup by itself, with modules of its own; what they share is the process.
 * The first to come starts the server, the last to leave stops it.
 */
const SHARED = Symbol.for('keepsake.test.server');

interface Shared {
  readonly server: Promise<TestServer>;
  readonly run: string;
  users: number;
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const registry = globalThis as { [SHARED]?: Shared | undefined } & typeof globalThis;
  registry[SHARED] ??= { server: startServer(), run: randomBytes(4).toString('hex'), users: 0 };
  const shared = registry[SHARED];
  shared.users += 1;
  const { url } = await shared.server;
  project.provide('databaseUrl', url);
  project.provide('databaseRun', shared.run);
  return async () => {
    shared.users -= 1;
    if (shared.users > 0) return;
    registry[SHARED] = undefined;
    await dropDatabases(url, shared.run);
    await (await shared.server).stop();
  };
}

/** Drops what a run left behind: its templates, and databases of test files that were killed. */
async function dropDatabases(url: string, run: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string }>(
      'select datname as name from pg_database where starts_with(datname, $1)',
      [`keepsake_${run}_`],
    );
    for (const { name } of rows) {
      await client.query(`alter database ${pg.escapeIdentifier(name)} is_template false`);
      await client.query(`drop database if exists ${pg.escapeIdentifier(name)} with (force)`);
    }
  } finally {
    await client.end();
  }
}
