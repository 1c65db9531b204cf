/**
 * Locks: who holds which name.
 *
 * Locks taken: one new table, which no other session can see before the commit, so nobody waits.
 */
import { type Kysely, type Migration, sql } from 'kysely';
import type { MigrationContext } from './migration-context.js';

export function locks(context: MigrationContext): Migration {
  return {
    async up(db: Kysely<unknown>): Promise<void> {
      await createLocks(context).execute(db);
    },
  };
}

/**
 * Logged whatever the entries are: a lock that a crash lost would have two holders. `fence` is an identity, so that no right on a sequence
 * is needed; PostgreSQL writes ahead before it gives numbers out, so none is given out twice, in a crash neither.
 */
const createLocks = ({ tables, names }: MigrationContext) => sql`
  create table ${tables.locks} (
    name text collate "C" not null,
    holder text not null,
    fence bigint generated always as identity,
    held_until timestamptz not null,
    constraint ${sql.id(`${names.locks}_pkey`)} primary key (name)
  ) with (
    fillfactor = 50,
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_threshold = 1000
  )`;
