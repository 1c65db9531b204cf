/** Leaves loaders alone for a while: writes when each may be tried again, or when its early refresh is due. */
import { sql } from 'kysely';
import type { Tables } from '../names.js';
import { type Statement, statement } from '../statement.js';
import { momentUnjudged } from './moment.js';

/**
 * `$1` ids, each once; `$2` milliseconds; `$3` incarnations and `$4` snapshots: an entry rewritten since is another
 * one; `$5` what is put off, `load` or `refresh`.
 */
export function postponeStatement(tables: Tables): Statement {
  return statement(
    'postpone',
    'write',
    sql`with ${momentUnjudged(tables)}, locked as materialized (
  select e.id, given.what, to_timestamp(moment.epoch + given.ms / 1000) as until
  from unnest($1::text[], $2::float8[], $3::text[], $4::text[], $5::text[]) as given (id, ms, incarnation, snapshot, what)
  join moment on moment.incarnation = given.incarnation
  join ${tables.entries} as e on e.id = given.id and pg_visible_in_snapshot(e.writer_xid, given.snapshot::pg_snapshot)
  order by e.id
  for no key update of e
)
update ${tables.entries} as e
set
  retry_at = case locked.what when 'load' then locked.until else e.retry_at end,
  refresh_at = case when locked.what = 'refresh' and e.refresh_at < locked.until then locked.until else e.refresh_at end
from locked
where e.id = locked.id`,
  );
}
