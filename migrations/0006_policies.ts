/**
 * Run-time policies: a table that operators change, and a trigger that tells every process through the log.
 *
 * Locks: one new table, which no other session can see before the commit, so nobody waits.
 */
import { type Kysely, type Migration, sql } from 'kysely';
import type { MigrationContext } from './migration-context.js';

export function policies(context: MigrationContext): Migration {
  return {
    async up(db: Kysely<unknown>): Promise<void> {
      for (const create of [createPolicies, createTold, createTrigger]) await create(context).execute(db);
    },
  };
}

const createPolicies = ({ tables, names }: MigrationContext) => sql`
  create table ${tables.policies} (
    use_case text collate "C" not null,
    enabled boolean not null default true,
    ramp_local float8,
    ramp_shared float8,
    policy jsonb not null default '{}',
    constraint ${sql.id(`${names.policies}_pkey`)} primary key (use_case),
    constraint ${sql.id(`${names.policies}_ramp_check`)} check (ramp_local between 0 and 100 and ramp_shared between 0 and 100),
    constraint ${sql.id(`${names.policies}_policy_check`)} check (jsonb_typeof(policy) = 'object')
  )`;

/** Whoever may change policies need not be allowed to write the log. A function may have the name of a table. */
const createTold = ({ tables }: MigrationContext) => sql`
  create function ${tables.policies}() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp
  as $body$
  begin
    insert into ${tables.invalidations} (name, kind) values ('p|', 'written') on conflict do nothing;
    return null;
  end
  $body$`;

const createTrigger = ({ tables, names }: MigrationContext) => sql`
  create trigger ${sql.id(`${names.policies}_told`)}
  after insert or update or delete or truncate on ${tables.policies}
  for each statement execute function ${tables.policies}()`;
