/** Migrations by hand: what is missing in a database, and applying it, without a cache. */
import pg from 'pg';
import { inspectEntries } from './adoption.js';
import { textArray } from './arrays.js';
import { type RunOn, runOn } from './executor.js';
import { checkServer } from './identity.js';
import { MIGRATION_NAMES, type MigrationTarget, migrate, migrationTarget } from './migrate.js';
import { migrationSql } from './migration-sql.js';
import { type NameOptions, type TableNames, tableNames } from './names.js';
import { inspectSchema } from './schema.js';
import { configurationErrorOf, storeErrorOf } from './sqlstate.js';
import { assertConnectable, poolConfig } from './startup.js';

export interface MigrationOptions extends NameOptions {
  /** A URL, past every transaction pooler. */
  readonly connection: string;
  readonly durability: 'unlogged' | 'logged';
}

/** Milliseconds; waiting for another process's migration counts. */
const TIMEOUT = 600_000;

/**
 * Applies what was not applied yet, and says what that was.
 *
 * @throws ConfigurationError and StoreError, as opening a store does
 */
export async function applyMigrations(options: MigrationOptions): Promise<readonly string[]> {
  return await connected(options, async (client) => {
    const target = await targetOf(options, runOn(client));
    const before = await appliedOf(runOn(client), target.names);
    if (before.pending.length > 0) await migrate(client, target);
    return before.pending;
  });
}

/**
 * The SQL that {@link applyMigrations} would run. With a connection, of what is missing there; else of everything.
 *
 * @throws like {@link applyMigrations}
 */
export async function printMigrations(
  options: Omit<MigrationOptions, 'connection'> & { readonly connection: string | undefined },
): Promise<{ readonly pending: readonly string[]; readonly sql: string }> {
  const { connection } = options;
  const { applied, pending, target } =
    connection === undefined
      ? { applied: [], pending: MIGRATION_NAMES, target: await targetOf(options) }
      : await connected({ ...options, connection }, async (client) => {
          const there = await targetOf(options, runOn(client));
          return { ...(await appliedOf(runOn(client), there.names)), target: there };
        });
  return { pending, sql: pending.length === 0 ? '' : await migrationSql(target, new Set(applied)) };
}

async function targetOf(
  { durability, ...options }: NameOptions & Pick<MigrationOptions, 'durability'>,
  run?: RunOn,
): Promise<MigrationTarget> {
  const names = tableNames(options);
  const found = run === undefined ? NOTHING_FOUND : await inspectEntries(run, names);
  return migrationTarget(names, found, { durability, foreignWrites: false });
}

const NOTHING_FOUND = { origin: 'missing', tags: 'ours' } as const;

interface Progress {
  readonly applied: readonly string[];
  readonly pending: readonly string[];
}

async function appliedOf(run: RunOn, names: TableNames): Promise<Progress> {
  await checkServer(run);
  if ((await inspectSchema(run, names, MIGRATION_NAMES)) === 'current')
    return { applied: MIGRATION_NAMES, pending: [] };
  const table = `${pg.escapeIdentifier(names.schema)}.${pg.escapeIdentifier(names.migrations)}`;
  const [there] = await run('select to_regclass($1::text)::text', [table]);
  if (there?.[0] == null) return { applied: [], pending: MIGRATION_NAMES };
  const rows = await run(`select name from ${table} where name = any ($1::text[])`, [textArray(MIGRATION_NAMES)]);
  const applied = rows.map(([name]) => name ?? '');
  return { applied, pending: MIGRATION_NAMES.filter((name) => !applied.includes(name)) };
}

async function connected<T>(options: MigrationOptions, use: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  assertConnectable(options.connection);
  const timeouts = { read: TIMEOUT, write: TIMEOUT };
  const pool = new pg.Pool(poolConfig(options.connection, { poolSize: 1, timeouts, settings: 'plain' }));
  pool.on('error', () => undefined); // its statement fails as well
  try {
    const client = await pool.connect();
    try {
      return await use(client);
    } finally {
      client.release(true);
    }
  } catch (error) {
    const subject = 'The migrations cannot be applied';
    throw configurationErrorOf(error, subject) ?? storeErrorOf(error, subject, 'failed');
  } finally {
    await pool.end();
  }
}
