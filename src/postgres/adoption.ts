/**
 * Adoption: the table of entries as it is found, and whether Keepsake may use it. It may be ours, or one that .NET's
 * Microsoft.Extensions.Caching.Postgres or the Python package cache-postgres has made: then it gets our columns, and triggers that hear its
 * makers. Anything else is refused and left untouched.
 */
import { ConfigurationError } from '../errors.js';
import { MAX_ID_BYTES } from '../kernel/names.js';
import type { RunOn } from './executor.js';
import type { TableNames } from './names.js';

/** The columns that other programs have too. Of `id` there may be a longest length. */
const SHARED_COLUMNS: Readonly<Record<string, string>> = {
  id: 'text',
  value: 'bytea',
  expiresattime: 'timestamp with time zone',
  slidingexpirationinseconds: 'bigint',
  absoluteexpiration: 'timestamp with time zone',
};

/** Ours. */
const OWN_COLUMNS: Readonly<Record<string, string>> = {
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

/** The shortest `id` that is adopted: that of .NET, which leaves a key enough of its own before a hash. */
const SHORTEST_ID = 449;

/** The table of entries as it is found. */
export interface FoundEntries {
  /** `own`: it has our columns, whoever made it. `adoptable`: it has not, and may get them. */
  readonly origin: 'missing' | 'own' | 'adoptable';
  /** Whose the column `tags` of an adoptable table is. */
  readonly tags: 'ours' | 'theirs';
  /** Whether triggers hear other programs. */
  readonly foreignWrites: 'heard' | 'ignored';
  /** Longest id it takes. */
  readonly maxIdBytes: number;
}

interface Column {
  readonly type: string;
  readonly collation: string;
}

/** A table, by what matters for adopting it. */
interface Shape {
  readonly columns: ReadonlyMap<string, Column>;
  readonly kind: string;
  readonly key: 'unique' | 'not unique';
  readonly triggers: 'there' | 'missing';
}

/**
 * Looks at the table of entries.
 *
 * @throws ConfigurationError (`FOREIGN_TABLE`) when its name is taken by a table that is neither ours nor can be adopted
 */
export async function inspectEntries(run: RunOn, names: TableNames): Promise<FoundEntries> {
  const shape = await readShape(run, names);
  if (shape === undefined) {
    return { origin: 'missing', tags: 'ours', foreignWrites: 'ignored', maxIdBytes: MAX_ID_BYTES };
  }
  const isOurs = Object.keys(OWN_COLUMNS).every((column) => shape.columns.has(column));
  const differences = isOurs ? differencesOf(shape) : obstaclesTo(shape);
  if (differences.length > 0) throw refused(names, differences);
  return {
    origin: isOurs ? 'own' : 'adoptable',
    tags: !isOurs && shape.columns.has('tags') ? 'theirs' : 'ours',
    foreignWrites: shape.triggers === 'there' ? 'heard' : 'ignored',
    maxIdBytes: Math.min(lengthOf(shape.columns.get('id')?.type), MAX_ID_BYTES),
  };
}

async function readShape(run: RunOn, names: TableNames): Promise<Shape | undefined> {
  const rows = await run(
    `select a.attname, format_type(a.atttypid, a.atttypmod), l.collname, c.relkind::text,
       exists (
         select from pg_catalog.pg_index as i
         join pg_catalog.pg_attribute as k on k.attrelid = c.oid and k.attname = 'id' and i.indkey[0] = k.attnum
         where i.indrelid = c.oid and i.indisunique and i.indisvalid and i.indnkeyatts = 1 and i.indpred is null
       )::text,
       exists (select from pg_catalog.pg_trigger as t where t.tgrelid = c.oid and t.tgname = $3::text)::text
     from pg_catalog.pg_class as c
     join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
     join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
     left join pg_catalog.pg_collation as l on l.oid = a.attcollation
     where n.nspname = $1::text and c.relname = $2::text
     order by a.attnum`,
    [names.schema, names.entries, `${names.entries}_hear_write`],
  );
  const [first] = rows;
  if (first === undefined) return undefined;
  const columns = new Map<string, Column>();
  for (const [column, type, collation] of rows) {
    if (column != null && type != null) columns.set(column, { type, collation: collation ?? '' });
  }
  return {
    columns,
    kind: first[3] ?? '',
    key: first[4] === 'true' ? 'unique' : 'not unique',
    triggers: first[5] === 'true' ? 'there' : 'missing',
  };
}

/** What is wrong with a table that has our columns, or should. */
function differencesOf({ columns }: Shape): readonly string[] {
  return Object.entries({ ...SHARED_COLUMNS, ...OWN_COLUMNS }).flatMap(([column, type]) => {
    const there = columns.get(column);
    if (there === undefined) return [`\`${column}\` is missing`];
    return fits(column, there.type, type) ? [] : [`\`${column}\` is ${there.type} instead of ${type}`];
  });
}

/** What keeps a table without our columns from being adopted. */
function obstaclesTo(shape: Shape): readonly string[] {
  const { columns, kind, key } = shape;
  const isShared = Object.keys(SHARED_COLUMNS).every((column) => columns.has(column));
  if (!isShared) return differencesOf(shape);
  const known: Readonly<Record<string, string>> = { ...SHARED_COLUMNS, tags: 'text[]' };
  const obstacles = [...columns].flatMap(([column, { type }]) => {
    const expected = known[column];
    if (expected === undefined) return [`\`${column}\` is a column that neither Keepsake nor .NET nor Python knows`];
    return fits(column, type, expected) ? [] : [`\`${column}\` is ${type} instead of ${described(column, expected)}`];
  });
  const { collation } = columns.get('id') ?? { collation: '' };
  if (collation !== 'C') obstacles.push(`\`id\` has the collation \`${collation}\` instead of \`C\``);
  if (key === 'not unique') obstacles.push('`id` is no primary key');
  if (kind !== 'r') obstacles.push('it is no plain table');
  return obstacles;
}

function described(column: string, type: string): string {
  return column === 'id' ? `character varying(${SHORTEST_ID}) or text` : type;
}

function fits(column: string, type: string, expected: string): boolean {
  return column === 'id' ? lengthOf(type) >= SHORTEST_ID : type === expected;
}

/** How many characters a type takes, of which each may be one byte; 0 for what is no text. */
function lengthOf(type = ''): number {
  if (type === 'text' || type === 'character varying') return Number.POSITIVE_INFINITY;
  return Number(/^character varying\((\d+)\)$/.exec(type)?.[1] ?? 0);
}

function refused(names: TableNames, differences: readonly string[]): ConfigurationError {
  return new ConfigurationError(
    'FOREIGN_TABLE',
    `The table ${names.schema}.${names.entries} exists and was left untouched; it is not a table of Keepsake, nor one of .NET or Python that can be adopted: ${differences.join(', ')}. Choose another \`table\`, \`prefix\` or \`schema\``,
  );
}
