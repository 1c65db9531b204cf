/** Leases: taking, holding and giving back the right to load keys. Rows are locked in the order of ids, so that none waits in a circle. */
import { type RawBuilder, sql } from 'kysely';
import type { Tables } from '../names.js';
import { type Statement, statement } from '../statement.js';

/** `$1` ids, each once; `$2` the holder; `$3` milliseconds. Answers the numbers of the ids granted. */
export function acquireStatement(tables: Tables): Statement {
  return statement(
    'acquire',
    'write',
    sql`with wanted as materialized (
  select wanted.id collate "C" as id, wanted.n from unnest($1::text[]) with ordinality as wanted (id, n)
), granted as (
  insert into ${tables.leases} as lease (id, holder, held_until)
  select wanted.id, $2::text, clock_timestamp() + $3::float8 * interval '1 millisecond'
  from wanted
  order by wanted.id
  on conflict (id) do update set holder = excluded.holder, held_until = excluded.held_until
  where lease.holder = excluded.holder or lease.held_until < clock_timestamp()
  returning lease.id
)
select wanted.n from granted join wanted on wanted.id = granted.id`,
  );
}

/** The holder's own among the leases of some ids, locked: `$1` ids; `$2` the holder. */
function mine(tables: Tables): RawBuilder<unknown> {
  return sql`with mine as materialized (
  select lease.id
  from unnest($1::text[]) as held (id)
  join ${tables.leases} as lease on lease.id = held.id
  where lease.holder = $2::text
  order by lease.id
  for update of lease
)`;
}

/** `$1` ids; `$2` the holder; `$3` milliseconds. */
export function renewStatement(tables: Tables): Statement {
  return statement(
    'renew',
    'write',
    sql`${mine(tables)}
update ${tables.leases} as lease
set held_until = clock_timestamp() + $3::float8 * interval '1 millisecond'
from mine
where lease.id = mine.id`,
  );
}

/** `$1` ids; `$2` the holder. */
export function releaseStatement(tables: Tables): Statement {
  return statement(
    'release',
    'write',
    sql`${mine(tables)}
delete from ${tables.leases} as lease using mine where lease.id = mine.id`,
  );
}
