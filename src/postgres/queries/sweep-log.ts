/** Sweeping the log: marks of what could be seen when, and the removal of rows that nobody can depend on. */
import { sql } from 'kysely';
import type { Tables } from '../names.js';
import { type Statement, statement } from '../statement.js';
import { SWEEP_MARGIN } from './sweep.js';

/** Marks within the time that one must grow old: more would say nothing new, however often somebody sweeps. */
const MARKS_PER_HORIZON = 64;

/** Remembers what can be seen now, and forgets the marks of other incarnations. */
export function markStatement(tables: Tables): Statement {
  return statement(
    'mark',
    'write',
    sql`with here as materialized (
  select boot.tableoid::text || ':' || boot.id::text as incarnation,
    pg_current_snapshot() as snapshot,
    clock_timestamp() as at,
    (meta.load_deadline_ms / 1000 + ${sql.lit(SWEEP_MARGIN)}) / ${sql.lit(MARKS_PER_HORIZON)} as spacing
  from ${tables.boot} as boot
  cross join ${tables.meta} as meta
), forgotten as (
  delete from ${tables.marks} as mark using here where mark.incarnation <> here.incarnation
)
insert into ${tables.marks} as mark (at, incarnation, snapshot)
select here.at, here.incarnation, here.snapshot
from here
where not exists (
  select
  from ${tables.marks} as last
  where last.incarnation = here.incarnation
    and abs(date_part('epoch', last.at) - date_part('epoch', here.at)) < here.spacing
)
on conflict (at) do nothing`,
  );
}

/**
 * Answers the snapshot of the youngest mark M that allows compaction, if there is one: there is a later mark B, younger by the load
 * deadline and the margin, and every transaction that was running at B has ended.
 */
export function horizonStatement(tables: Tables): Statement {
  return statement(
    'horizon',
    'read',
    sql`with here as materialized (
  select boot.tableoid::text || ':' || boot.id::text as incarnation from ${tables.boot} as boot
), barrier as materialized (
  select date_part('epoch', mark.at) as epoch
  from ${tables.marks} as mark
  join here on here.incarnation = mark.incarnation
  where pg_snapshot_xmax(mark.snapshot) <= pg_snapshot_xmin(pg_current_snapshot())
  order by mark.at desc
  limit 1
)
select mark.snapshot::text
from ${tables.marks} as mark
join here on here.incarnation = mark.incarnation
cross join barrier
cross join ${tables.meta} as meta
where date_part('epoch', mark.at) <= barrier.epoch - meta.load_deadline_ms / 1000 - ${sql.lit(SWEEP_MARGIN)}
order by mark.at desc
limit 1`,
  );
}

/**
 * `$1` the snapshot of the horizon; `$2` the transaction to begin at, or null; `$3` the most rows. Answers how many were removed, and the
 * last one's transaction: the next statement begins there, not among the remains of what this one removed.
 */
export function compactStatement(tables: Tables): Statement {
  return statement(
    'compact',
    'write',
    sql`with old as materialized (
  select i.name, i.xid
  from ${tables.invalidations} as i
  where i.xid >= coalesce($2::xid8, '0'::xid8) and i.xid < pg_snapshot_xmax($1::pg_snapshot)
    and pg_visible_in_snapshot(i.xid, $1::pg_snapshot)
  order by i.xid
  limit $3::int
  for update skip locked
), removed as (
  delete from ${tables.invalidations} as i using old where i.name = old.name and i.xid = old.xid
  returning i.xid
)
select (select count(*) from removed), (select old.xid::text from old order by old.xid desc limit 1)`,
  );
}

/** The same of mass invalidations: `$1` the snapshot of the horizon; `$2` the most rows. Answers how many were removed. */
export function compactMassStatement(tables: Tables): Statement {
  return statement(
    'compact_mass',
    'write',
    sql`with old as materialized (
  select m.bucket, m.xid, m.n
  from ${tables.mass} as m
  where m.xid < pg_snapshot_xmax($1::pg_snapshot) and pg_visible_in_snapshot(m.xid, $1::pg_snapshot)
  order by m.xid
  limit $2::int
  for update skip locked
), removed as (
  delete from ${tables.mass} as m using old where m.bucket = old.bucket and m.xid = old.xid and m.n = old.n
  returning m.xid
)
select count(*) from removed`,
  );
}

/** `$1` the snapshot of the horizon: forgets the marks before it. */
export function forgetMarksStatement(tables: Tables): Statement {
  return statement(
    'forget_marks',
    'write',
    sql`delete from ${tables.marks} as mark
where pg_snapshot_xmax(mark.snapshot) < pg_snapshot_xmax($1::pg_snapshot)`,
  );
}

/** `$1` the most rows: removes leases whose holders are long gone. */
export function forgetLeasesStatement(tables: Tables): Statement {
  return statement(
    'forget_leases',
    'write',
    sql`with gone as materialized (
  select lease.id
  from ${tables.leases} as lease
  where lease.held_until < clock_timestamp() - interval '1 minute'
  order by lease.id
  limit $1::int
  for update skip locked
)
delete from ${tables.leases} as lease using gone where lease.id = gone.id`,
  );
}
