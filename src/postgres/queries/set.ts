/** Writes entries as of now: whoever commits last wins, and loads that began before are refused. */
import { sql } from 'kysely';
import type { Tables } from '../names.js';
import { type Statement, statement } from '../statement.js';
import { entryInput, overwrite, writtenColumns, writtenTimes, writtenValues } from './entry-input.js';
import { headerRowOfWrite, momentUnjudged } from './moment.js';
import { queueHasRoom, told } from './notify.js';

/**
 * `$1` to `$13` as of entryInput, each id once. Rows are locked in the order of ids, as by every statement, so that
 * none waits in a circle.
 */
export function setStatement(tables: Tables): Statement {
  return statement(
    'set',
    'write',
    sql`with ${momentUnjudged(tables)}, ${entryInput()}, stored as (
  insert into ${tables.entries} as e (${writtenColumns}
  )
  select ${writtenValues(sql`moment.snapshot`)}
  from input
  cross join moment
  order by input.id collate "C"
  on conflict (id) do update set ${overwrite}
), logged as (
  insert into ${tables.invalidations} as i (name, kind)
  select 'k|' || input.id, 'written' from input where not (${queueHasRoom})
  on conflict (name, xid) do nothing
)
${headerRowOfWrite}
where ${told(sql`$14::text`, sql`$15::text[]`)} >= 0
union all
select input.n, null, ${writtenTimes}
from input`,
  );
}
