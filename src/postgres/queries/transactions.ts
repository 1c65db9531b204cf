/** Statements about transactions that are not ours: what is logged in them, what became of them, and telling others of it. */
import { type RawBuilder, sql } from 'kysely';
import type { Tables } from '../names.js';
import { type Statement, statement } from '../statement.js';
import { queueHasRoom } from './notify.js';

/**
 * Where a statement runs: the database and the incarnation of the cache's tables in it. The database is named as well, because a
 * database that was copied from another has the same tables with the same content.
 */
function place(tables: Tables): RawBuilder<unknown> {
  return sql`(
    select home.oid::text || ':' || boot.tableoid::text || ':' || boot.id::text
    from ${tables.boot} as boot
    cross join (select oid from pg_catalog.pg_database where datname = current_database()) as home
  )`;
}

/** Where the cache's own connections are. */
export function placeStatement(tables: Tables): Statement {
  return statement('place', 'read', sql`select ${place(tables)}`);
}

/**
 * `$1` a kind, `$2` a JSON array of the names, `$3` the place that is expected, or an empty text. The only column of the only row is the
 * transaction's id and the place; where that is another nothing is logged.
 *
 * Other people's drivers send it: so parameters are texts, each stands once and in order (some drivers have only `?`), and one text
 * comes back. They do not prepare it either: it is planned anew each time, and that is most of what it costs.
 */
export function invalidateWithinStatement(tables: Tables): Statement {
  return statement(
    'invalidate_within',
    'write',
    sql`with here as materialized (
  select ${place(tables)} as place
), logged as (
  insert into ${tables.invalidations} as i (name, kind)
  select given.name, $1::text
  from here
  cross join json_array_elements_text($2::text::json) as given (name)
  where $3::text in ('', here.place)
  ${stronger}
)
${answer}
from here`,
  );
}

/**
 * The same, and others are told with the commit: `$4` the channel and `$5` a JSON array of the names' hashes, message by message. Not as a rule: in users'
 * transactions messages cost a lock on all commits, can fail them, and forbid 2PC.
 */
export function invalidateWithinAndTellStatement(tables: Tables): Statement {
  return statement(
    'invalidate_within_and_tell',
    'write',
    sql`with given as materialized (
  select $1::text as kind, $2::text::json as names, $3::text as expected, $4::text as channel, $5::text::json as messages
), here as materialized (
  select ${place(tables)} as place
), logged as (
  insert into ${tables.invalidations} as i (name, kind)
  select given_name.name, given.kind
  from given
  cross join here
  cross join json_array_elements_text(given.names) as given_name (name)
  where given.expected in ('', here.place)
  ${stronger}
)
${answer}
from here
where (
    select count(pg_notify(given.channel, pg_current_xact_id()::text || ' ' || message.hashes))
    from given
    cross join json_array_elements_text(given.messages) as message (hashes)
    where given.expected in ('', here.place) and ${queueHasRoom}
  ) >= 0`,
  );
}

/** What the transaction has logged before stays if it is the stronger kind. */
const stronger = sql`on conflict (name, xid) do update set kind = excluded.kind, at = excluded.at
  where i.kind <> 'delete' and excluded.kind = 'delete' or i.kind = 'written'`;

const answer = sql`select pg_current_xact_id()::text || ' ' || coalesce(here.place, '') as answer`;

/**
 * `$1` transaction ids. The first row is the place, then one for each id what became of it.
 *
 * `pg_xact_status` refuses ids that were never given out, as those of an earlier incarnation may be; and the youngest of those that run
 * are not below the end of a snapshot, so being beyond it means `in progress` as long as the incarnation is the same.
 */
export function outcomesStatement(tables: Tables): Statement {
  return statement(
    'outcomes',
    'read',
    sql`select 0::bigint as n, ${place(tables)} as answer
union all
select given.n, case
    when given.xid >= pg_snapshot_xmax(pg_current_snapshot()) then 'in progress'
    else pg_xact_status(given.xid)
  end
from unnest($1::xid8[]) with ordinality as given (xid, n)`,
  );
}

/**
 * `$1` channel; `$2` transaction ids, `$3` names, `$4` their hashes and `$5` the number of the message each belongs to. Only what
 * the log has is told: what was rolled back to a savepoint never was.
 */
export function tellStatement(tables: Tables): Statement {
  return statement(
    'tell',
    'write',
    sql`select count(pg_notify($1::text, message.text))
from (
  select given.xid || ' ' || string_agg(given.hash, ' ') as text
  from unnest($2::text[], $3::text[], $4::text[], $5::int[]) as given (xid, name, hash, message)
  where exists (
    select from ${tables.invalidations} as i where i.name = given.name collate "C" and i.xid = given.xid::xid8
  )
  group by given.xid, given.message
) as message
where ${queueHasRoom}`,
  );
}
