/**
 * The validity rule in SQL: an entry is valid when every invalidation of its names is visible in the snapshot its load
 * began under.
 *
 * `xid` is not visible in snapshot S when `xid >= pg_snapshot_xmax(S)` or `xid` is one of `pg_snapshot_xip(S)`: a range
 * and a few points on the index (name, xid). A range from `pg_snapshot_xmin(S)` would be simpler and scan everything
 * that was logged since the oldest transaction then open.
 *
 * Three steps, cheapest first; the later ones run only where the earlier cannot decide:
 * 1. the youngest invalidation of all is older than everything that was running at S: valid;
 * 2. it is older than S, and none of those then running (and ended since) has logged anything: valid;
 * 3. each name is looked up, tags also among the mass invalidations, if there is a late one: each has left a row in the log too, so that 1 and 2
 *    know of it.
 */
import { type RawBuilder, sql } from 'kysely';
import type { Tables } from '../names.js';

/** No transaction is younger. */
const LAST_XID = sql`'18446744073709551615'::xid8`;

/** What the rule needs to know of an entry, as SQL expressions. */
export interface Subject {
  readonly id: RawBuilder<unknown>;
  /** `text[]`, may be null. */
  readonly tags: RawBuilder<unknown>;
  readonly snapshot: RawBuilder<unknown>;
  /** Names that hide every entry of the cache: a parameter. */
  readonly scopeNames: RawBuilder<unknown>;
  /**
   * The transaction that wrote the entry: what it invalidated itself counts as seen. Undefined for what is not written
   * yet.
   */
  readonly writer: RawBuilder<unknown> | undefined;
}

/** The invalidations of the subject's names that it has not seen, as the inside of a `from`. */
function unseen(
  tables: Tables,
  { id, tags, snapshot, scopeNames, writer }: Subject,
  kinds: string,
): RawBuilder<unknown> {
  const own = writer === undefined ? sql`` : sql` and i.xid <> ${writer}`;
  const logged = (...bounds: readonly RawBuilder<unknown>[]) => sql`
              select i.kind, i.at
              from ${tables.invalidations} as i
              where ${sql.join(
                bounds.map((bound) => sql`(i.name, i.xid) ${bound}`),
                sql` and `,
              )} and i.kind ${sql.raw(kinds)}${own}
              offset 0`;
  // `offset 0` keeps the planner from looking a name up without its transaction, which reads all there ever was of a hot name. Bounds of both
  // columns at once leave it only the primary key: a plan made while the log was empty would use the index on (xid) and be kept, and with
  // `name =` beside them the scan would begin at the name's first row.
  return sql`
          (
            select ('k|' || ${id}) collate "C" as name
            union all
            select ('t|' || tag.tag) collate "C" from unnest(${tags}) as tag (tag)
            union all
            select scope.name collate "C" from unnest(${scopeNames}) as scope (name)
          ) as named
          cross join lateral (
            (${logged(sql`>= (named.name, pg_snapshot_xmax(${snapshot}))`, sql`<= (named.name, ${LAST_XID})`)}
            )
            union all
            select late.kind, late.at
            from pg_snapshot_xip(${snapshot}) as running (xid)
            cross join lateral (${logged(sql`>= (named.name, running.xid)`, sql`<= (named.name, running.xid)`)}
            ) as late
          ) as hit`;
}

/** Whether steps 1 and 2 prove that nothing can be unseen. */
function isProvenCheaply(tables: Tables, { snapshot }: Subject): RawBuilder<unknown> {
  return sql`
      when moment.newest is null or moment.newest < pg_snapshot_xmin(${snapshot}) then null
      when moment.newest < pg_snapshot_xmax(${snapshot}) and not exists (
        select
        from pg_snapshot_xip(${snapshot}) as running (xid)
        cross join lateral (
          select from ${tables.invalidations} as i where i.xid = running.xid limit 1
        ) as logged
        where pg_visible_in_snapshot(running.xid, moment.snapshot)
      ) then null`;
}

/** Whether a mass invalidation of its tags is unseen: always a `delete`. The function is called where there is one that could be. */
function isHiddenByMass(tables: Tables, { tags, snapshot, writer }: Subject): RawBuilder<unknown> {
  // Not null, when there is none: the function would have to be called for `null and …`.
  return sql`coalesce((
        select m.xid from ${tables.mass} as m order by m.xid desc limit 1
      ), '0'::xid8) >= pg_snapshot_xmin(${snapshot}) and ${tables.massHides}(${tags}, ${snapshot}, ${writer ?? sql`null::xid8`})`;
}

/**
 * When the entry was invalidated, in seconds since 1970: null = never, `-Infinity` = by a `delete`, else the first
 * `expire`. Needs `moment`. A `delete` ends the search, however many invalidations followed it.
 */
export function invalidatedAt(tables: Tables, subject: Subject): RawBuilder<unknown> {
  return sql`case${isProvenCheaply(tables, subject)}
      when ${isHiddenByMass(tables, subject)} then '-Infinity'::float8
      when not exists (
        select from${unseen(tables, subject, "<> 'written'")}
      ) then null
      when exists (
        select from${unseen(tables, subject, "= 'delete'")}
      ) then '-Infinity'::float8
      else (
        select min(date_part('epoch', hit.at)) from${unseen(tables, subject, "= 'expire'")}
      )
    end`;
}

/** Whether anything at all is unseen: null = no. Needs `moment`. */
export function isInvalidated(tables: Tables, subject: Subject): RawBuilder<unknown> {
  return sql`case${isProvenCheaply(tables, subject)}
      when ${isHiddenByMass(tables, subject)} then true
      when exists (
        select from${unseen(tables, subject, "<> 'written'")}
      ) then true
    end`;
}
