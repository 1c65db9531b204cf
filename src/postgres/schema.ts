/**
 * The schema as it is: whether our tables are there, are ours, and may be used. Everything is read from the catalog
 * and nothing changed.
 */
import { ConfigurationError } from '../errors.js';
import { inspectEntries } from './adoption.js';
import { textArray } from './arrays.js';
import type { RunOn } from './executor.js';
import type { TableNames } from './names.js';

/** The rights statements need at run time, by table. */
const RIGHTS = {
  entries: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  invalidations: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  mass: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  boot: ['SELECT', 'INSERT', 'DELETE'],
  meta: ['SELECT', 'UPDATE'],
  leases: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  locks: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  policies: ['SELECT'],
  marks: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  migrations: ['SELECT'],
} as const satisfies Partial<Record<keyof TableNames, readonly string[]>>;

/** `current`: every migration of this version was applied; `outdated`: some or all were not. */
export type SchemaState = 'current' | 'outdated';

/**
 * Compares the schema with what this version needs.
 *
 * @throws ConfigurationError (`FOREIGN_TABLE`) when the entry table's name is taken by somebody else's.
 */
export async function inspectSchema(
  run: RunOn,
  names: TableNames,
  migrations: readonly string[],
): Promise<SchemaState> {
  await inspectEntries(run, names);
  const [there] = await run('select to_regclass($1::text)::text', [
    `${quote(names.schema)}.${quote(names.migrations)}`,
  ]);
  if (there?.[0] == null) return 'outdated';
  const applied = await run(
    `select name from ${quote(names.schema)}.${quote(names.migrations)}`, // Kysely's table: its columns are Kysely's
  );
  const done = new Set(applied.map(([name]) => name));
  return migrations.every((name) => done.has(name)) ? 'current' : 'outdated';
}

/** A right that a statement needs and the role has not; lower case, as in `grant`. */
export interface MissingRight {
  readonly table: string;
  readonly right: string;
}

/** What the role may not do of what statements will do; tables that do not exist count for nothing. */
export async function missingRights(run: RunOn, names: TableNames): Promise<readonly MissingRight[]> {
  const wanted = Object.entries(RIGHTS).flatMap(([table, rights]) =>
    rights.map((right) => ({ table: names[table as keyof typeof RIGHTS], right })),
  );
  const rows = await run(
    `select wanted.name, lower(wanted.privilege)
     from unnest($2::text[], $3::text[]) with ordinality as wanted (name, privilege, place)
     join pg_catalog.pg_namespace as n on n.nspname = $1::text
     join pg_catalog.pg_class as c on c.relnamespace = n.oid and c.relname = wanted.name
     where not (has_schema_privilege(n.oid, 'USAGE') and has_table_privilege(c.oid, wanted.privilege))
     order by wanted.place`,
    [names.schema, textArray(wanted.map(({ table }) => table)), textArray(wanted.map(({ right }) => right))],
  );
  return rows.map(([table, right]) => ({ table: table ?? '', right: right ?? '' }));
}

/**
 * Checks that the role may do what statements will do. Throws ConfigurationError (`MISSING_RIGHT`) that names what is
 * missing.
 */
export async function checkRights(run: RunOn, names: TableNames): Promise<void> {
  const rights = await missingRights(run, names);
  if (rights.length === 0) return;
  const missing = rights.map(({ table, right }) => `${right} on ${names.schema}.${table}`).join(', ');
  throw new ConfigurationError('MISSING_RIGHT', `The role lacks rights: ${missing} (and usage of the schema)`);
}

function quote(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}
