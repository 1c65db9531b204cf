/** Evicting: entries that live and must go because there are too many, approximately the oldest first. */
import { sql } from 'kysely';
import type { Tables } from '../names.js';
import { type Statement, statement } from '../statement.js';
import { SWEEP_MARGIN } from './sweep.js';

/**
 * `$1` how many percent of the table's pages to look at; `$2` which share of the entries is to go. Answers when the youngest of that share was
 * written, in seconds since 1970, as far as a sample tells; null when it was empty. Nobody knows of rows that were adopted: they are the oldest.
 */
export function cutoffStatement(tables: Tables): Statement {
  return statement(
    'cutoff',
    'read',
    sql`select percentile_disc($2::float8) within group (order by coalesce(date_part('epoch', e.written_at), '-Infinity'))
from ${tables.entries} as e tablesample system ($1::real)`,
  );
}

/**
 * `$1` the id after which to begin; `$2` the most rows to look at; `$3` what was written until when may go, in seconds since 1970; `$4` the most rows
 * to remove. Answers the last id looked at, and how many rows were looked at and removed, with how many bytes of values. Rows that somebody has
 * locked are in use, and stay.
 *
 * What was *set* keeps loads away that began before it. Where one of these could still be stored, the log says `delete` instead of the row.
 */
export function evictStatement(tables: Tables): Statement {
  return statement(
    'evict',
    'write',
    sql`with seen as materialized (
  select e.id, e.writer_xid, e.load_ms, octet_length(e.value) as bytes, date_part('epoch', e.written_at) as written
  from ${tables.entries} as e
  where e.id > $1::text
  order by e.id
  limit $2::int
), old as materialized (
  select e.id, seen.bytes, seen.load_ms is null and coalesce(
      seen.written + meta.load_deadline_ms / 1000 + ${sql.lit(SWEEP_MARGIN)} > date_part('epoch', clock_timestamp()), true
    ) as fences
  from seen
  join ${tables.entries} as e on e.id = seen.id and e.writer_xid = seen.writer_xid
  cross join ${tables.meta} as meta
  where coalesce(seen.written, '-Infinity') <= $3::float8
  order by e.id
  limit $4::int
  for update of e skip locked
), logged as (
  insert into ${tables.invalidations} as i (name, kind)
  select 'k|' || old.id, 'delete' from old where old.fences
  on conflict (name, xid) do update set kind = 'delete', at = excluded.at
), removed as (
  delete from ${tables.entries} as e using old where e.id = old.id
)
select (select seen.id from seen order by seen.id desc limit 1), (select count(*) from seen),
  (select count(*) from old), (select coalesce(sum(old.bytes), 0) from old)`,
  );
}
