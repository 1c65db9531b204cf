/** Locks: taking, holding and giving back names. Rows are locked in the order of names, so that none waits in a circle. */
import { type RawBuilder, sql } from 'kysely';
import type { Tables } from '../names.js';
import { type Statement, statement } from '../statement.js';

/**
 * How long a statement that takes a lock may run, and for how long a row stays after its lock has ended. The fence of a row that is inserted
 * is drawn before the row stands; while one of that name stands it is drawn anew, with the row locked. So a fence could be smaller than
 * one given out before it only if a row of the name was made and removed within one statement: the bounds exclude that.
 */
const LONGEST_STATEMENT = sql.raw(`interval '30 seconds'`);
const KEPT_AFTERWARDS = sql.raw(`interval '1 minute'`);

/** `$1` names, each once; `$2` holders; `$3` milliseconds. Answers the numbers of the names that were free, and their fences. */
export function takeLockStatement(tables: Tables): Statement {
  return statement(
    'take_lock',
    'write',
    sql`with wanted as materialized (
  select wanted.name collate "C" as name, wanted.holder, wanted.ms, wanted.n
  from unnest($1::text[], $2::text[], $3::float8[]) with ordinality as wanted (name, holder, ms, n)
), taken as (
  insert into ${tables.locks} as lock (name, holder, held_until)
  select wanted.name, wanted.holder, clock_timestamp() + wanted.ms * interval '1 millisecond'
  from wanted
  order by wanted.name
  on conflict (name) do update set holder = excluded.holder, held_until = excluded.held_until, fence = default
  where lock.held_until <= clock_timestamp()
  returning lock.name, lock.fence, clock_timestamp() - statement_timestamp() as took
)
select wanted.n, taken.fence
from taken
join wanted on wanted.name = taken.name
where taken.took < ${LONGEST_STATEMENT}`,
  );
}

/** Locks that are still held by whom the parameters name, locked: `$1` names, each once; `$2` holders; `$3` milliseconds. */
function mine(tables: Tables): RawBuilder<unknown> {
  return sql`with mine as materialized (
  select lock.name, given.ms, given.n
  from unnest($1::text[], $2::text[], $3::float8[]) with ordinality as given (name, holder, ms, n)
  join ${tables.locks} as lock on lock.name = given.name
  where lock.holder = given.holder and lock.held_until > clock_timestamp()
  order by lock.name
  for no key update of lock
), `;
}

/** Parameters as of `mine`; 0 milliseconds give a lock back. Answers the numbers of those that were still held. */
export function holdLockStatement(tables: Tables): Statement {
  return statement(
    'hold_lock',
    'write',
    sql`${mine(tables)}held as (
  update ${tables.locks} as lock
  set held_until = clock_timestamp() + mine.ms * interval '1 millisecond'
  from mine
  where lock.name = mine.name
  returning mine.n
)
select held.n from held`,
  );
}

/** `$1` the most rows: removes locks that ended long enough ago. */
export function forgetLocksStatement(tables: Tables): Statement {
  return statement(
    'forget_locks',
    'write',
    sql`with gone as materialized (
  select lock.name
  from ${tables.locks} as lock
  where lock.held_until < clock_timestamp() - ${KEPT_AFTERWARDS}
  order by lock.name
  limit $1::int
  for update skip locked
)
delete from ${tables.locks} as lock using gone where lock.name = gone.name`,
  );
}
