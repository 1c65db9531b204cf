/** Rows of a table by their keys, out of PostgreSQL: the cache's own database, or another one through what the application gives. */
import pg from 'pg';
import { ConfigurationError } from '../errors.js';
import { refuse } from '../kernel/expectation.js';
import type { KeyKind, RowSource, TableRequest, TableRow } from '../ports/tables.js';
import { textArray } from './arrays.js';
import { tableNames } from './names.js';
import { databaseRowsOf, databaseRunnerOf } from './user-transaction.js';
import { type CatalogColumn, type CatalogTable, readCatalog, sendOrExplain } from './watch/catalog.js';
import { identifier, qualified } from './watch/quoting.js';
import { columnOf, existing, tagTypeOf } from './watch/watched-table.js';

/** Runs a statement on a connection of the cache's own; every column comes as text. */
export type RunAsText = (sql: string, params: string[]) => Promise<readonly (readonly (string | null)[])[]>;

/** Where rows come from: our own connections, or the application's. */
export type RowDatabase = { readonly own: RunAsText } | { readonly given: unknown };

/** A source over a table; nothing is sent before it is asked. */
export function createRowSource(request: TableRequest, database: RowDatabase): RowSource {
  const source = new TableSource(request, database);
  return { describe: () => source.describe(), read: (keys) => source.read(keys) };
}

/** A table that was looked up. */
interface Described {
  readonly kinds: readonly KeyKind[];
  readonly sql: string;
  readonly columns: readonly CatalogColumn[];
  /** What the position of a row's key is called in the answer. */
  readonly position: string;
}

class TableSource {
  readonly #request: TableRequest;
  readonly #database: RowDatabase;
  #described: Promise<Described> | undefined;

  constructor(request: TableRequest, database: RowDatabase) {
    this.#request = request;
    this.#database = database;
  }

  async describe(): Promise<readonly KeyKind[]> {
    return (await this.#lookUp()).kinds;
  }

  async read(keys: readonly (readonly string[])[]): Promise<readonly (TableRow | undefined)[]> {
    const described = await this.#lookUp();
    const params = this.#request.primaryKey.map((_, part) => textArray(keys.map((key) => key[part] ?? '')));
    const rows: (TableRow | undefined)[] = keys.map(() => undefined);
    for (const [position, row] of await this.#rows(described, params)) rows[position] = row;
    return rows;
  }

  async #rows(
    { sql, columns, position }: Described,
    params: string[],
  ): Promise<readonly (readonly [position: number, row: TableRow])[]> {
    if ('own' in this.#database) {
      const parsers = columns.map(({ name, oid }) => [name, pg.types.getTypeParser(oid, 'text')] as const);
      const rows = await this.#database.own(sql, params);
      return rows.map(([at, ...texts]) => {
        const values = parsers.map(([name, parse], i) => [name, texts[i] == null ? null : parse(texts[i])] as const);
        return [Number(at) - 1, Object.fromEntries(values)];
      });
    }
    const given = databaseRowsOf(this.#database.given);
    const rows = await sendOrExplain(given, sql, params, `The table \`${this.#request.table}\` cannot be read`);
    return rows.map((row) => {
      const { [position]: at, ...values } = row as Record<string, unknown>;
      return [Number(at) - 1, values];
    });
  }

  async #lookUp(): Promise<Described> {
    this.#described ??= this.#describe();
    try {
      return await this.#described;
    } catch (error) {
      this.#described = undefined;
      throw error;
    }
  }

  async #describe(): Promise<Described> {
    const { schema, table } = this.#request;
    const send = databaseRunnerOf('own' in this.#database ? this.#database.own : this.#database.given);
    // Nothing is asked about a cache's tables, which may be in another database.
    const catalog = await readCatalog(send, { schema, name: table }, tableNames({ schema, table: '-', prefix: '' }));
    return describedBy(this.#request, existing(this.#request, catalog, subjectOf(this.#request)));
  }
}

function describedBy(request: TableRequest, found: CatalogTable): Described {
  const subject = subjectOf(request);
  const { schema, table, primaryKey } = request;
  if (found.kind === 'v' || found.kind === 'm') {
    const expected = 'a table, not a view: rows are found by a primary key, which a view has not';
    throw refuse({ option: 'table', expected, got: table, subject, code: 'INVALID_OPTION' });
  }
  if (!found.readable)
    throw new ConfigurationError('MISSING_RIGHT', `The role lacks rights: select on ${schema}.${table}`);
  const all = new Map((found.columns ?? []).map((column) => [column.name, column]));
  const keys = primaryKey.map((name) => columnOf(name, 'primaryKey', all, subject));
  const isUnique = found.uniqueKeys.some(
    (unique) => unique.length === keys.length && unique.every((name) => primaryKey.includes(name)),
  );
  if (!isUnique) {
    const right = found.primaryKey === null ? 'which has none' : `which is ${found.primaryKey.join(', ')}`;
    const expected = `the columns of the table's primary key (${right}) or of a unique index`;
    throw refuse({ option: 'primaryKey', expected, got: primaryKey.join(', '), subject, code: 'INVALID_OPTION' });
  }
  const columns = (request.columns ?? [...all.keys()]).map((name) => columnOf(name, 'columns', all, subject));
  const kinds = keys.map((column) => tagTypeOf(column, subject));
  const position = positionName(columns);
  return { kinds, columns, position, sql: readSql(request, keys, columns, position) };
}

/** One query for any number of keys; a row comes with the position of its key. */
function readSql(
  { schema, table }: TableRequest,
  keys: readonly CatalogColumn[],
  columns: readonly CatalogColumn[],
  position: string,
): string {
  const arrays = keys.map(({ typeName }, i) => `$${i + 1}::text::${typeName}[]`);
  const parts = keys.map((_, i) => `key_${i + 1}`);
  const paired = keys.map(({ name }, i) => `t.${identifier(name)} = k.key_${i + 1}`);
  return `select k.${identifier(position)}::text as ${identifier(position)}, ${columns.map(({ name }) => `t.${identifier(name)}`).join(', ')}
from unnest(${arrays.join(', ')}) with ordinality as k (${parts.join(', ')}, ${identifier(position)})
join ${qualified(schema, table)} as t on ${paired.join(' and ')}`;
}

/** A name that no column has. */
function positionName(columns: readonly CatalogColumn[]): string {
  let name = 'position';
  while (columns.some((column) => column.name === name)) name += '_';
  return name;
}

function subjectOf({ table }: TableRequest): string {
  return `table(\`${table}\`)`;
}
