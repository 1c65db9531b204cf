/** Whether the tables are there, are ours, and are as this version of Keepsake makes them. */
import { ConfigurationError } from '../../errors.js';
import type { RunOn } from '../executor.js';
import { MIGRATION_NAMES } from '../migrate.js';
import type { TableNames } from '../names.js';
import { inspectSchema } from '../schema.js';
import { SqlState, sqlState } from '../sqlstate.js';
import { readCatalog, type TableRole, type TableShape } from './catalog.js';
import { EXPECTED_SCHEMA } from './expected-schema.js';
import type { Finding } from './finding.js';

export async function schemaFinding(run: RunOn, names: TableNames): Promise<Finding> {
  const finding = (verdict: Finding['verdict'], says: string, mend?: string): Finding => ({
    check: 'schema',
    verdict,
    says,
    mend,
  });
  const at = `${names.schema}.${names.entries}`;
  try {
    const state = await inspectSchema(run, names, MIGRATION_NAMES);
    const catalog = await readCatalog(run, names);
    if (state === 'current') {
      const drift = driftOf(catalog, names);
      if (drift.length === 0) return finding('ok', `${at}, ${MIGRATION_NAMES.length} migrations applied, no drift`);
      return finding(
        'wrong',
        `${at} differs from what migrations made: ${drift.join('; ')}`,
        'undo these changes by hand',
      );
    }
    const what = catalog.has('entries') ? `${at} is of an older version` : `${at} does not exist yet`;
    if (await mayCreate(run, names))
      return finding('note', `${what}`, 'keepsake migrate, or open a cache: the role may create it');
    return finding(
      'wrong',
      `${what}, and the role may not create tables`,
      'keepsake migrate --sql, for somebody who may',
    );
  } catch (error) {
    if (error instanceof ConfigurationError)
      return finding('wrong', error.message, 'choose another name, or rename that table');
    if (sqlState(error) !== SqlState.insufficientPrivilege) throw error;
    return finding('wrong', `the role may not see which migrations were applied to ${at}`, 'see `rights` below');
  }
}

/** What is not as migrations made it; what others added is theirs. */
function driftOf(catalog: ReadonlyMap<TableRole, TableShape>, names: TableNames): readonly string[] {
  return Object.entries<TableShape>(EXPECTED_SCHEMA).flatMap(([role, expected]) => {
    const table = names[role as TableRole];
    const there = catalog.get(role as TableRole);
    if (there === undefined) return [`table ${table} is missing`];
    return tableDrift(role as TableRole, expected, there).map((difference) => `${table}: ${difference}`);
  });
}

function tableDrift(role: TableRole, expected: TableShape, there: TableShape): readonly string[] {
  const differences: string[] = [];
  // Of the entries that is a choice.
  if (role !== 'entries' && there.persistence !== expected.persistence) {
    differences.push(`is ${there.persistence} instead of ${expected.persistence}`);
  }
  for (const [column, type] of Object.entries(expected.columns)) {
    const found = there.columns[column];
    if (found === undefined) differences.push(`column ${column} is missing`);
    else if (found !== type && !isAdopted(role, found))
      differences.push(`column ${column} is ${found} instead of ${type}`);
  }
  for (const [columns, kind] of Object.entries(expected.indexes)) {
    const found = there.indexes[columns];
    if (found !== kind && found !== 'unique')
      differences.push(`the ${kind} index on (${columns}) is missing or invalid`);
  }
  return differences;
}

/** Columns of a table that another program made keep its types, where they can hold what ours can. */
function isAdopted(role: TableRole, type: string): boolean {
  return role === 'entries' && type.startsWith('character varying');
}

async function mayCreate(run: RunOn, { schema }: TableNames): Promise<boolean> {
  const [row] = await run(
    `select coalesce(
       (select has_schema_privilege(oid, 'CREATE') from pg_catalog.pg_namespace where nspname = $1::text),
       has_database_privilege(current_database(), 'CREATE')
     )::text`,
    [schema],
  );
  return row?.[0] === 'true';
}
