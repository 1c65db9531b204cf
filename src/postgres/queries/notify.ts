/** Telling other processes: notifications that a statement sends about what it does itself, with its commit. */
import { type RawBuilder, sql } from 'kysely';
import { type Statement, statement } from '../statement.js';

/**
 * Half of the notification queue: beyond it nothing more is put there, because a full queue makes every commit that notifies fail,
 * in the whole cluster, and the log says the same a heartbeat later.
 */
const QUEUE_LIMIT = sql.raw('0.5');

/** Whether there is room in the queue. */
export const queueHasRoom: RawBuilder<unknown> = sql`pg_notification_queue_usage() < ${QUEUE_LIMIT}`;

/** How many messages were sent: an expression for the `where` of a statement's header, so that it is evaluated once. */
export function told(channel: RawBuilder<unknown>, hashTexts: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`(
    select count(pg_notify(${channel}, pg_current_xact_id()::text || ' ' || message.hashes))
    from unnest(${hashTexts}) as message (hashes)
    where ${queueHasRoom}
  )`;
}

/** `$1` channel, `$2` payload: proves that a listening connection hears others. */
export function echoStatement(): Statement {
  return statement('echo', 'write', sql`select pg_notify($1::text, $2::text)`);
}
