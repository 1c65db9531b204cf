/** The heartbeat: what entered the log since the last one, each row exactly once. */
import { sql } from 'kysely';
import type { Tables } from '../names.js';
import { type Statement, statement } from '../statement.js';

/**
 * `$1` the whole snapshot of the previous heartbeat, or null for the first; `$2` the most rows wanted. The first row is number 0 with this
 * heartbeat's snapshot and the incarnation; then the names logged and their transactions.
 *
 * What the previous snapshot could not see is a range and a few points on the index (xid). A serial cursor would lose rows of transactions that
 * commit out of order; one on `xmin` would repeat everything since the oldest open transaction.
 */
export function deltaStatement(tables: Tables): Statement {
  return statement(
    'delta',
    'read',
    sql`(
  select '' as name, pg_current_snapshot()::text as xid,
    (select boot.tableoid::text || ':' || boot.id::text from ${tables.boot} as boot) as incarnation
)
union all
(
  select late.name, late.xid::text, null
  from (
    (
      select i.name, i.xid from ${tables.invalidations} as i where i.xid >= pg_snapshot_xmax($1::pg_snapshot)
    )
    union all
    select ended.name, ended.xid
    from pg_snapshot_xip($1::pg_snapshot) as running (xid)
    cross join lateral (
      select i.name, i.xid from ${tables.invalidations} as i where i.xid = running.xid
    ) as ended
  ) as late
  limit $2::int
)`,
  );
}
