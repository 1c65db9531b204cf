/**
 * Leases: who may load which key.
 *
 * Locks: one new table, which no other session can see before the commit, so nobody waits.
 */
import { type Kysely, type Migration, sql } from 'kysely';
import type { MigrationContext } from './migration-context.js';

export function leases(context: MigrationContext): Migration {
  return {
    async up(db: Kysely<unknown>): Promise<void> {
      await createLeases(context).execute(db);
    },
  };
}

/**
 * Unlogged: a lease that a crash loses costs one load more. Rows live for seconds and are updated in place, so half of each page is left
 * for that.
 */
const createLeases = ({ tables, names }: MigrationContext) => sql`
  create unlogged table ${tables.leases} (
    id text collate "C" not null,
    holder text not null,
    held_until timestamptz not null,
    constraint ${sql.id(`${names.leases}_pkey`)} primary key (id)
  ) with (
    fillfactor = 50,
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_threshold = 1000
  )`;
