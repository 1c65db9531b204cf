/** Deletes entries: logs the invalidation of each key and removes the rows. */
import { sql } from 'kysely';
import type { Tables } from '../names.js';
import { type Statement, statement } from '../statement.js';
import { headerRowOfWrite, moment } from './moment.js';
import { told } from './notify.js';
import { entrySubject } from './read.js';
import { invalidatedAt } from './validity.js';

/**
 * `$1` ids, each once; `$2` the scope's names; `$3` the channel and `$4` the hashes of the keys' names. `body` is `existed` where an entry was there that could have been
 * served.
 *
 * The log alone makes a deletion true; removing the row only frees its room. So a row that somebody has locked is left
 * to the sweeper, and a deletion waits for nobody.
 */
export function deleteStatement(tables: Tables): Statement {
  const invalidated = invalidatedAt(tables, entrySubject(sql`$2::text[]`));
  return statement(
    'delete',
    'write',
    sql`with ${moment(tables)}, wanted as materialized (
  select wanted.id collate "C" as id, wanted.n from unnest($1::text[]) with ordinality as wanted (id, n)
), logged as (
  insert into ${tables.invalidations} as i (name, kind)
  select 'k|' || wanted.id, 'delete' from wanted
  on conflict (name, xid) do update set kind = 'delete', at = excluded.at
), served as materialized (
  select wanted.n, least(
      date_part('epoch', coalesce(e.stale_until, e.expiresattime)),
      verdict.invalidated + e.grace_ms / 1000
    ) > moment.epoch and verdict.invalidated is distinct from '-Infinity'::float8 as existed
  from wanted
  join ${tables.entries} as e on e.id = wanted.id
  cross join moment
  cross join lateral (
    select ${invalidated} as invalidated
    offset 0
  ) as verdict
), locked as materialized (
  select e.id
  from wanted
  join ${tables.entries} as e on e.id = wanted.id
  for update of e skip locked
), removed as (
  delete from ${tables.entries} as e using locked where e.id = locked.id
)
${headerRowOfWrite}
where ${told(sql`$3::text`, sql`$4::text[]`)} >= 0
union all
select served.n, 'existed', null
from served
where served.existed`,
  );
}
