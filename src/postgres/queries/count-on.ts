/** Counts on: adds to counters that certainly go on, without looking anything up in the log. */
import { type RawBuilder, sql } from 'kysely';
import { COUNTER_ENCODING } from '../../kernel/counter.js';
import type { Tables } from '../names.js';
import { type Statement, statement } from '../statement.js';
import { newestVisible, newestVisibleWhenQuiet } from './moment.js';

/** What is given for one counter. `least` and `most` are bounds of the number that is there. */
interface Given {
  readonly by: RawBuilder<unknown>;
  readonly least: RawBuilder<unknown>;
  readonly most: RawBuilder<unknown>;
}

/** The number of a row that is one; of others this fails, so it stands behind `goesOn` only. */
const number = sql`convert_from(e.value, 'UTF8')::bigint`;

/**
 * Whether the row `e` certainly is a counter that lives, and is within its bounds. Numbers of 18 digits and more are left to the whole rule, as not
 * all of them are a bigint. No regular expression looks for digits: on some connections that took half as long as all the rest.
 */
function goesOn(tables: Tables, when: 'quiet' | 'busy', { least, most }: Given): RawBuilder<unknown> {
  const newest = when === 'quiet' ? newestVisibleWhenQuiet(tables) : newestVisible(tables);
  return sql`e.encoding = ${sql.lit(COUNTER_ENCODING)} and e.expiresattime > clock_timestamp()
  and coalesce((${newest}
      ), '0'::xid8) < pg_snapshot_xmin(e.snapshot)
  and case
    when length(e.value) <= 18 and e.value not in ('', '-')
      and rtrim(encode(e.value, 'escape'), '0123456789') in ('', '-')
      then ${number} between ${least} and ${most}
  end`;
}

/** All that changes. The row keeps its snapshot: its life is judged by what could be seen when that began, and `goesOn` has looked no closer. */
const added = (by: RawBuilder<unknown>) => sql`
  value = convert_to((${number} + ${by})::text, 'UTF8'), writer_xid = pg_current_xact_id()`;

/** The new number, the transaction, and whether no other that writes was open when it began. */
const answer = sql`convert_from(e.value, 'UTF8') as number, pg_current_xact_id()::text as xid,
  pg_snapshot_xmin(pg_current_snapshot()) = pg_snapshot_xmax(pg_current_snapshot()) as is_quiet`;

/**
 * Adds to one counter. `$1` its id, `$2` what to add, `$3` and `$4` bounds of the number it is added to. No row is answered when nothing was
 * added, because the counter is not there, has ended, is none, would leave its bounds, or nothing can be said of it at a glance: what is true is
 * found out by the whole rule (queries/increment.ts), which costs six times as much.
 *
 * A counter whose snapshot saw every invalidation that this statement can see goes on. It does not matter whether it is the life this statement
 * could see, or a younger one that began while it waited for the row: it is added to the number that is there. An invalidation that commits
 * meanwhile is not in the row's snapshot, so it ends that life, this addition with it.
 */
export function countOnStatement(tables: Tables, when: 'quiet' | 'busy'): Statement {
  const given = { by: sql`$2::bigint`, least: sql`$3::bigint`, most: sql`$4::bigint` };
  return statement(
    `count_on_${when}`,
    'write',
    sql`update ${tables.entries} as e set${added(given.by)}
where e.id = $1::text and ${goesOn(tables, when, given)}
returning 1 as n, ${answer}`,
  );
}

/**
 * The same for several: each parameter is an array, and every row begins with its counter's place in them, from 1. Rows are locked in the
 * order of ids, as by every statement; an update that joins them would lock them in whatever order its plan has.
 */
export function countSeveralOnStatement(tables: Tables, when: 'quiet' | 'busy'): Statement {
  const given = { by: sql`locked.by`, least: sql`given.least`, most: sql`given.most` };
  return statement(
    `count_several_on_${when}`,
    'write',
    sql`with locked as materialized (
  select given.n, given.by, e.id
  from unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[])
    with ordinality as given (id, by, least, most, n)
  join ${tables.entries} as e on e.id = given.id
  where ${goesOn(tables, when, given)}
  order by e.id collate "C"
  for update of e
)
update ${tables.entries} as e set${added(given.by)}
from locked
where e.id = locked.id
returning locked.n, ${answer}`,
  );
}
