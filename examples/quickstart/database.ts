/** The database: yours, or a PostgreSQL server that is started for the occasion. */
import { type EmbeddedServer, startEmbedded } from 'keepsake/embedded';
import pg from 'pg';

/** Holds everything the quickstart makes, the cache's tables too. */
export const SCHEMA = 'keepsake_quickstart';

export interface Database {
  readonly url: string;
  /** What it is, for people. Without the URL, which contains a password. */
  readonly description: string;
  /** The application's own connections. The cache has others. */
  readonly pool: pg.Pool;
  /** Drops the schema, ends the connections and stops the server. */
  close(): Promise<void>;
}

/** Connects to the server at `url`, or starts one, and makes an empty schema. */
export async function openDatabase(url: string | undefined): Promise<Database> {
  const began = performance.now();
  const server = url === undefined || url === '' ? await startEmbedded() : undefined;
  const connectionString = server?.connectionString ?? url ?? '';
  const pool = applicationPool(connectionString);
  try {
    const version = await serverVersion(pool);
    await pool.query(`drop schema if exists ${SCHEMA} cascade`); // of a run that was interrupted
    await pool.query(`create schema ${SCHEMA}`);
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    const origin = server === undefined ? 'the one DATABASE_URL names' : `started for this run in ${seconds} s`;
    return {
      url: connectionString,
      description: `PostgreSQL ${version}, ${origin}`,
      pool,
      close: () => close(pool, server),
    };
  } catch (error) {
    await pool.end();
    await server?.stop();
    throw error;
  }
}

/** Opens the application's pool. Queries that would wait for a locked table fail after a while, as they should in any application. */
export function applicationPool(connectionString: string): pg.Pool {
  return new pg.Pool({ connectionString, max: 4, lock_timeout: 300 });
}

async function serverVersion(pool: pg.Pool): Promise<string> {
  const { rows } = await pool.query<{ readonly server_version: string }>('show server_version');
  return rows[0]?.server_version.split(' ')[0] ?? 'of an unknown version';
}

async function close(pool: pg.Pool, server: EmbeddedServer | undefined): Promise<void> {
  try {
    if (server === undefined) await pool.query(`drop schema if exists ${SCHEMA} cascade`);
  } finally {
    await pool.end();
    await server?.stop();
  }
}
