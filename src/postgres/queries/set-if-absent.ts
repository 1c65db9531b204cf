/** Writes entries as of now where no fresh one is. */
import { sql } from 'kysely';
import type { Tables } from '../names.js';
import { type Statement, statement } from '../statement.js';
import { entryInput, overwrite, writtenColumns, writtenTimes, writtenValues } from './entry-input.js';
import { headerRowOfWrite, moment } from './moment.js';
import { queueHasRoom, told } from './notify.js';
import { entrySubject } from './read.js';
import { invalidatedAt } from './validity.js';

/**
 * `$1` to `$13` as of entryInput, each id once; `$14` the channel, `$15` the hashes of the keys' names, one each; `$16` the scope's names.
 * One row for each that was written.
 *
 * Of several that write one id at a time one is first; the others wait for it and then see its row, whether or not their snapshots do.
 * An invalidation that they cannot see yet has not happened for them. Who is not first tells nobody, so copies elsewhere stay.
 */
export function setIfAbsentStatement(tables: Tables): Statement {
  const invalidated = invalidatedAt(tables, entrySubject(sql`$16::text[]`));
  const hashes = sql`array(
      select string_agg(input.hash, ' ') from stored join input on input.id = stored.id having count(*) > 0
    )`;
  return statement(
    'set_if_absent',
    'write',
    sql`with ${moment(tables)}, ${entryInput(sql`, hash`, sql`, $15::text[]`)}, stored as (
  insert into ${tables.entries} as e (${writtenColumns}
  )
  select ${writtenValues(sql`moment.snapshot`)}
  from input
  cross join moment
  order by input.id collate "C"
  on conflict (id) do update set ${overwrite}
  where least(
    date_part('epoch', e.expiresattime),
    (select ${invalidated} from moment)
  ) <= date_part('epoch', clock_timestamp())
  returning e.id
), logged as (
  insert into ${tables.invalidations} as i (name, kind)
  select 'k|' || stored.id, 'written' from stored where not (${queueHasRoom})
  on conflict (name, xid) do nothing
)
${headerRowOfWrite}
where ${told(sql`$14::text`, hashes)} >= 0
union all
select input.n, null, ${writtenTimes}
from input
join stored on stored.id = input.id`,
  );
}
