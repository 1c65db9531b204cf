/** Reads entries: one row for each that may be served, after the header that is the token of all others. */
import { type RawBuilder, sql } from 'kysely';
import type { Tables } from '../names.js';
import { type Statement, statement } from '../statement.js';
import { headerRow, milliseconds, moment } from './moment.js';
import { invalidatedAt } from './validity.js';

/** A row `e` of the table of entries as the subject of the validity rule. */
export const entrySubject = (scopeNames: RawBuilder<unknown>) => ({
  id: sql`e.id`,
  tags: sql`e.tags`,
  snapshot: sql`e.snapshot`,
  writer: sql`e.writer_xid`,
  scopeNames,
});

/**
 * `$1` ids, each once; `$2` the log's names of the cache's scope.
 *
 * `meta` packs what is small (a column costs more than its bytes): milliseconds to the end of freshness, to early
 * refresh, to the end of stale, to the next try, the sliding window, milliseconds to its ceiling, the age; then
 * encoding and tags as JSON. `body` is text as it is, and bytes in base64, because the driver reads every column as
 * text.
 */
export function readStatement(tables: Tables): Statement {
  return statement(
    'read',
    'read',
    sql`with ${moment(tables)}, found as (
  select wanted.n, e.*, moment.epoch, verdict.invalidated,
    least(date_part('epoch', e.expiresattime), verdict.invalidated) as fresh,
    least(
      date_part('epoch', coalesce(e.stale_until, e.expiresattime)),
      verdict.invalidated + e.grace_ms / 1000
    ) as stale
  from unnest($1::text[]) with ordinality as wanted (id, n)
  join ${tables.entries} as e on e.id = wanted.id
  cross join moment
  cross join lateral (
    select ${invalidatedAt(tables, entrySubject(sql`$2::text[]`))} as invalidated
    offset 0
  ) as verdict
  where date_part('epoch', coalesce(e.stale_until, e.expiresattime)) > moment.epoch
    and verdict.invalidated is distinct from '-Infinity'::float8
)
${headerRow}
union all
select found.n,
  case found.stored_as
    when 'text' then convert_from(found.value, 'UTF8')
    else encode(found.value, 'base64')
  end,
  concat_ws(' ',
    ${milliseconds(sql`found.fresh - found.epoch`)},
    ${milliseconds(sql`date_part('epoch', coalesce(found.refresh_at, 'infinity')) - found.epoch`)},
    ${milliseconds(sql`found.stale - found.epoch`)},
    coalesce(${milliseconds(sql`date_part('epoch', found.retry_at) - found.epoch`)}, 0),
    coalesce(found.sliding_ms, found.slidingexpirationinseconds * 1000, 'NaN'::float8),
    ${milliseconds(sql`date_part('epoch', coalesce(found.absoluteexpiration, 'infinity')) - found.epoch`)},
    ${milliseconds(sql`found.epoch - coalesce(date_part('epoch', found.written_at), found.epoch)`)},
    found.stored_as,
    array_to_json(array_prepend(found.encoding, found.tags))
  )
from found
where found.stale > found.epoch`,
  );
}
