/** Gathers many ordinary entries in few rows: most of what a thousand small rows cost, on both sides, is that they are rows. */
import { type RawBuilder, sql } from 'kysely';
import type { ReadDetail } from '../../ports/store.js';
import type { Tables } from '../names.js';
import { type Statement, statement } from '../statement.js';
import { isOrdinary } from './brief.js';
import { incarnation, newestVisible, newestVisibleWhenQuiet } from './moment.js';

/** What stands between the parts of a list. No JSON has it; a list with more of it than there are parts is not trusted. */
export const SEPARATOR = '\u0001';

/** What stands between the slices of the ids that are asked for. */
const SLICE_SEPARATOR = '\u0002';

/** Most ids in a slice: of a thousand the client takes seven parts of eight apart while the server is busy; a slice costs both sides some 10 µs. */
const SLICE = 125;

/** Ids as the statement takes them; undefined when one of them has in it what stands between them. */
export function slicesOf(ids: readonly string[]): string | undefined {
  const all = ids.join('');
  if (all.includes(SEPARATOR) || all.includes(SLICE_SEPARATOR)) return undefined;
  const slices: string[] = [];
  for (let at = 0; at < ids.length; at += SLICE) slices.push(ids.slice(at, at + SLICE).join(SEPARATOR));
  return slices.join(SLICE_SEPARATOR);
}

/** Bytes of the largest values that are gathered: of what is larger the row is not what costs. */
const MOST_BYTES = 2048;

/**
 * Reads entries like a glance (`glanceStatement`), and answers those that are ordinary (queries/brief.ts), small, and valid as seen by the youngest
 * invalidation alone, a row for each slice of the ids: it is sent, and taken apart, while the next one is being made. `$1` ids, each once, `SEPARATOR`
 * between them and `SLICE_SEPARATOR` between the slices.
 *
 * First the header, as every read has it; then for each slice lists with a part for each of these entries, all in the same order, `SEPARATOR` between the
 * parts: `id` the ids, `body` the values, `meta` a letter each, `j` or `s` (encoded as `json` or `superjson`); `ends` when freshness ends, eight bytes
 * each, in base64 (microseconds since 2000, the largest number for infinity); `others` the ids of entries that are there and are not among them.
 * Of the `whole`: `written` when they were written, like `ends`; `tags` each as PostgreSQL writes an array. Of nothing a list is null.
 */
export function gatherStatement(tables: Tables, when: 'quiet' | 'busy', detail: ReadDetail): Statement {
  const newest = when === 'quiet' ? newestVisibleWhenQuiet(tables) : newestVisible(tables);
  const isWhole = detail === 'whole';
  const noMore = isWhole ? sql`, null as written, null as tags` : sql``;
  const more = isWhole
    ? sql`,
    ${instants(sql`e.written_at`)} as written,
    ${list(sql`coalesce(e.tags::text, '{}')`)} as tags`
    : sql``;
  return statement(
    `gather_${when}_${detail}`,
    'read',
    sql`with moment as materialized (
  select clock_timestamp() as at, coalesce((${newest}
    ), '0'::xid8) as newest
)
select null::text collate "C" as id, pg_current_snapshot()::text as body,
  concat_ws(' ', date_part('epoch', transaction_timestamp()), date_part('epoch', moment.at), moment.newest,
    ${incarnation(tables)}
  ) as meta, null as ends, null as others${noMore}
from moment
union all
select lists.*
from unnest(string_to_array($1::text, e'\\x02')) as slice (ids)
cross join lateral (
  select
    ${list(sql`e.id`)},
    convert_from(string_agg(e.value, '\\x01'::bytea) filter (where e.is_certain), 'UTF8'),
    string_agg(case e.encoding when 'json' then 'j' else 's' end, '') filter (where e.is_certain),
    ${instants(sql`e.expiresattime`)},
    string_agg(e.id, e'\\x01') filter (where not e.is_certain)${more}
  from (
    select e.id, e.value, e.encoding, e.expiresattime, e.written_at, e.tags,
      ${isOrdinary(sql`e`)}
        and octet_length(e.value) <= ${sql.lit(MOST_BYTES)}
        and pg_snapshot_xmin(e.snapshot) > (select moment.newest from moment) as is_certain
    from ${tables.entries} as e
    where e.id = any(string_to_array(slice.ids, e'\\x01')) and coalesce(e.stale_until, e.expiresattime) > (select moment.at from moment)
    offset 0
  ) as e
) as lists`,
  );
}

/** The parts of the entries that are certain, as a list. */
function list(part: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`string_agg(${part}, e'\\x01') filter (where e.is_certain)`;
}

function instants(instant: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`encode(string_agg(timestamptz_send(${instant}), '') filter (where e.is_certain), 'base64')`;
}
