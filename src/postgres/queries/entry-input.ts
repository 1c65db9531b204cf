/** Entries as the parameters `$1` to `$12` of a writing statement, and where they go: shared by set and fill. */
import { type RawBuilder, sql } from 'kysely';
import { milliseconds } from './moment.js';

/**
 * The common table expression `input`. All values come as one binary parameter that is cut here: as an array of bytea
 * they would travel as hexadecimal text of twice the size. Needs `moment`. Instants are seconds since 1970.
 *
 * `columns` are further columns of `given`, after the twelve; `arrays` the parameters they come from.
 */
export function entryInput(
  columns: RawBuilder<unknown> = sql``,
  arrays: RawBuilder<unknown> = sql``,
): RawBuilder<unknown> {
  return sql`input as materialized (
  select given.*,
    substring($2::bytea from given.first for given.length) as value,
    given.tag_list::text[] as tags,
    moment.epoch,
    life.ceiling,
    life.fresh,
    life.fresh + given.grace_ms / 1000 as stale,
    moment.epoch + given.early_ms / 1000 as refresh
  from unnest(
    $1::text[], $3::int[], $4::int[], $5::text[], $6::text[], $7::text[],
    $8::float8[], $9::float8[], $10::float8[], $11::float8[], $12::float8[], $13::float8[]${arrays}
  ) with ordinality as given (
    id, first, length, encoding, stored_as, tag_list,
    ttl_ms, expires_at_ms, sliding_ms, grace_ms, early_ms, load_ms${columns}, n
  )
  cross join moment
  cross join lateral (
    select coalesce(moment.epoch + given.ttl_ms / 1000, given.expires_at_ms / 1000, 'Infinity'::float8) as ceiling
  ) as top
  cross join lateral (
    select top.ceiling, least(top.ceiling, moment.epoch + given.sliding_ms / 1000) as fresh
  ) as life
)`;
}

/**
 * One entry as the parameters `$1` to `$11` of a statement of its own: a row `input` as above, for `from`. `$1` id, `$2` value, `$3` encoding,
 * `$4` how it is stored, `$5` tags; milliseconds: `$6` ttl, `$7` expiry since 1970, `$8` sliding, `$9` grace, `$10` early, `$11` how long its load took.
 */
export const entryAlone: RawBuilder<unknown> = sql`(
    select $1::text as id, $2::bytea as value, $3::text as encoding, $4::text as stored_as, $5::text[] as tags,
      $8::float8 as sliding_ms, $9::float8 as grace_ms, $11::float8 as load_ms,
      moment.epoch,
      life.ceiling,
      life.fresh,
      life.fresh + $9::float8 / 1000 as stale,
      moment.epoch + $10::float8 / 1000 as refresh
    from (select date_part('epoch', clock_timestamp()) as epoch) as moment
    cross join lateral (
      select coalesce(moment.epoch + $6::float8 / 1000, $7::float8 / 1000, 'Infinity'::float8) as ceiling
    ) as top
    cross join lateral (
      select top.ceiling, least(top.ceiling, moment.epoch + $8::float8 / 1000) as fresh
    ) as life
  ) as input`;

/** The columns that a write sets, in the order of `writtenValues`. */
export const writtenColumns: RawBuilder<unknown> = sql`
    id, value, expiresattime, slidingexpirationinseconds, absoluteexpiration, encoding, stored_as, tags,
    snapshot, writer_xid, written_at, stale_until, refresh_at, retry_at, grace_ms, sliding_ms, load_ms`;

/** Their values from `input` (or what has its columns); `snapshot` is what the write is valid under. */
export function writtenValues(snapshot: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`
    input.id, input.value, to_timestamp(input.fresh), ceil(input.sliding_ms / 1000)::bigint,
    case when input.sliding_ms is not null and input.ceiling < 'Infinity' then to_timestamp(input.ceiling) end,
    input.encoding, input.stored_as, input.tags,
    ${snapshot}, pg_current_xact_id(), to_timestamp(input.epoch), to_timestamp(input.stale), to_timestamp(input.refresh),
    null::timestamptz, input.grace_ms, input.sliding_ms, input.load_ms`;
}

/** What an existing row gets: everything anew. */
export const overwrite: RawBuilder<unknown> = sql`
    value = excluded.value, expiresattime = excluded.expiresattime,
    slidingexpirationinseconds = excluded.slidingexpirationinseconds, absoluteexpiration = excluded.absoluteexpiration,
    encoding = excluded.encoding, stored_as = excluded.stored_as, tags = excluded.tags,
    snapshot = excluded.snapshot, writer_xid = excluded.writer_xid, written_at = excluded.written_at,
    stale_until = excluded.stale_until, refresh_at = excluded.refresh_at, retry_at = excluded.retry_at,
    grace_ms = excluded.grace_ms, sliding_ms = excluded.sliding_ms, load_ms = excluded.load_ms`;

/**
 * Milliseconds to the end of freshness, to early refresh, to the end of stale and to the ceiling of sliding, from
 * `input`.
 */
export const writtenTimes: RawBuilder<unknown> = sql`concat_ws(' ',
    ${milliseconds(sql`input.fresh - input.epoch`)},
    coalesce(${milliseconds(sql`input.refresh - input.epoch`)}, 'Infinity'),
    ${milliseconds(sql`input.stale - input.epoch`)},
    case when input.sliding_ms is null then 'Infinity' else ${milliseconds(sql`input.ceiling - input.epoch`)} end
  )`;

/** The same from the row `e` that was written. */
export const timesOfWritten: RawBuilder<unknown> = sql`concat_ws(' ',
    ${milliseconds(sql`date_part('epoch', e.expiresattime) - date_part('epoch', e.written_at)`)},
    coalesce(${milliseconds(sql`date_part('epoch', e.refresh_at) - date_part('epoch', e.written_at)`)}, 'Infinity'),
    ${milliseconds(sql`date_part('epoch', e.stale_until) - date_part('epoch', e.written_at)`)},
    coalesce(${milliseconds(sql`date_part('epoch', e.absoluteexpiration) - date_part('epoch', e.written_at)`)}, 'Infinity')
  )`;
