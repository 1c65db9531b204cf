/**
 * Mass invalidations: what one statement on a watched table has changed, where that is very many rows. A row of the log and of its two
 * indexes for each of them costs more than the change itself; here are only hashes of their names, a few hundred to a row.
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
 * asks only when there is any such thing at all. A name's bucket is its hash's lowest eight bits, as those who insert have it
 * (src/postgres/watch/mass.ts). Two names with one hash, of 2^64, cost a needless miss.
 */
const createHides = ({ tables }: MigrationContext) => sql`
  create function ${tables.massHides}(tags text[], snapshot pg_snapshot, writer xid8) returns boolean
  language plpgsql stable parallel safe set search_path = pg_catalog, pg_temp set enable_seqscan = off
  as $body$
  begin
    return exists (
      select
      from (
        select hashtextextended(('t|' || tag.tag) collate "C", 0) as hash from unnest(tags) as tag (tag)
      ) as named
      cross join lateral (
        (
          select m.hashes, m.xid
          from ${tables.mass} as m
          where (m.bucket, m.xid) >= ((named.hash & 255)::integer, pg_snapshot_xmax(snapshot))
            and (m.bucket, m.xid) <= ((named.hash & 255)::integer, '18446744073709551615'::xid8)
          offset 0
        )
        union all
        select late.hashes, late.xid
        from pg_snapshot_xip(snapshot) as running (xid)
        cross join lateral (
          select m.hashes, m.xid
          from ${tables.mass} as m
          where (m.bucket, m.xid) >= ((named.hash & 255)::integer, running.xid)
            and (m.bucket, m.xid) <= ((named.hash & 255)::integer, running.xid)
          offset 0
        ) as late
      ) as hit
      where hit.xid is distinct from writer and named.hash = any (hit.hashes)
    );
  end
  $body$`;
