/**
 * Entries, the invalidation log, the incarnation and what must survive a crash.
 *
 * Locks: only tables that did not exist before are touched, so nobody waits (ACCESS EXCLUSIVE on new tables, which no
 * other session can see before the commit). A table that another program has made is locked so for a moment: its new columns are
 * nullable or have defaults that do not change, so it is not rewritten.
 */
import { type Kysely, type Migration, sql } from 'kysely';
import type { MigrationContext } from './migration-context.js';

export function entriesAndInvalidations(context: MigrationContext): Migration {
  return {
    async up(db: Kysely<unknown>): Promise<void> {
      await (context.entries === 'adopt' ? adoptEntries(context, db) : createEntries(context).execute(db));
      for (const create of [createInvalidations, createBoot, createMeta]) {
        await create(context).execute(db);
      }
      await createXidIndex(context).execute(db);
      await sql`insert into ${context.tables.meta} default values`.execute(db);
    },
  };
}

/**
 * The first five columns are those of .NET's Microsoft.Extensions.Caching.Postgres; all others have defaults, so that
 * its programs can ignore them. No index on any timestamp: a touch changes nothing that is indexed, and finds room on
 * its page thanks to the fillfactor. Entries are written far more often than most tables, so vacuum comes earlier, by
 * dead rows rather than by share.
 */
const createEntries = ({ tables, names, durability }: MigrationContext) => sql`
  create ${sql.raw(durability === 'unlogged' ? 'unlogged' : '')} table ${tables.entries} (
    id text collate "C" not null,
    value bytea not null,
    expiresattime timestamptz not null,
    slidingexpirationinseconds bigint,
    absoluteexpiration timestamptz,
    encoding text,
    stored_as text not null default 'bytes',
    tags text[],
    snapshot pg_snapshot not null default pg_current_snapshot(),
    writer_xid xid8 not null default pg_current_xact_id(),
    written_at timestamptz default clock_timestamp(),
    stale_until timestamptz,
    refresh_at timestamptz,
    retry_at timestamptz,
    grace_ms float8 not null default 0,
    sliding_ms float8,
    load_ms float8,
    constraint ${sql.id(`${names.entries}_pkey`)} primary key (id),
    constraint ${sql.id(`${names.entries}_stored_as_check`)} check (stored_as in ('text', 'bytes', 'utf16'))
  ) with (
    fillfactor = 80,
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_threshold = 1000,
    autovacuum_analyze_scale_factor = 0.05
  )`;

/** The rows that are there count as written by this migration, except that nobody knows when. Indexes and settings stay as their maker wanted them. */
async function adoptEntries({ tables, names }: MigrationContext, db: Kysely<unknown>): Promise<void> {
  await sql`
  alter table ${tables.entries}
    add column if not exists encoding text,
    add column if not exists stored_as text not null default 'bytes'
      constraint ${sql.id(`${names.entries}_stored_as_check`)} check (stored_as in ('text', 'bytes', 'utf16')),
    add column if not exists tags text[],
    add column if not exists snapshot pg_snapshot not null default pg_current_snapshot(),
    add column if not exists writer_xid xid8 not null default pg_current_xact_id(),
    add column if not exists written_at timestamptz,
    add column if not exists stale_until timestamptz,
    add column if not exists refresh_at timestamptz,
    add column if not exists retry_at timestamptz,
    add column if not exists grace_ms float8 not null default 0,
    add column if not exists sliding_ms float8,
    add column if not exists load_ms float8`.execute(db);
  await sql`alter table ${tables.entries} alter column written_at set default clock_timestamp()`.execute(db);
}

/**
 * Logged whatever the entries are: it carries correctness. Append-only, under the writer's own id, so that writers
 * never wait for each other.
 */
const createInvalidations = ({ tables, names }: MigrationContext) => sql`
  create table ${tables.invalidations} (
    name text collate "C" not null,
    xid xid8 not null default pg_current_xact_id(),
    kind text not null,
    at timestamptz not null default clock_timestamp(),
    constraint ${sql.id(`${names.invalidations}_pkey`)} primary key (name, xid),
    constraint ${sql.id(`${names.invalidations}_kind_check`)} check (kind in ('delete', 'expire', 'written'))
  ) with (
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_threshold = 1000,
    autovacuum_analyze_scale_factor = 0.05
  )`;

const createXidIndex = ({ tables, names }: MigrationContext) => sql`
  create index ${sql.id(`${names.invalidations}_xid_idx`)} on ${tables.invalidations} (xid)`;

/** Unlogged whatever the entries are: PostgreSQL empties it exactly when transaction ids may be used again. */
const createBoot = ({ tables, names }: MigrationContext) => sql`
  create unlogged table ${tables.boot} (
    "only" boolean not null default true,
    id uuid not null default gen_random_uuid(),
    constraint ${sql.id(`${names.boot}_pkey`)} primary key ("only"),
    constraint ${sql.id(`${names.boot}_only_check`)} check ("only")
  )`;

const createMeta = ({ tables, names }: MigrationContext) => sql`
  create table ${tables.meta} (
    "only" boolean not null default true,
    cache_id uuid not null default gen_random_uuid(),
    identity text,
    load_deadline_ms float8 not null default 0,
    constraint ${sql.id(`${names.meta}_pkey`)} primary key ("only"),
    constraint ${sql.id(`${names.meta}_only_check`)} check ("only")
  )`;
