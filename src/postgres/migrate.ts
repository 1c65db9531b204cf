/**
 * Migrations: brings the tables up to date with Kysely's Migrator, whose own tables live inside our schema and prefix.
 */
import { type Kysely as Database, Kysely, type Migration, Migrator, PostgresDialect, sql } from 'kysely';
import type pg from 'pg';
import { entriesAndInvalidations } from '../../migrations/0001_entries_and_invalidations.js';
import { leases } from '../../migrations/0002_leases.js';
import { marks } from '../../migrations/0003_marks.js';
import { locks } from '../../migrations/0004_locks.js';
import { createTriggers, foreignWrites } from '../../migrations/0005_foreign_writes.js';
import { policies } from '../../migrations/0006_policies.js';
import { watchedTables } from '../../migrations/0007_watched_tables.js';
import { massInvalidations } from '../../migrations/0008_mass_invalidations.js';
import type { MigrationContext } from '../../migrations/migration-context.js';
import type { FoundEntries } from './adoption.js';
import { quoted, quotedFunctions, type TableNames } from './names.js';

/** Every migration, under the name it is remembered by; never renamed, never reordered. */
const MIGRATIONS: Readonly<Record<string, (context: MigrationContext) => Migration>> = {
  '0001_entries_and_invalidations': entriesAndInvalidations,
  '0002_leases': leases,
  '0003_marks': marks,
  '0004_locks': locks,
  '0005_foreign_writes': foreignWrites,
  '0006_policies': policies,
  '0007_watched_tables': watchedTables,
  '0008_mass_invalidations': massInvalidations,
};

/** What migrations are given, and the names of the Migrator's own tables. */
export interface MigrationTarget extends Omit<MigrationContext, 'functions'> {
  readonly names: TableNames;
}

export const MIGRATION_NAMES: readonly string[] = Object.keys(MIGRATIONS);

/** The target of migrations, given the table of entries as it was found. A table that others have made is always one that others write. */
export function migrationTarget(
  names: TableNames,
  found: Pick<FoundEntries, 'origin' | 'tags'>,
  options: { readonly durability: 'unlogged' | 'logged'; readonly foreignWrites: boolean },
): MigrationTarget {
  const isAdopted = found.origin === 'adoptable';
  return {
    names,
    schema: names.schema,
    tables: quoted(names),
    durability: options.durability,
    entries: isAdopted ? 'adopt' : 'create',
    tags: found.tags,
    foreignWrites: isAdopted || options.foreignWrites ? 'heard' : 'ignored',
  };
}

/** Makes the triggers that hear foreign writes on tables that have been without; one process at a time. */
export async function hearForeignWrites(client: pg.PoolClient, context: MigrationTarget): Promise<void> {
  await client.query('set statement_timeout = 0');
  const db = databaseOf(client);
  await db.transaction().execute(async (trx) => {
    await sql`lock table ${context.tables.entries} in share row exclusive mode`.execute(trx);
    const { rows } = await sql`
      select from pg_catalog.pg_trigger where tgrelid = ${sql.lit(quotedName(context.names))}::regclass
        and tgname = ${sql.lit(`${context.names.entries}_hear_write`)}`.execute(trx);
    if (rows.length > 0) return;
    for (const statement of createTriggers(context)) await statement.execute(trx);
  });
}

function quotedName({ schema, entries }: TableNames): string {
  return [schema, entries].map((name) => `"${name.replaceAll('"', '""')}"`).join('.');
}

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
