/** Publishes results of loads, each unless something happened to it since its load began. */
import { type RawBuilder, sql } from 'kysely';
import type { Tables } from '../names.js';
import { type Statement, statement } from '../statement.js';
import { entryInput, overwrite, writtenColumns, writtenTimes, writtenValues } from './entry-input.js';
import { headerRowOfWrite, moment } from './moment.js';
import { isInvalidated } from './validity.js';

/**
 * `$1` to `$13` as of entryInput, each id once; `$14` incarnations, `$15` snapshots and `$16` beginnings of the loads'
 * tokens; `$17` the scope's names. `body` is the reason of a refusal, or null.
 *
 * An invalidation that commits after this statement began is not missed: the entry keeps its load's snapshot, so
 * readers see it.
 *
 * A row that exists is replaced only if the load could see its writer. Else it is younger than the load, and stays,
 * with one exception: the result of another load that has ended meanwhile protects nothing. What was *set* does, even
 * when it has ended: the load may have read what the set replaced. The age is checked again after a wait for a row's
 * lock; by that of the batch's oldest load, because a conflict knows only the columns of the table.
 */
export function fillStatement(tables: Tables): Statement {
  return statement('fill', 'write', publication(tables, { more: sql``, condition: sql`` }));
}

/**
 * The common table expressions `input`, `deadline` and `judged`: what is to be published under loads' tokens, and why it must not be, if so.
 * Needs `moment`.
 */
export function judged(tables: Tables): RawBuilder<unknown> {
  const subject = {
    id: sql`input.id`,
    tags: sql`input.tags`,
    snapshot: sql`input.load_snapshot::pg_snapshot`,
    writer: undefined,
    scopeNames: sql`$17::text[]`,
  };
  const columns = sql`, load_incarnation, load_snapshot, load_began`;
  const arrays = sql`, $14::text[], $15::text[], $16::float8[]`;
  return sql`${entryInput(columns, arrays)}, deadline as materialized (
  select meta.load_deadline_ms / 1000 as seconds from ${tables.meta} as meta
), judged as materialized (
  select input.*,
    case
      when moment.incarnation is distinct from input.load_incarnation then 'incarnation'
      when moment.epoch - input.load_began >= deadline.seconds then 'deadline'
      when ${isInvalidated(tables, subject)} then 'invalidated'
    end as refusal
  from input
  cross join moment
  cross join deadline
)`;
}

/**
 * The text of statements that publish under a load's token.
 *
 * @param parts `more`: further common table expressions; `condition`: the `where` of the header
 */
export function publication(
  tables: Tables,
  parts: { readonly more: RawBuilder<unknown>; readonly condition: RawBuilder<unknown> },
): RawBuilder<unknown> {
  return sql`with ${moment(tables)}, ${judged(tables)}, stored as (
  insert into ${tables.entries} as e (${writtenColumns}
  )
  select ${writtenValues(sql`input.load_snapshot::pg_snapshot`)}
  from judged as input
  where input.refusal is null
  order by input.id collate "C"
  on conflict (id) do update set ${overwrite}
  where (
    pg_visible_in_snapshot(e.writer_xid, excluded.snapshot)
    or e.load_ms is not null and coalesce(e.stale_until, e.expiresattime) <= clock_timestamp()
  ) and date_part('epoch', clock_timestamp()) - (
    select min(input.load_began) from judged as input where input.refusal is null
  ) < (select deadline.seconds from deadline)
  returning e.id
)${parts.more}
${headerRowOfWrite}${parts.condition}
union all
select input.n,
  case
    when input.refusal is not null then input.refusal
    when stored.id is not null then null
    when date_part('epoch', clock_timestamp()) - input.load_began >= deadline.seconds then 'deadline'
    else 'newer'
  end,
  ${writtenTimes}
from judged as input
cross join deadline
left join stored on stored.id = input.id`;
}
