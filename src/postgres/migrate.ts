/**
 * Migrations: brings the tables up to date with Kysely's Migrator, whose own tables live inside our schema and prefix.
 */
import { type Kysely as Database, Kysely, type Migration, Migrator, PostgresDialect } from 'kysely';
import type pg from 'pg';
import { entriesAndInvalidations } from '../../migrations/0001_entries_and_invalidations.js';
import { leases } from '../../migrations/0002_leases.js';
import { marks } from '../../migrations/0003_marks.js';
import { locks } from '../../migrations/0004_locks.js';
import { watchedTables } from '../../migrations/0007_watched_tables.js';
import type { MigrationContext } from '../../migrations/migration-context.js';
import { quotedFunctions, type TableNames } from './names.js';

/** Every migration, under the name it is remembered by; never renamed, never reordered. */
const MIGRATIONS: Readonly<Record<string, (context: MigrationContext) => Migration>> = {
  '0001_entries_and_invalidations': entriesAndInvalidations,
  '0002_leases': leases,
  '0003_marks': marks,
  '0004_locks': locks,
  '0007_watched_tables': watchedTables,
};

/** What migrations are given, and the names of the Migrator's own tables. */
export interface MigrationTarget extends Omit<MigrationContext, 'functions'> {
  readonly names: TableNames;
}

export const MIGRATION_NAMES: readonly string[] = Object.keys(MIGRATIONS);

/**
 * Applies what was not applied yet; everything in one transaction, one process at a time (an advisory lock of the
 * session, so behind a transaction pooler migrations need a direct connection).
 */
export async function migrate(client: pg.PoolClient, context: MigrationTarget): Promise<void> {
  // Waiting for another process's migration may take longer than any statement; the caller destroys this connection.
  await client.query('set statement_timeout = 0');
  const { error } = await migratorOf(databaseOf(client), context).migrateToLatest();
  if (error !== undefined) throw error instanceof Error ? error : new Error('The migration failed', { cause: error });
}

/** Every migration, in order, as what makes it so over this target. */
export function migrationsOf(context: MigrationTarget): readonly (readonly [name: string, migration: Migration])[] {
  return Object.entries(MIGRATIONS).map(([name, make]) => [
    name,
    make({ ...context, functions: quotedFunctions(context.names) }),
  ]);
}

function migratorOf(db: Database<unknown>, context: MigrationTarget): Migrator {
  const { names } = context;
  return new Migrator({
    db,
    provider: {
      getMigrations: () => Promise.resolve(Object.fromEntries(migrationsOf(context))),
    },
    migrationTableSchema: names.schema,
    migrationTableName: names.migrations,
    migrationLockTableName: names.migrationLock,
  });
}

/** Kysely on one connection that stays ours. */
function databaseOf(client: pg.PoolClient): Database<unknown> {
  const borrowed = new Proxy(client, {
    get(target, property) {
      if (property === 'release') return () => undefined;
      const value: unknown = Reflect.get(target, property);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return new Kysely<unknown>({
    dialect: new PostgresDialect({ pool: { connect: () => Promise.resolve(borrowed), end: () => Promise.resolve() } }),
  });
}
