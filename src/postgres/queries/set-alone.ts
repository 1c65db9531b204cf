/** Writes one entry as of now: what `set` does to several, at half of what one costs there. */
import { sql } from 'kysely';
import type { Tables } from '../names.js';
import { type Statement, statement } from '../statement.js';
import { entryAlone, overwrite, timesOfWritten, writtenColumns, writtenValues } from './entry-input.js';
import { incarnation } from './moment.js';
import { queueHasRoom } from './notify.js';

/**
 * `$1` to `$11` as of entryAlone; `$12` the channel, `$13` the hash of the key's name. The answer is one row: the snapshot, the rest of the load
 * token and the transaction, as in a header, and the remaining times.
 *
 * No row is answered, and nothing was written, when there is no room in the queue of notifications: then `set` writes the log as well. A part of the statement
 * that hardly ever has anything to do would cost every set as much as finding its row.
 */
export function setAloneStatement(tables: Tables): Statement {
  return statement(
    'set_alone',
    'write',
    sql`insert into ${tables.entries} as e (${writtenColumns}
)
select ${writtenValues(sql`pg_current_snapshot()`)}
from ${entryAlone}
where ${queueHasRoom}
on conflict (id) do update set ${overwrite}
returning pg_notify($12::text, e.writer_xid::text || ' ' || $13::text)::text as n, e.snapshot::text as body,
  concat_ws(' ', date_part('epoch', transaction_timestamp()), ${incarnation(tables)}, e.writer_xid) as meta,
  ${timesOfWritten} as times`,
  );
}
