/** Extends sliding entries as of now. */
import { sql } from 'kysely';
import type { Tables } from '../names.js';
import { type Statement, statement } from '../statement.js';
import { milliseconds, moment } from './moment.js';
import { entrySubject } from './read.js';
import { invalidatedAt } from './validity.js';

/**
 * `$1` ids, each once; `$2` the scope's names. One row for each entry that is fresh, extended or not (it does not
 * slide, or is at its ceiling): milliseconds to the end of freshness, to early refresh and to the end of stale.
 *
 * Only timestamps change and none is indexed, so the new version stays on its page and no index is written. Rows are
 * locked in the order of ids; a row that was rewritten while this waited is left as it is. Freshness is never
 * shortened, and never extended past the ceiling the row has by then: the sweeper lowers it when it writes an `expire` into a row, and this
 * statement may be too old to see the `expire` itself.
 */
export function touchStatement(tables: Tables): Statement {
  const invalidated = invalidatedAt(tables, entrySubject(sql`$2::text[]`));
  return statement(
    'touch',
    'write',
    sql`with ${moment(tables)}, fresh as materialized (
  select wanted.n, e.id, e.writer_xid, moment.epoch, life.until,
    date_part('epoch', e.expiresattime) as expires,
    date_part('epoch', coalesce(e.refresh_at, 'infinity')) as refresh,
    date_part('epoch', coalesce(e.stale_until, e.expiresattime)) as stale,
    e.grace_ms
  from unnest($1::text[]) with ordinality as wanted (id, n)
  join ${tables.entries} as e on e.id = wanted.id
  cross join moment
  cross join lateral (
    select least(
      moment.epoch + coalesce(e.sliding_ms, e.slidingexpirationinseconds * 1000) / 1000,
      date_part('epoch', e.absoluteexpiration)
    ) as until
  ) as life
  cross join lateral (
    select ${invalidated} as invalidated
    offset 0
  ) as verdict
  where date_part('epoch', e.expiresattime) > moment.epoch and verdict.invalidated is null
), locked as materialized (
  select e.id, fresh.until
  from fresh
  join ${tables.entries} as e on e.id = fresh.id and e.writer_xid = fresh.writer_xid
  where coalesce(e.sliding_ms, e.slidingexpirationinseconds) is not null and fresh.until > fresh.expires
  order by e.id
  for no key update of e
), touched as (
  update ${tables.entries} as e
  set expiresattime = greatest(e.expiresattime, to_timestamp(least(locked.until, date_part('epoch', e.absoluteexpiration)))),
    stale_until = greatest(e.stale_until, to_timestamp(
      least(locked.until, date_part('epoch', e.absoluteexpiration)) + e.grace_ms / 1000
    ))
  from locked
  where e.id = locked.id
  returning e.id, date_part('epoch', e.expiresattime) as expires, date_part('epoch', e.stale_until) as stale
)
select fresh.n, concat_ws(' ',
    ${milliseconds(sql`coalesce(touched.expires, fresh.expires) - fresh.epoch`)},
    ${milliseconds(sql`fresh.refresh - fresh.epoch`)},
    ${milliseconds(sql`coalesce(touched.stale, fresh.stale) - fresh.epoch`)}
  )
from fresh
left join touched on touched.id = fresh.id`,
  );
}
