/** Counts: adds to the numbers of entries, each in one step. */
import { type RawBuilder, sql } from 'kysely';
import { COUNTER_BOUNDS, COUNTER_ENCODING } from '../../kernel/counter.js';
import type { Tables } from '../names.js';
import { type Statement, statement } from '../statement.js';
import { headerRowOfWrite, moment } from './moment.js';
import { queueHasRoom, told } from './notify.js';
import { entrySubject } from './read.js';
import { invalidatedAt } from './validity.js';

/** An instant at which nothing lives: it marks rows that only stand for "go on with the one that is there". */
const LONG_AGO = sql.raw(`'-infinity'::timestamptz`);

/** The number that a row holds, or null; it may be one that no bigint holds. Bytes are looked at as they are, since those of others may be no text. */
function numberOf(value: RawBuilder<unknown>, encoding: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`case
      when coalesce(${encoding}, 'json') in (${sql.lit(COUNTER_ENCODING)}, 'json') and length(${value}) <= 20
        and encode(${value}, 'escape') ~ '^-?[0-9]{1,19}$' then convert_from(${value}, 'UTF8')::numeric
    end`;
}

/** Of the parameters, those of the row with this id. */
const ofRow = (parameter: RawBuilder<unknown>): RawBuilder<unknown> =>
  sql`(${parameter})[array_position($1::text[], e.id::text)]`;

/** Whether other processes could hold copies of what was there before: never of a counter. */
const isNews = sql`(judged.state = 'new' or judged.encoding is distinct from ${sql.lit(COUNTER_ENCODING)})`;

/** `judged`: what each counter is by this statement's snapshot. Needs `moment`. */
function judgement(tables: Tables): RawBuilder<unknown> {
  return sql`given as materialized (
  select given.id collate "C" as id, given.n, given.by, given.least, given.most, given.ttl_ms
  from unnest($1::text[], $2::numeric[], $3::numeric[], $4::numeric[], $5::float8[])
    with ordinality as given (id, by, least, most, ttl_ms, n)
), judged as materialized (
  select given.*, e.written_at, e.encoding,
    coalesce(life.state, 'new') as state,
    case when life.state = 'goes on' then (
      select held.number
      from (select ${numberOf(sql`e.value`, sql`e.encoding`)} as number) as held
      where held.number between ${sql.raw(String(COUNTER_BOUNDS.least))} and ${sql.raw(String(COUNTER_BOUNDS.most))}
    ) else 0 end as number
  from given
  cross join moment
  left join ${tables.entries} as e on e.id = given.id
  left join lateral (
    select case
      when least(date_part('epoch', e.expiresattime), verdict.invalidated) > moment.epoch then 'goes on'
      else 'new'
    end as state
    from (
      select ${invalidatedAt(tables, entrySubject(sql`$6::text[]`))} as invalidated
      offset 0
    ) as verdict
    where e.id is not null
  ) as life on true
)`;
}

/** `stored`: what was written. An inserted row that says "go on" is one whose counter has vanished; it is dead, and tried again. */
function storing(tables: Tables): RawBuilder<unknown> {
  return sql`stored as (
  insert into ${tables.entries} as e (id, value, expiresattime, encoding, stored_as, snapshot, written_at)
  select judged.id, convert_to(judged.by::text, 'UTF8'),
    case
      when judged.state = 'goes on' then ${LONG_AGO}
      else to_timestamp(coalesce(moment.epoch + judged.ttl_ms / 1000, 'Infinity'))
    end,
    ${sql.lit(COUNTER_ENCODING)}, 'text',
    moment.snapshot,
    case when judged.state = 'goes on' then judged.written_at else to_timestamp(moment.epoch) end
  from judged
  cross join moment
  where judged.number between judged.least and judged.most
  order by judged.id
  on conflict (id) do update set
    value = case
      when excluded.expiresattime = ${LONG_AGO}
        then convert_to((${numberOf(sql`e.value`, sql`e.encoding`)} + ${ofRow(sql`$2::numeric[]`)})::text, 'UTF8')
      else excluded.value
    end,
    encoding = excluded.encoding, stored_as = excluded.stored_as, writer_xid = pg_current_xact_id(), load_ms = null,
    expiresattime = case when excluded.expiresattime = ${LONG_AGO} then e.expiresattime else excluded.expiresattime end,
    slidingexpirationinseconds = case when excluded.expiresattime = ${LONG_AGO} then e.slidingexpirationinseconds end,
    absoluteexpiration = case when excluded.expiresattime = ${LONG_AGO} then e.absoluteexpiration end,
    sliding_ms = case when excluded.expiresattime = ${LONG_AGO} then e.sliding_ms end,
    tags = case when excluded.expiresattime = ${LONG_AGO} then e.tags end,
    snapshot = excluded.snapshot, written_at = excluded.written_at,
    stale_until = null, refresh_at = null, retry_at = null, grace_ms = 0
  where case
    when excluded.expiresattime = ${LONG_AGO} then e.written_at is not distinct from excluded.written_at
      and e.expiresattime > clock_timestamp()
      and ${numberOf(sql`e.value`, sql`e.encoding`)}
        between ${ofRow(sql`$3::numeric[]`)} and ${ofRow(sql`$4::numeric[]`)}
    else pg_visible_in_snapshot(e.writer_xid, excluded.snapshot)
  end
  returning e.id, e.expiresattime, convert_from(e.value, 'UTF8') as result
)`;
}

/**
 * `$1` ids, each once; `$2` what to add; `$3` and `$4` bounds of the number it is added to; `$5` milliseconds that a counter lives which begins here, or
 * null; `$6` the scope's names; `$7` the channel; `$8` the hashes of the keys' names. `body` is what became of each: `counted`, with the result in
 * `meta`; `overflow`, with the number that is there; `not-a-number`, or `again`.
 *
 * A counter begins where there is no fresh entry. However often it is added to it keeps the time it was written at, which tells one life of it
 * from the next. An invalidation of its key that commits later ends that life, so what is added afterwards begins a new one. (The snapshot may
 * become this statement's: what can be seen in it has been looked at.)
 *
 * What a row is is judged by this statement's snapshot; its number is read when it is locked. `again`: between the two its life has ended, or
 * another one began, and only a new snapshot can tell what is true. Nothing was counted then. (A row that was removed between the two would
 * be inserted; it is one without a life.) Rows are locked in the order of ids.
 */
export function incrementStatement(tables: Tables): Statement {
  return statement(
    'increment',
    'write',
    sql`with ${moment(tables)}, ${judgement(tables)}, ${storing(tables)}, logged as (
  insert into ${tables.invalidations} as i (name, kind)
  select 'k|' || judged.id, 'written'
  from judged
  where not (${queueHasRoom}) and ${isNews}
  on conflict (name, xid) do nothing
)
${headerRowOfWrite}
where ${told(
      sql`$7::text`,
      sql`array(
        select ($8::text[])[judged.n] from judged where ${isNews}
      )`,
    )} >= 0
union all
select judged.n,
  case
    when judged.number is null then 'not-a-number'
    when judged.number not between judged.least and judged.most then 'overflow'
    when stored.id is null or stored.expiresattime = ${LONG_AGO} then 'again'
    else 'counted'
  end,
  coalesce(stored.result, judged.number::text)
from judged
left join stored on stored.id = judged.id`,
  );
}
