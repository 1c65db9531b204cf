/** What a glance says of an ordinary entry, in few bytes and with little work: most of a batch are ordinary. */
import { type RawBuilder, sql } from 'kysely';

/**
 * The meta of a row `row` of the table of entries: of an ordinary one `j` or `s` (encoded as `json` or `superjson`), when freshness ends and
 * when it was written (16 hexadecimal digits each: microseconds since 2000), the oldest transaction its load may have missed,
 * and its tags as PostgreSQL writes an array; of any other `whole`.
 *
 * Ordinary: text in an encoding of the default codec, which neither slides nor has an early refresh, grace or a failed load. Writing `whole` takes ten
 * texts of numbers and JSON of the labels, four times as long as finding the row; `timestamptz_send` costs next to nothing.
 */
export function briefMetaOf(row: RawBuilder<unknown>, whole: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`case
    when ${isOrdinary(row)}
    then case ${row}.encoding when 'json' then 'j' else 's' end
      || encode(timestamptz_send(${row}.expiresattime) || timestamptz_send(${row}.written_at), 'hex')
      || pg_snapshot_xmin(${row}.snapshot)::text || coalesce(${row}.tags::text, '')
    else ${whole}
  end`;
}

/** Whether a row is ordinary. */
export function isOrdinary(row: RawBuilder<unknown>): RawBuilder<unknown> {
  const absent = ['refresh_at', 'retry_at', 'sliding_ms', 'slidingexpirationinseconds', 'absoluteexpiration'];
  return sql`${sql.join(
    absent.map((column) => sql`${row}.${sql.id(column)} is null`),
    sql` and `,
  )}
      and ${row}.stored_as = 'text' and ${row}.encoding in ('json', 'superjson')
      and ${row}.written_at is not null and coalesce(${row}.stale_until, ${row}.expiresattime) = ${row}.expiresattime`;
}
