/** Sweeping entries: removes rows that are dead and fence nobody, and writes into others what the log says of them. */
import { type RawBuilder, sql } from 'kysely';
import { EVERYTHING, namespaceName } from '../../kernel/names.js';
import type { Tables } from '../names.js';
import { type Statement, statement } from '../statement.js';
import { moment } from './moment.js';
import { entrySubject } from './read.js';
import { invalidatedAt } from './validity.js';

/**
 * Seconds by which everything that goes by `load_deadline` is kept longer: for the time between a statement's look at the clock and its
 * commit, and for a clock that is set back.
 */
export const SWEEP_MARGIN = 60;

/** Some microseconds, in seconds: instants as binary fractions are that exact. */
const EXACTNESS = sql.raw('0.00001');

/** `$1` the id after which to begin; `$2` the most rows to look at. Rows that somebody has locked are skipped. */
export function sweepStatement(tables: Tables): Statement {
  return statement(
    'sweep',
    'write',
    sweeping(tables, sql`where e.id > $1::text order by e.id limit $2::int`, sql`for update of e skip locked`),
  );
}

/** `$1` ids of rows that were skipped: waits for each. */
export function sweepAgainStatement(tables: Tables): Statement {
  return statement(
    'sweep_again',
    'write',
    sweeping(tables, sql`where e.id = any ($1::text[]) order by e.id`, sql`for update of e`),
  );
}

/** The names that hide every entry of the namespace of `e`, which its id tells: a table is shared by many. */
const scopeNamesOfRow = sql`array[
        ${sql.lit(namespaceName(''))} || case
          when left(e.id, 1) = '[' and position(']' in e.id) > 1
            then substring(e.id from 2 for position(']' in e.id) - 2)
          else ''
        end,
        ${sql.lit(EVERYTHING)}
      ]`;

/** The common table expression `judged`: what is to be done with each row of `seen`, and what the log allows it. Needs `moment`. */
function judgement(tables: Tables): RawBuilder<unknown> {
  return sql`judged as materialized (
  select e.id, e.writer_xid, e.bytes, law.limit_fresh, law.limit_stale,
    case
      when least(e.stale, law.limit_stale) <= moment.epoch and not (e.load_ms is null and coalesce(
        e.written + meta.load_deadline_ms / 1000 + ${sql.lit(SWEEP_MARGIN)} > moment.epoch, false
      )) then 'remove'
      when e.fresh > law.limit_fresh + ${EXACTNESS}
        or e.stale > law.limit_stale + ${EXACTNESS}
        or e.slides and coalesce(e.ceiling, 'Infinity') > law.limit_fresh + ${EXACTNESS} then 'settle'
      else 'keep'
    end as action
  from seen as e
  cross join moment
  cross join ${tables.meta} as meta
  cross join lateral (
    select ${invalidatedAt(tables, entrySubject(scopeNamesOfRow))} as invalidated
    offset 0
  ) as verdict
  cross join lateral (
    select case verdict.invalidated when '-Infinity' then 0 else verdict.invalidated end as limit_fresh,
      case verdict.invalidated
        when '-Infinity' then 0
        else verdict.invalidated + e.grace_ms / 1000
      end as limit_stale
  ) as law`;
}

/**
 * The first row: the last id looked at, how many rows were looked at, removed and settled, and how many bytes of values stay. Further rows: ids that were skipped.
 *
 * Rows are looked at without a lock, since almost all stay as they are; those to change are locked in the order of ids, and judged anew
 * if they have changed meanwhile. `limit_fresh` and `limit_stale` are what the log allows the entry: 1970 when it is deleted.
 */
function sweeping(tables: Tables, which: RawBuilder<unknown>, lock: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`with ${moment(tables)}, seen as materialized (
  select e.id, e.tags, e.snapshot, e.writer_xid, octet_length(e.value) as bytes,
    date_part('epoch', e.expiresattime) as fresh,
    date_part('epoch', coalesce(e.stale_until, e.expiresattime)) as stale,
    date_part('epoch', e.absoluteexpiration) as ceiling,
    coalesce(e.sliding_ms, e.slidingexpirationinseconds) is not null as slides,
    e.grace_ms, e.load_ms, date_part('epoch', e.written_at) as written
  from ${tables.entries} as e
  ${which}
), ${judgement(tables)}
), locked as materialized (
  select e.id, judged.action, judged.limit_fresh, judged.limit_stale, set_config('keepsake.own', 'on', true) as own
  from judged
  join ${tables.entries} as e on e.id = judged.id and e.writer_xid = judged.writer_xid
  where judged.action = 'settle' or judged.action = 'remove' and least(
    date_part('epoch', coalesce(e.stale_until, e.expiresattime)), judged.limit_stale
  ) <= date_part('epoch', clock_timestamp())
  order by e.id
  ${lock}
), removed as (
  delete from ${tables.entries} as e using locked
  where e.id = locked.id and locked.action = 'remove' and locked.own = 'on'
  returning e.id
), settled as (
  update ${tables.entries} as e
  set expiresattime = least(e.expiresattime, to_timestamp(locked.limit_fresh)),
    stale_until = least(coalesce(e.stale_until, e.expiresattime), to_timestamp(locked.limit_stale)),
    absoluteexpiration = case
      when coalesce(e.sliding_ms, e.slidingexpirationinseconds) is not null
        then least(e.absoluteexpiration, to_timestamp(locked.limit_fresh))
      else e.absoluteexpiration
    end
  from locked
  where e.id = locked.id and locked.action = 'settle'
  returning e.id
)
select (select seen.id from seen order by seen.id desc limit 1) as id,
  (select count(*) from seen) as looked_at,
  (select count(*) from removed) as removed,
  (select count(*) from settled) as settled,
  (select coalesce(sum(judged.bytes), 0) from judged where judged.action <> 'remove') as kept_bytes
union all
select judged.id, null, null, null, null
from judged
where judged.action <> 'keep' and not exists (select from locked where locked.id = judged.id)`;
}
