/** Whether the role may do what statements will do. */
import pg from 'pg';
import type { RunOn } from '../executor.js';
import type { TableNames } from '../names.js';
import { missingRights } from '../schema.js';
import type { Finding } from './finding.js';

export async function rightsFinding(run: RunOn, names: TableNames): Promise<Finding> {
  const missing = await missingRights(run, names);
  if (missing.length === 0) return { check: 'rights', verdict: 'ok', says: 'the role may do all that is needed' };
  const [row] = await run('select current_user::text');
  const schema = pg.escapeIdentifier(names.schema);
  const role = pg.escapeIdentifier(row?.[0] ?? '');
  const grants = [...new Set(missing.map(({ table }) => table))].map((table) => {
    const rights = missing.filter((right) => right.table === table).map(({ right }) => right);
    return `grant ${rights.join(', ')} on ${schema}.${pg.escapeIdentifier(table)} to ${role};`;
  });
  const lacks = missing.map(({ table, right }) => `${right} on ${names.schema}.${table}`).join(', ');
  return {
    check: 'rights',
    verdict: 'wrong',
    says: `the role lacks ${lacks}`,
    mend: [`grant usage on schema ${schema} to ${role};`, ...grants].join(' '),
  };
}
