/** Reads entries: one row for each that may be served, after the header that is the token of all others. */
import { type RawBuilder, sql } from 'kysely';
import type { Tables } from '../names.js';
import { type Statement, statement } from '../statement.js';
import { briefMetaOf } from './brief.js';
import { incarnation, moment, newestVisible, newestVisibleWhenQuiet } from './moment.js';
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
 * The common table expression `found`: of the rows `e` of `source`, those that are valid and not over by the lifetimes they were
 * written with. Needs `moment`.
 */
export function foundEntries(
  tables: Tables,
  scopeNames: RawBuilder<unknown>,
  source: RawBuilder<unknown>,
): RawBuilder<unknown> {
  return sql`found as (
  select e.*, moment.epoch, verdict.invalidated,
    least(date_part('epoch', e.expiresattime), verdict.invalidated) as fresh,
    least(
      date_part('epoch', coalesce(e.stale_until, e.expiresattime)),
      verdict.invalidated + e.grace_ms / 1000
    ) as stale
  from ${source}
  cross join moment
  cross join lateral (
    select ${invalidatedAt(tables, entrySubject(scopeNames))} as invalidated
    offset 0
  ) as verdict
  where date_part('epoch', coalesce(e.stale_until, e.expiresattime)) > moment.epoch
    and verdict.invalidated is distinct from '-Infinity'::float8
)`;
}

/** The columns of the header, from `moment`. */
export const readHeader: RawBuilder<unknown> = sql.raw(`null::text collate "C" as id, moment.snapshot::text as body,
  concat_ws(' ', moment.began, moment.epoch, coalesce(moment.newest, '0'::xid8), moment.incarnation) as meta`);

/**
 * Reads entries under the whole validity rule. `$1` ids, each once; `$2` the log's names of the cache's scope.
 *
 * Every read answers the same three columns (a column costs more than its bytes; the client subtracts, so that the server
 * need not): the id, or null in the header; `body`, text as it is and bytes in base64, because the driver reads every
 * column as text; and `meta`, see `metaOf` and `header`.
 */
export function readStatement(tables: Tables): Statement {
  const source = sql`unnest($1::text[]) as wanted (id)
  join ${tables.entries} as e on e.id = wanted.id`;
  return statement(
    'read',
    'read',
    sql`with ${moment(tables)}, ${foundEntries(tables, sql`$2::text[]`, source)}
select ${readHeader}
from moment
union all
select found.id, ${bodyOf(sql`found`)},
  ${metaOf(sql`found`, sql`found.fresh`, sql`found.stale`)}
from found
where found.stale > found.epoch`,
  );
}

/**
 * Reads entries without looking anything up in the log: the header says which invalidation is the youngest, each row
 * the oldest transaction its load may have missed, and the client compares them, which is step 1 of the validity rule
 * (queries/validity.ts). What that does not prove has to be read again by `readStatement`. `$1` ids, each once.
 *
 * It costs half of the whole rule, because most of what a small statement costs is starting and ending its plan's nodes, and
 * of the whole rule's sixty a quiet log leaves forty unused. `quiet`, for while no writing transaction is open, costs hardly more than
 * a select by primary key; while some are open it may step over what they have logged so far.
 */
export function glanceStatement(tables: Tables, when: 'quiet' | 'busy'): Statement {
  const newest = when === 'quiet' ? newestVisibleWhenQuiet(tables) : newestVisible(tables);
  return statement(
    `glance_${when}`,
    'read',
    sql`select null::text collate "C" as id, pg_current_snapshot()::text as body,
  concat_ws(' ', date_part('epoch', transaction_timestamp()), date_part('epoch', clock_timestamp()),
    coalesce((${newest}
      ), '0'::xid8),
    ${incarnation(tables)}
  ) as meta
union all
select e.id, ${bodyOf(sql`e`)},
  ${briefMetaOf(
    sql`e`,
    metaOf(
      sql`e`,
      sql`date_part('epoch', e.expiresattime)`,
      sql`date_part('epoch', coalesce(e.stale_until, e.expiresattime))`,
    ),
  )}
from ${tables.entries} as e
where e.id = any($1::text[]) and coalesce(e.stale_until, e.expiresattime) > clock_timestamp()`,
  );
}

/** The value of a row: text as it is, and bytes in base64. */
export function bodyOf(row: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`case ${row}.stored_as
    when 'text' then convert_from(${row}.value, 'UTF8')
    else encode(${row}.value, 'base64')
  end`;
}

/**
 * What is small, packed: when freshness ends, early refresh begins, stale ends, the next try may begin (seconds since 1970,
 * as the header's clock), the sliding window (milliseconds), its ceiling, when it was written, the oldest transaction its
 * load may have missed; then how the value is stored, its encoding and its tags as JSON.
 */
export function metaOf(
  row: RawBuilder<unknown>,
  fresh: RawBuilder<unknown>,
  stale: RawBuilder<unknown>,
): RawBuilder<unknown> {
  return sql`concat_ws(' ',
    ${fresh},
    coalesce(date_part('epoch', ${row}.refresh_at), 'infinity'),
    ${stale},
    coalesce(date_part('epoch', ${row}.retry_at), 0),
    coalesce(${row}.sliding_ms, ${row}.slidingexpirationinseconds * 1000, 'NaN'),
    coalesce(date_part('epoch', ${row}.absoluteexpiration), 'infinity'),
    coalesce(date_part('epoch', ${row}.written_at), 'NaN'),
    pg_snapshot_xmin(${row}.snapshot),
    ${row}.stored_as,
    array_to_json(array_prepend(${row}.encoding, ${row}.tags))
  )`;
}
