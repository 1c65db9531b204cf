/** Publishes that loads have found the stored values to be right still: new lifetimes, and the snapshot of the load. No value is written. */
import { sql } from 'kysely';
import type { Tables } from '../names.js';
import { type Statement, statement } from '../statement.js';
import { writtenTimes } from './entry-input.js';
import { judged } from './fill.js';
import { headerRowOfWrite, moment } from './moment.js';

/**
 * Parameters as of `fill`, with empty values. A row is extended if the load could see its writer, because then it is the very row whose
 * value the load has confirmed. Rows are locked in the order of ids; the age is checked again after that wait.
 */
export function extendStatement(tables: Tables): Statement {
  return statement(
    'extend',
    'write',
    sql`with ${moment(tables)}, ${judged(tables)}, locked as materialized (
  select e.id
  from judged as input
  join ${tables.entries} as e on e.id = input.id
  where input.refusal is null and pg_visible_in_snapshot(e.writer_xid, input.load_snapshot::pg_snapshot)
  order by e.id collate "C"
  for no key update of e
), extended as (
  update ${tables.entries} as e
  set expiresattime = to_timestamp(input.fresh),
    slidingexpirationinseconds = ceil(input.sliding_ms / 1000)::bigint,
    absoluteexpiration = case
      when input.sliding_ms is not null and input.ceiling < 'Infinity' then to_timestamp(input.ceiling)
    end,
    tags = input.tags, snapshot = input.load_snapshot::pg_snapshot, writer_xid = pg_current_xact_id(),
    written_at = to_timestamp(input.epoch), stale_until = to_timestamp(input.stale),
    refresh_at = to_timestamp(input.refresh), retry_at = null,
    grace_ms = input.grace_ms, sliding_ms = input.sliding_ms, load_ms = input.load_ms
  from locked
  join judged as input on input.id = locked.id
  cross join deadline
  where e.id = locked.id and date_part('epoch', clock_timestamp()) - input.load_began < deadline.seconds
  returning e.id
)
${headerRowOfWrite}
union all
select input.n,
  case
    when input.refusal is not null then input.refusal
    when extended.id is not null then null
    when date_part('epoch', clock_timestamp()) - input.load_began >= deadline.seconds then 'deadline'
    else 'newer'
  end,
  ${writtenTimes}
from judged as input
cross join deadline
left join extended on extended.id = input.id`,
  );
}
