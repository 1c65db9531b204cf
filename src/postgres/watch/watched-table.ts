/** What is to be watched, checked against the catalog: every mistake is found here, none by somebody who writes to the table. */
import { ConfigurationError } from '../../errors.js';
import { closestName } from '../../kernel/closest-name.js';
import { refuse } from '../../kernel/expectation.js';
import type { TableNames } from '../names.js';
import type { Catalog, CatalogColumn, CatalogLog, CatalogRelation, CatalogTable, CatalogTrigger } from './catalog.js';
import { type ColumnTemplate, TAG_TYPES, type TagType } from './tag-expression.js';

/** What a user wants to be watched; texts only, of any content. */
export interface WatchRequest {
  readonly schema: string;
  readonly table: string;
  /** Columns of the key, in the order of the tag; undefined: the primary key's. */
  readonly key: readonly string[] | undefined;
  /** Tags of other columns, and tags without columns. */
  readonly templates: readonly ColumnTemplate[];
  /** Columns whose change does not matter; undefined: whatever was updated has changed. */
  readonly ignore: readonly string[] | undefined;
  readonly namespaces: readonly string[];
}

/** The same, resolved. */
export interface WatchedTable {
  readonly schema: string;
  readonly table: string;
  readonly namespaces: readonly string[];
  /** All templates, those of the table and of its key first. */
  readonly templates: readonly ColumnTemplate[];
  readonly typeOf: (column: string) => TagType;
  /** By which columns old and new rows are paired, and which are compared; undefined: no row is compared. */
  readonly comparison: { readonly pairedBy: readonly string[]; readonly compared: readonly string[] } | undefined;
  readonly relations: readonly CatalogRelation[];
  /** Those that are there already. */
  readonly triggers: readonly CatalogTrigger[];
  readonly log: CatalogLog;
}

const SUBJECT = 'watchTable()';

/**
 * Checks a request.
 *
 * @throws ConfigurationError `INVALID_OPTION` for a table or column that is not there or cannot be watched, `MISSING_SCHEMA` when the cache's
 * tables are not there, `MISSING_RIGHT`
 */
export function resolveWatch(request: WatchRequest, catalog: Catalog, names: TableNames): WatchedTable {
  const table = existing(request, catalog, SUBJECT);
  const log = usableLog(catalog.log, names);
  requireTables(request, table, names);
  const columns = new Map((table.columns ?? []).map((column) => [column.name, column]));
  const key = request.key ?? table.primaryKey;
  if (key === null || key.length === 0) {
    const expected = `the columns that tell its rows apart, as \`${shownName(request)}\` has no primary key`;
    throw refuse({ option: 'key', expected, got: request.key, subject: SUBJECT, code: 'INVALID_OPTION' });
  }
  const templates = [fixed(request.table), keyed(request.table, key), ...request.templates];
  const used = new Set(templates.flatMap((template) => template.columns.map(({ column }) => column)));
  const types = new Map(
    [...used].map((name) => [name, tagTypeOf(columnOf(name, key.includes(name) ? 'key' : 'tags', columns))]),
  );
  const typeOf = (name: string): TagType => types.get(name) ?? 'text';
  const { relations, triggers } = table;
  const comparison = comparisonOf(request, table, columns);
  return { ...request, templates, typeOf, comparison, relations, triggers, log };
}

/** The table of a request. */
export function existing(
  request: Pick<WatchRequest, 'schema' | 'table'>,
  catalog: Catalog,
  subject: string,
): CatalogTable {
  if (catalog.table !== null) return catalog.table;
  const expected = `an existing table of the schema \`${request.schema}\``;
  throw refuse({ option: 'table', expected, got: request.table, subject, code: 'INVALID_OPTION' });
}

function usableLog(log: CatalogLog | null, { schema, entries, invalidations, mass }: TableNames): CatalogLog {
  if (log === null || log.functions < 2 || !log.mass) {
    throw new ConfigurationError(
      'MISSING_SCHEMA',
      `The tables of ${schema}.${entries} are missing or outdated: run \`keepsake migrate\` before a table is watched`,
    );
  }
  const missing = [
    ...(log.canGive || log.canCreate ? [] : [`create on schema ${schema}`]),
    ...(log.canGive || log.canLog
      ? []
      : [`select, insert and update on ${schema}.${invalidations}, insert on ${schema}.${mass}`]),
  ];
  if (missing.length > 0) throw missingRight(missing);
  return log;
}

function requireTables(request: WatchRequest, { kind, persistence, relations }: CatalogTable, names: TableNames): void {
  const unwatchable = (what: string): Error =>
    refuse({
      option: 'table',
      expected: `a table, not ${what}`,
      got: request.table,
      subject: SUBJECT,
      code: 'INVALID_OPTION',
    });
  if (kind === 'v') throw unwatchable('a view: watch the tables it is made of');
  if (kind === 'm') throw unwatchable('a materialized view: invalidate its tags where it is refreshed');
  if (kind === 'f') throw unwatchable('a foreign table: watch it where it is');
  if (persistence === 't') throw unwatchable('a temporary one');
  if (request.schema === names.schema && Object.values(names).includes(request.table))
    throw unwatchable('one of the cache itself');
  const foreign = relations.find((relation) => relation.kind === 'f');
  if (foreign !== undefined) throw unwatchable(`one with the foreign table \`${foreign.name}\` below it`);
  const others = relations.filter(({ owned }) => !owned).map(({ schema, name }) => `ownership of ${schema}.${name}`);
  if (others.length > 0) throw missingRight(others);
}

function missingRight(missing: readonly string[]): ConfigurationError {
  return new ConfigurationError('MISSING_RIGHT', `The role lacks rights: ${missing.join(', ')}`);
}

function comparisonOf(
  { ignore, table }: WatchRequest,
  { primaryKey }: CatalogTable,
  columns: ReadonlyMap<string, CatalogColumn>,
): WatchedTable['comparison'] {
  if (ignore === undefined) return undefined;
  for (const name of ignore) columnOf(name, 'ignore', columns);
  if (primaryKey === null) {
    const expected = `left out: \`${table}\` has no primary key, by which a row could be compared with what it was`;
    throw refuse({ option: 'ignore', expected, got: ignore, subject: SUBJECT, code: 'INVALID_OPTION' });
  }
  // Under the functions' search_path only PostgreSQL's own types have an equality.
  for (const name of primaryKey) tagTypeOf(columnOf(name, 'key', columns));
  return { pairedBy: primaryKey, compared: [...columns.keys()].filter((name) => !ignore.includes(name)) };
}

/** A column by its name. Throws ConfigurationError when there is none. */
export function columnOf(
  name: string,
  option: 'key' | 'tags' | 'ignore' | 'primaryKey' | 'columns',
  columns: ReadonlyMap<string, CatalogColumn>,
  subject: string = SUBJECT,
): CatalogColumn {
  const column = columns.get(name);
  if (column !== undefined) return column;
  const close = closestName(name, [...columns.keys()]);
  const hint = close === undefined ? '' : ` (did you mean \`${close}\`?)`;
  const expected = `made of the table's columns${hint}`;
  throw refuse({ option, expected, got: name, subject, code: 'INVALID_OPTION' });
}

const TYPES: Readonly<Record<string, TagType>> = {
  int2: 'number',
  int4: 'number',
  int8: 'number',
  uuid: 'uuid',
  bool: 'boolean',
  text: 'text',
  varchar: 'text',
  date: 'date',
  timestamptz: 'instant',
};

/** How values of a column stand in tags and keys. Throws ConfigurationError for types whose values have several texts. */
export function tagTypeOf({ name, type, typeKind, shown, scale }: CatalogColumn, subject: string = SUBJECT): TagType {
  if (typeKind === 'e') return 'text';
  if (type === 'numeric' && scale === 0) return 'text';
  const found = Object.hasOwn(TYPES, type) ? TYPES[type] : undefined;
  if (found !== undefined) return found;
  const expected = `a column of one of the types ${TAG_TYPES}: values of ${shown} can be written in several ways`;
  throw refuse({ option: name, expected, got: shown, subject, code: 'INVALID_OPTION' });
}

function fixed(table: string): ColumnTemplate {
  return { source: table, literals: [table], columns: [] };
}

function keyed(table: string, key: readonly string[]): ColumnTemplate {
  return {
    source: `${table}:${key.map((column) => `{${column}}`).join(':')}`,
    literals: [`${table}:`, ...key.slice(1).map(() => ':'), ''],
    columns: key.map((column) => ({ column, fallback: undefined })),
  };
}

function shownName({ schema, table }: WatchRequest): string {
  return `${schema}.${table}`;
}
