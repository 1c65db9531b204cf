/** Lists entries in the order of their ids, one page at a time. */
import { sql } from 'kysely';
import type { Tables } from '../names.js';
import { type Statement, statement } from '../statement.js';
import { moment } from './moment.js';
import { bodyOf, foundEntries, metaOf, readHeader } from './read.js';

/**
 * `$1` the first id of a range, `$2` the id after which to begin, `$3` the first id after the range; `$4` a pattern; `$5` the most rows
 * to look at and `$6` the most bytes of values to answer; `$7` whether values are wanted at all; `$8` the scope's names.
 *
 * Answers what a read does, in the order of ids, and in the header a fourth column: the id after which to go on, if there may be more. What a
 * page costs is bounded by the rows it looks at, not by those that match: a pattern that matches nothing in a large table takes many short
 * statements, and none that runs into its deadline.
 */
export function listStatement(tables: Tables): Statement {
  const onPage = sql`(sized.total <= $6::bigint or sized.total = sized.size)`;
  const source = sql`(
    select * from sized where sized.wanted and ${onPage}
  ) as e`;
  return statement(
    'list',
    'read',
    sql`with ${moment(tables)}, seen as materialized (
  select e.*, e.id like $4::text as wanted
  from ${tables.entries} as e
  where e.id >= $1::text and e.id > $2::text and e.id < $3::text
  order by e.id
  limit $5::int
), measured as (
  select seen.*, case when seen.wanted and $7::boolean then octet_length(seen.value) else 0 end as size
  from seen
), sized as materialized (
  select measured.*, sum(measured.size) over (order by measured.id rows unbounded preceding) as total
  from measured
), ${foundEntries(tables, sql`$8::text[]`, source)}
select ${readHeader}, (
    select case when count(*) = $5::int or not bool_and(${onPage}) then max(sized.id) filter (where ${onPage}) end
    from sized
  ) as next
from moment
union all
select found.id, case when $7::boolean then ${bodyOf(sql`found`)} else '' end,
  ${metaOf(sql`found`, sql`found.fresh`, sql`found.stale`)}, null
from found
where found.stale > found.epoch
order by id nulls first`,
  );
}
