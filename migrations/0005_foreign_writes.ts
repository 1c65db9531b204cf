/**
 * Foreign writes: triggers that hear programs which share the table of entries and know nothing of Keepsake.
 *
 * Locks: `create trigger` takes SHARE ROW EXCLUSIVE on the entries for a moment, so writers wait for the commit; only where the triggers are
 * wanted: on a table that another program made, or with `foreignWrites`.
 */
import { type Kysely, type Migration, type RawBuilder, sql } from 'kysely';
import type { MigrationContext } from './migration-context.js';

export function foreignWrites(context: MigrationContext): Migration {
  return {
    async up(db: Kysely<unknown>): Promise<void> {
      for (const create of [clamp, hearTouch, hearWrite, hearDelete, hearTruncate]) await create(context).execute(db);
      if (context.foreignWrites === 'ignored') return;
      for (const statement of createTriggers(context)) await statement.execute(db);
    },
  };
}

/** `security definer`, so that programs which write the entries need no right on the log; the search path is pinned for that reason. */
function triggerFunction(context: MigrationContext, name: string, body: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`
  create function ${sql.id(context.schema, `${context.names.entries}_${name}`)}() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
  begin
    ${body}
  end
  $$`;
}

/** Some programs let sliding pass the absolute end. */
const clamp = (context: MigrationContext) =>
  triggerFunction(
    context,
    'clamp',
    sql`new.expiresattime := new.absoluteexpiration;
    return new;`,
  );

/** A touch by a program that knows no grace: the end of staleness follows the end of freshness. */
const hearTouch = (context: MigrationContext) =>
  triggerFunction(
    context,
    'hear_touch',
    sql`new.stale_until := new.expiresattime + new.grace_ms * interval '1 millisecond';
    return new;`,
  );

/** Another program's value: everything about the former one is void, as if it had been set now. */
const hearWrite = (context: MigrationContext) =>
  triggerFunction(
    context,
    'hear_write',
    sql`new.encoding := null;
    new.stored_as := 'bytes';
    new.snapshot := pg_current_snapshot();
    new.writer_xid := pg_current_xact_id();
    new.written_at := clock_timestamp();
    new.stale_until := null;
    new.refresh_at := null;
    new.retry_at := null;
    new.grace_ms := 0;
    new.sliding_ms := null;
    new.load_ms := null;
    if tg_argv[0] = 'ours' and new.tags is not distinct from old.tags then
      new.tags := null;
    end if;
    insert into ${context.tables.invalidations} (name, kind) values ('k|' || new.id, 'written')
    on conflict (name, xid) do nothing;
    return new;`,
  );

const hearDelete = (context: MigrationContext) =>
  triggerFunction(
    context,
    'hear_delete',
    sql`insert into ${context.tables.invalidations} as i (name, kind) values ('k|' || old.id, 'delete')
    on conflict (name, xid) do update set kind = 'delete', at = excluded.at where i.kind <> 'delete';
    return null;`,
  );

/** Everything is gone: the log's name for that. */
const hearTruncate = (context: MigrationContext) =>
  triggerFunction(
    context,
    'hear_truncate',
    sql`insert into ${context.tables.invalidations} as i (name, kind) values ('n|]', 'delete')
    on conflict (name, xid) do update set kind = 'delete', at = excluded.at where i.kind <> 'delete';
    return null;`,
  );

/**
 * The triggers, which call these functions. Those before a row run in the order of their names. What is our own work is told apart by the writing
 * transaction: every write of ours is one of its own, and names itself. Deletes of ours that need no word in the log set `keepsake.own`.
 */
export function createTriggers({
  schema,
  names,
  tables,
  tags,
}: Omit<MigrationContext, 'functions'>): readonly RawBuilder<unknown>[] {
  const { entries } = names;
  const trigger = (name: string, when: RawBuilder<unknown>, argument: RawBuilder<unknown> = sql``) => sql`
  create trigger ${sql.id(`${entries}_${name}`)} ${when}
  execute function ${sql.id(schema, `${entries}_${name}`)}(${argument})`;
  return [
    trigger(
      'clamp',
      sql`before insert or update of expiresattime, absoluteexpiration on ${tables.entries}
  for each row when (new.expiresattime > new.absoluteexpiration)`,
    ),
    trigger(
      'hear_touch',
      sql`before update of expiresattime on ${tables.entries}
  for each row when (
    new.writer_xid = old.writer_xid and new.expiresattime <> old.expiresattime and new.stale_until = old.stale_until
  )`,
    ),
    trigger(
      'hear_write',
      sql`before update of value on ${tables.entries}
  for each row when (new.writer_xid = old.writer_xid)`,
      sql.lit(tags),
    ),
    trigger(
      'hear_delete',
      sql`after delete on ${tables.entries}
  for each row when (current_setting('keepsake.own', true) is distinct from 'on')`,
    ),
    trigger(
      'hear_truncate',
      sql`after truncate on ${tables.entries}
  for each statement`,
    ),
  ];
}
