/** The catalog's word on a table that is to be watched, and on the log its triggers would write to. */
import { KeepsakeError } from '../../errors.js';
import { functionNames, type TableNames } from '../names.js';
import { watchCatalogStatement } from '../queries/watch-catalog.js';
import { configurationErrorOf, storeErrorOf } from '../sqlstate.js';

/** Sends a statement; resolves to the first column of its first row. */
export type Send = (sql: string, params: string[]) => Promise<string | undefined>;

export interface CatalogColumn {
  readonly name: string;
  /** Name of the type, that of a domain's base. */
  readonly type: string;
  /** Its number, likewise. */
  readonly oid: number;
  /** Its quoted name with its schema, likewise. */
  readonly typeName: string;
  /** `b` base, `e` enum, and others, as in `pg_type.typtype`. */
  readonly typeKind: string;
  /** The type as people write it. */
  readonly shown: string;
  /** Digits after the point, for `numeric`, where they are said. */
  readonly scale: number | null;
  /** Whether its collation is deterministic; null where it has none. */
  readonly collation: boolean | null;
}

/** A table, and those that inherit from it or are partitions of it. */
export interface CatalogRelation {
  readonly schema: string;
  readonly name: string;
  /** As in `pg_class.relkind`. */
  readonly kind: string;
  readonly owned: boolean;
  /** How many columns it has had so far. */
  readonly width: number;
  /** Whether it is the table itself. */
  readonly root: boolean;
}

/** A trigger that calls one of our functions. */
export interface CatalogTrigger {
  readonly schema: string;
  readonly table: string;
  readonly name: string;
  readonly enabled: string;
  readonly argument: string;
  readonly function: string;
  readonly source: string;
}

export interface CatalogTable {
  readonly kind: string;
  readonly persistence: string;
  readonly columns: readonly CatalogColumn[] | null;
  readonly primaryKey: readonly string[] | null;
  /** Columns of each unique index, in no order. */
  readonly uniqueKeys: readonly (readonly string[])[];
  /** Whether the role may read any of it. */
  readonly readable: boolean;
  readonly relations: readonly CatalogRelation[];
  readonly triggers: readonly CatalogTrigger[];
}

export interface CatalogLog {
  readonly owner: string;
  /** Whether functions can be given to the owner. */
  readonly canGive: boolean;
  readonly canCreate: boolean;
  readonly canLog: boolean;
  /** Whether the table of mass invalidations is there. */
  readonly mass: boolean;
  /** How many of the functions that triggers call are there. */
  readonly functions: number;
}

export interface Catalog {
  readonly table: CatalogTable | null;
  readonly log: CatalogLog | null;
}

/** What trigger functions of a cache are called, before the hash. */
export function functionsBegin({ entries }: TableNames): string {
  return `${entries}_watch_`;
}

/**
 * Reads the catalog.
 *
 * @throws ConfigurationError, or StoreError when the database fails
 */
export async function readCatalog(
  send: Send,
  table: { readonly schema: string; readonly name: string },
  names: TableNames,
): Promise<Catalog> {
  const functions = functionNames(names);
  const params = [
    table.schema,
    table.name,
    names.schema,
    names.invalidations,
    names.mass,
    functions.escape,
    functions.storedTag,
    functionsBegin(names),
  ];
  const answer = await sendOrExplain(send, watchCatalogStatement.text, params);
  return JSON.parse(answer ?? '{"table":null,"log":null}') as Catalog;
}

/** What `send` answers, with our errors. */
export async function sendOrExplain<Answer>(
  send: (sql: string, params: string[]) => Promise<Answer>,
  sql: string,
  params: string[],
  subject = 'The table cannot be watched',
): Promise<Answer> {
  try {
    return await send(sql, params);
  } catch (error) {
    if (error instanceof TypeError || error instanceof ReferenceError || error instanceof KeepsakeError) throw error;
    throw configurationErrorOf(error, subject) ?? storeErrorOf(error, subject, 'failed');
  }
}
