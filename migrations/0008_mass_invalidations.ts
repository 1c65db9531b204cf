/**
 * Mass invalidations: what one statement on a watched table has changed, where that is very many rows. A row of the log and of its two
 * indexes for each of them costs more than the change itself; here are only hashes of their names, a hundred or so to a row.
 *
 * Locks: one new table, which no other session can see before the commit, so nobody waits.
 */
import { type Kysely, type Migration, sql } from 'kysely';
import type { MigrationContext } from './migration-context.js';

export function massInvalidations(context: MigrationContext): Migration {
  return {
    async up(db: Kysely<unknown>): Promise<void> {
      for (const create of [createMass, keepInline, createXidIndex, createHides]) await create(context).execute(db);
    },
  };
}

/** Logged whatever the entries are: it carries correctness. `n` tells statements of one transaction apart; an identity needs no right on its sequence. */
const createMass = ({ tables, names }: MigrationContext) => sql`
  create table ${tables.mass} (
    bucket integer not null,
    xid xid8 not null default pg_current_xact_id(),
    n bigint not null generated always as identity,
    hashes bigint[] not null,
    constraint ${sql.id(`${names.mass}_pkey`)} primary key (bucket, xid, n)
  ) with (
    toast_tuple_target = 8160,
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_threshold = 1000,
    autovacuum_analyze_scale_factor = 0.05
  )`;

/** Hashes cannot be compressed: PostgreSQL would only try. */
const keepInline = ({ tables }: MigrationContext) => sql`
  alter table ${tables.mass} alter column hashes set storage external`;

const createXidIndex = ({ tables, names }: MigrationContext) => sql`
  create index ${sql.id(`${names.mass}_xid_idx`)} on ${tables.mass} (xid)`;

/**
 * Whether one of the tags is in a mass invalidation that is not visible in the snapshot and not the writer's own: for the validity rule, which
 * asks only when there is any such thing at all. A name's bucket is its hash's lowest ten bits, as those who insert have it
 * (src/postgres/watch/mass.ts). Two names with one hash, of 2^64, cost a needless miss.
 *
 * One plan for all snapshots, because making it takes seven times as long as running it. Both bounds of a range are of both columns, so that only the primary
 * key will do, whatever was in the table when the plan was made. What was running when the load began is another statement, which few need.
 */
const createHides = ({ tables }: MigrationContext) => sql`
  create function ${tables.massHides}(tags text[], snapshot pg_snapshot, writer xid8) returns boolean
  language plpgsql stable parallel safe
  set search_path = pg_catalog, pg_temp set enable_seqscan = off set plan_cache_mode = force_generic_plan
  as $body$
  begin
    if exists (
      select
      from ${wanted}
      cross join lateral (
        select
        from ${tables.mass} as m
        where (m.bucket, m.xid) >= (wanted.bucket, pg_snapshot_xmax(snapshot))
          and (m.bucket, m.xid) <= (wanted.bucket, '18446744073709551615'::xid8)
          and m.xid is distinct from writer
          and wanted.hash = any (m.hashes)
        offset 0
      ) as later
    ) then
      return true;
    end if;
    if pg_snapshot_xmin(snapshot) = pg_snapshot_xmax(snapshot) then
      return false;
    end if;
    return exists (
      select
      from ${wanted}
      cross join pg_snapshot_xip(snapshot) as running (xid)
      cross join lateral (
        select
        from ${tables.mass} as m
        where (m.bucket, m.xid) >= (wanted.bucket, running.xid)
          and (m.bucket, m.xid) <= (wanted.bucket, running.xid)
          and m.xid is distinct from writer
          and wanted.hash = any (m.hashes)
        offset 0
      ) as late
    );
  end
  $body$`;

const wanted = sql`(
        select named.hash, (named.hash & 1023)::integer as bucket
        from unnest(tags) as tag (tag)
        cross join lateral (select hashtextextended(('t|' || tag.tag) collate "C", 0)) as named (hash)
      ) as wanted`;
