/** Logs invalidations: one row a name, whatever carries it. */
import { sql } from 'kysely';
import type { Tables } from '../names.js';
import { type Statement, statement } from '../statement.js';
import { told } from './notify.js';

/**
 * `$1` names, each once; `$2` their kinds; `$3` the channel and `$4` their hashes. Rows are only inserted, under this transaction's own id, so transactions
 * that invalidate the same names never wait for each other. Within one transaction the stronger kind of a name stays;
 * of two `expire` the first, because freshness ended there.
 */
export function invalidateStatement(tables: Tables): Statement {
  return statement(
    'invalidate',
    'write',
    sql`with logged as (
  insert into ${tables.invalidations} as i (name, kind)
  select given.name, given.kind from unnest($1::text[], $2::text[]) as given (name, kind)
  on conflict (name, xid) do update set kind = excluded.kind, at = excluded.at
  where i.kind <> 'delete' and excluded.kind = 'delete' or i.kind = 'written'
)
select pg_current_xact_id()::text
where ${told(sql`$3::text`, sql`$4::text[]`)} >= 0`,
  );
}
