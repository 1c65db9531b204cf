/** The moment of a statement: what it can see and when it runs, read once however many rows it handles. */
import { type RawBuilder, sql } from 'kysely';
import type { Tables } from '../names.js';

/**
 * The youngest invalidation this statement can see, or null: entries that can see it too need no closer look.
 *
 * Not `max(xid)`: the rows of a transaction that is still open stand at the end of the index, and every statement would
 * step over all of them. So the ranges between running transactions are asked one by one, youngest first; the first
 * that has a row ends the search. (And `max` knows no xid8 before PostgreSQL 15.)
 */
export function newestVisible(tables: Tables): RawBuilder<unknown> {
  return sql`
      select logged.xid
      from (
        select edge.xid as high, lead(edge.xid, 1, '0'::xid8) over (order by edge.xid desc) as low
        from (
          select pg_snapshot_xmax(pg_current_snapshot()) as xid
          union all
          select running.xid from pg_snapshot_xip(pg_current_snapshot()) as running (xid)
        ) as edge
      ) as gap
      cross join lateral (
        select i.xid
        from ${tables.invalidations} as i
        where i.xid > gap.low and i.xid < gap.high
        order by i.xid desc
        limit 1
      ) as logged
      order by gap.high desc
      limit 1`;
}

/**
 * The same, at a tenth of the cost, as long as no writing transaction is open: a step to the end of the index. It is right always, but steps over
 * the rows of those that are.
 */
export function newestVisibleWhenQuiet(tables: Tables): RawBuilder<unknown> {
  return sql`
      select i.xid
      from ${tables.invalidations} as i
      where i.xid < pg_snapshot_xmax(pg_current_snapshot())
      order by i.xid desc
      limit 1`;
}

/**
 * The life of the database, or null when the boot table is empty: after a crash. The server's start belongs to it: a cold copy of its files that
 * is put back brings the boot table along, and gives out transaction ids again all the same.
 */
export function incarnation(tables: Tables): RawBuilder<unknown> {
  return sql`(
        select concat_ws(':', boot.tableoid::text, boot.id::text, date_part('epoch', pg_postmaster_start_time())::text)
        from ${tables.boot} as boot
      )`;
}

/**
 * The common table expression `moment`. `began` is the start of the statement's transaction, which is never later than
 * its snapshot: a load's age counted from it is never too short. Lifetimes go by `epoch`, the clock itself. Both are
 * seconds since 1970, so that no session's time zone can matter and infinity is a number.
 */
export function moment(tables: Tables): RawBuilder<unknown> {
  return momentWith(
    tables,
    sql`,
      (${newestVisible(tables)}
      ) as newest`,
  );
}

/** The same for statements that judge nothing by the log: what a common table expression has is computed whether or not it is asked for. */
export function momentUnjudged(tables: Tables): RawBuilder<unknown> {
  return momentWith(tables, sql``);
}

function momentWith(tables: Tables, more: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`moment as materialized (
    select
      pg_current_snapshot() as snapshot,
      date_part('epoch', transaction_timestamp()) as began,
      date_part('epoch', clock_timestamp()) as epoch,
      ${incarnation(tables)} as incarnation${more}
  )`;
}

/** The first row of what a write answers: number 0, the snapshot, and the rest of the load token; the writing transaction comes last. */
export const headerRowOfWrite: RawBuilder<unknown> = sql`
  select 0::bigint as n, moment.snapshot::text as body,
    concat_ws(' ', moment.began::text, moment.incarnation, pg_current_xact_id()::text) as meta
  from moment`;

/**
 * Seconds as whole milliseconds, rounded down but for the error of binary fractions: a lifetime of 100 ms is not 99.
 */
export function milliseconds(seconds: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`floor((${seconds}) * 1000 + 0.01)`;
}
