/** Publishes messages about what a cache does to whoever listens. They wait in nobody's way: when the queue is half full they are left out. */
import { sql } from 'kysely';
import { type Statement, statement } from '../statement.js';
import { queueHasRoom } from './notify.js';

/** `$1` channel, `$2` messages of at most 7999 bytes; one message for equal ones. */
export function publishStatement(): Statement {
  return statement(
    'publish',
    'write',
    sql`select count(pg_notify($1::text, message.body))
from unnest($2::text[]) as message (body)
where ${queueHasRoom}`,
  );
}
