/**
 * Marks: what could be seen when, for the sweeper to know which rows of the log nobody needs any more.
 *
 * Locks: one new table, which no other session can see before the commit, so nobody waits.
 */
import { type Kysely, type Migration, sql } from 'kysely';
import type { MigrationContext } from './migration-context.js';

export function marks(context: MigrationContext): Migration {
  return {
    async up(db: Kysely<unknown>): Promise<void> {
      await createMarks(context).execute(db);
    },
  };
}

/**
 * Unlogged whatever the entries are: after a crash transaction ids may be used again, and older marks mean nothing.
 */
const createMarks = ({ tables, names }: MigrationContext) => sql`
  create unlogged table ${tables.marks} (
    at timestamptz not null default clock_timestamp(),
    incarnation text not null,
    snapshot pg_snapshot not null,
    constraint ${sql.id(`${names.marks}_pkey`)} primary key (at)
  )`;
