/** Leaves loaders alone for a while: writes when each may be tried again. */
import { sql } from 'kysely';
import type { Tables } from '../names.js';
import { type Statement, statement } from '../statement.js';
import { moment } from './moment.js';

/**
 * `$1` ids, each once; `$2` milliseconds; `$3` incarnations and `$4` snapshots: an entry rewritten since is another
 * one.
 */
export function postponeStatement(tables: Tables): Statement {
  return statement(
    'postpone',
    'write',
    sql`with ${moment(tables)}, locked as materialized (
  select e.id, given.ms
  from unnest($1::text[], $2::float8[], $3::text[], $4::text[]) as given (id, ms, incarnation, snapshot)
  join moment on moment.incarnation = given.incarnation
  join ${tables.entries} as e on e.id = given.id and pg_visible_in_snapshot(e.writer_xid, given.snapshot::pg_snapshot)
  order by e.id
  for no key update of e
)
update ${tables.entries} as e
set retry_at = to_timestamp(moment.epoch + locked.ms / 1000)
from locked
cross join moment
where e.id = locked.id`,
  );
}
