/**
 * The schema as it is: whether our tables are there, are ours, and may be used. Everything is read from the catalog
 * and nothing changed.
 */
import { ConfigurationError } from '../errors.js';
import { textArray } from './arrays.js';
import type { RunOn } from './executor.js';
import type { TableNames } from './names.js';

/** The entry table's columns as this version uses them. */
const ENTRY_COLUMNS: Readonly<Record<string, string>> = {
  id: 'text',
  value: 'bytea',
  expiresattime: 'timestamp with time zone',
  slidingexpirationinseconds: 'bigint',
  absoluteexpiration: 'timestamp with time zone',
  encoding: 'text',
  stored_as: 'text',
  tags: 'text[]',
  snapshot: 'pg_snapshot',
  writer_xid: 'xid8',
  written_at: 'timestamp with time zone',
  stale_until: 'timestamp with time zone',
  refresh_at: 'timestamp with time zone',
  retry_at: 'timestamp with time zone',
  grace_ms: 'double precision',
  sliding_ms: 'double precision',
  load_ms: 'double precision',
};

/** How many of them .NET's Microsoft.Extensions.Caching.Postgres has: the first ones. */
const SHARED_COLUMNS = 5;

/** The rights statements need at run time, by table. */
const RIGHTS = {
  entries: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  invalidations: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  boot: ['SELECT', 'INSERT', 'DELETE'],
  meta: ['SELECT', 'UPDATE'],
  leases: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  locks: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  marks: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  migrations: ['SELECT'],
} as const satisfies Partial<Record<keyof TableNames, readonly string[]>>;

/** What the catalog says: the existing ones of our tables, with their columns and types. */
type FoundTables = ReadonlyMap<string, ReadonlyMap<string, string>>;

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
  const found = await findTables(run, names);
  const entries = found.get(names.entries);
  if (entries !== undefined) refuseForeign(entries, names);
  if (!found.has(names.migrations)) return 'outdated';
  const applied = await run(
    `select name from ${quote(names.schema)}.${quote(names.migrations)}`, // Kysely's table: its columns are Kysely's
  );
  const done = new Set(applied.map(([name]) => name));
  return migrations.every((name) => done.has(name)) ? 'current' : 'outdated';
}

async function findTables(run: RunOn, names: TableNames): Promise<FoundTables> {
  const rows = await run(
    `select c.relname, a.attname, format_type(a.atttypid, null)
     from pg_catalog.pg_class as c
     join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
     join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
     where n.nspname = $1::text and c.relname = any ($2::text[])
     order by a.attnum`,
    [names.schema, textArray([names.entries, names.migrations])],
  );
  const found = new Map<string, Map<string, string>>();
  for (const [table, column, type] of rows) {
    if (table == null || column == null || type == null) continue;
    const columns = found.get(table) ?? new Map<string, string>();
    found.set(table, columns.set(column, type));
  }
  return found;
}

function refuseForeign(columns: ReadonlyMap<string, string>, names: TableNames): void {
  const differences = Object.entries(ENTRY_COLUMNS).flatMap(([column, type]) => {
    const there = columns.get(column);
    if (there === undefined) return [`\`${column}\` is missing`];
    return there === type ? [] : [`\`${column}\` is ${there} instead of ${type}`];
  });
  if (differences.length === 0) return;
  const table = `${names.schema}.${names.entries}`;
  const reason = isShared(columns)
    ? 'it has the columns of a table made by Microsoft.Extensions.Caching.Postgres, and adopting such tables is not supported yet'
    : `it is not a table of Keepsake: ${differences.join(', ')}`;
  throw new ConfigurationError(
    'FOREIGN_TABLE',
    `The table ${table} exists and was left untouched; ${reason}. Choose another \`table\`, \`prefix\` or \`schema\``,
  );
}

function isShared(columns: ReadonlyMap<string, string>): boolean {
  const shared = Object.keys(ENTRY_COLUMNS).slice(0, SHARED_COLUMNS);
  return columns.size === shared.length && shared.every((column) => columns.has(column));
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
