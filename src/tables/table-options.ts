/** Options of cached tables, and the types of their rows and keys. */
import { refuse } from '../kernel/expectation.js';
import type { Policy } from '../kernel/policy.js';
import { validatePolicy } from '../kernel/resolve-policy.js';
import type { TableOptions, TableRequest } from '../ports/tables.js';

/** Options, checked. */
export interface ResolvedTable {
  readonly request: TableRequest;
  readonly db: unknown;
  readonly as: string | undefined;
  readonly policy: Policy;
}

/**
 * Checks options.
 *
 * @throws ConfigurationError `INVALID_OPTION`, or `INVALID_POLICY` for what is left of them
 */
export function resolveTable(table: string, options: TableOptions): ResolvedTable {
  const subject = `table(\`${String(table)}\`)`;
  const wrong = (option: string, expected: string, got: unknown): Error =>
    refuse({ option, expected, got, subject, code: 'INVALID_OPTION' });
  const isName = (name: unknown): boolean =>
    typeof name === 'string' && name !== '' && !name.includes('\0') && name.isWellFormed();
  const isList = (names: unknown): boolean =>
    Array.isArray(names) && names.length > 0 && names.every(isName) && new Set(names).size === names.length;
  if (!isName(table)) throw wrong('table', 'the name of a table', table);
  if (Object(options) !== options) throw wrong('options', 'an object with `primaryKey`', options);
  const { primaryKey, columns, schema = 'public', db, as, ...policy } = options;
  if (!isList(primaryKey)) throw wrong('primaryKey', "an array of different columns such as ['id']", primaryKey);
  if (columns !== undefined && !isList(columns)) throw wrong('columns', 'an array of different columns', columns);
  if (!isName(schema)) throw wrong('schema', 'the name of a schema', schema);
  if (as !== undefined && !isName(as)) throw wrong('as', 'a text', as);
  validatePolicy(policy, subject);
  const request = {
    schema,
    table,
    primaryKey: [...primaryKey],
    columns: columns === undefined ? undefined : [...columns],
  };
  return { request, db, as, policy };
}
