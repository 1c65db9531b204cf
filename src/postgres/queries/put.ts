/** Publishes what changes have returned, each unless something else happened to its entry since its change began. */
import { sql } from 'kysely';
import type { Tables } from '../names.js';
import { type Statement, statement } from '../statement.js';
import { publication } from './fill.js';
import { queueHasRoom, told } from './notify.js';

/**
 * As `fill`, and other processes are told, because theirs are copies of what was before the change. `$18` is the channel, `$19` the
 * hashes of all keys: of those refused as well, which nobody should trust now.
 */
export function putStatement(tables: Tables): Statement {
  const more = sql`, logged as (
  insert into ${tables.invalidations} as i (name, kind)
  select 'k|' || stored.id, 'written' from stored where not (${queueHasRoom})
  on conflict (name, xid) do nothing
)`;
  const condition = sql`
where ${told(sql`$18::text`, sql`$19::text[]`)} >= 0`;
  return statement('put', 'write', publication(tables, { more, condition }));
}
