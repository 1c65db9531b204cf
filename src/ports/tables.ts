/** The port of the table cache: rows of a table by their primary keys, wherever the table lives; and what users see of it. */
import type { Policy, ResolvedPolicy } from '../kernel/policy.js';

/** How values of a key column are written: canonical, so that one key has one text. */
export type KeyKind = 'number' | 'uuid' | 'boolean' | 'text' | 'date' | 'instant';

/** Which rows are read, and what of them. */
export interface TableRequest {
  readonly schema: string;
  readonly table: string;
  readonly primaryKey: readonly string[];
  /** Undefined: all. */
  readonly columns: readonly string[] | undefined;
}

/** A row as the driver gives it: column names and values. */
export type TableRow = Readonly<Record<string, unknown>>;

export interface RowSource {
  /**
   * Looks the table up; resolves to the kinds of the key's columns, in its order.
   *
   * @throws ConfigurationError for what is not there, cannot be read or is no key; StoreError when the database fails
   */
  describe(): Promise<readonly KeyKind[]>;
  /** Reads rows in one query, by the canonical texts of their keys; undefined for those that are not there. Throws StoreError. */
  read(keys: readonly (readonly string[])[]): Promise<readonly (TableRow | undefined)[]>;
}

/** Opens a source over the application's database, or over the cache's own when `db` is undefined. */
export type OpenRowSource = (request: TableRequest, db: unknown) => Promise<RowSource>;

/** What `cache.table` takes: which rows, and any policy. One of `ttl`, `sliding` and `expiresAt` is required, here or in the cache's `defaults`. */
export interface TableOptions<Column extends string = string, Key extends Column = Column> extends Policy {
  /** The columns of the primary key, or of another unique key. */
  readonly primaryKey: readonly Key[];
  /** The columns of the cached rows. Default: all that the table has when it is first read. */
  readonly columns?: readonly Column[] | undefined;
  /** The table's schema. Default `public`. */
  readonly schema?: string | undefined;
  /**
   * The database the table lives in: a Kysely instance, a `pg` pool or client, or a function that runs a statement and resolves to its
   * rows. Default: the cache's own.
   */
  readonly db?: unknown;
  /** Stands in the entries' keys for the table; needed to tell tables of one name in two databases apart. Default: schema and table. */
  readonly as?: string | undefined;
}

/** How long a read or written row is kept, where that is not the table's. */
export type RowPolicy = Pick<Policy, 'ttl'>;

/** The same, and how new the answer must be, where that is not the table's. */
export type RowReadPolicy = Pick<Policy, 'ttl' | 'consistency'>;

/** Rows of one table, cached by primary key; made by `cache.table()`. */
export interface TableCache<Row, Key> {
  /**
   * The row with this key, or null when there is none; read from the table when it is not cached.
   *
   * @throws KeyError for a key that lacks a part or has a value of the wrong type; ConfigurationError for a table, columns or key that are not
   * there; StoreError when the database fails
   */
  read(key: Key, options?: RowReadPolicy): Promise<Row | null>;
  /** The rows with these keys, in their order, null for those that are not there. Rows that are not cached are read in one query. */
  readMany(keys: Iterable<Key>, options?: RowReadPolicy): Promise<(Row | null)[]>;
  /** Puts a row into the cache, and nowhere else; null for a row that is not there. */
  write(key: Key, row: Row | null, options?: RowPolicy): Promise<void>;
  /** Deletes the row's entry: it is read from the table the next time. */
  invalidate(key: Key): Promise<void>;
}

/** Makes the caches of tables of a database that a Kysely interface describes. */
export type DatabaseTables<Database> = <
  Name extends keyof Database & string,
  Key extends keyof Database[Name] & string,
  Column extends keyof Database[Name] & string = keyof Database[Name] & string,
>(
  name: Name,
  options: Omit<TableOptions<keyof Database[Name] & string, Key>, 'columns'> & {
    readonly columns?: readonly Column[] | undefined;
  },
) => TableCache<RowOf<Database[Name], Column>, KeyOf<Database[Name], Key>>;

/** What reading a column gives: that of Kysely's `ColumnType` where it is one. */
type Selected<Column> = Column extends { readonly __select__: infer Type } ? Type : Column;

/** A row of a table as it is read. */
export type RowOf<Table, Column extends keyof Table = keyof Table> = {
  readonly [Name in Column]: Selected<Table[Name]>;
};

/** A key: the value itself where there is one column, or an object with all. */
export type KeyOf<Table, Key extends keyof Table> =
  | { readonly [Name in Key]: KeyValue<Selected<Table[Name]>> }
  | (IsUnion<Key> extends true ? never : KeyValue<Selected<Table[Key]>>);

/** Whole numbers can be written in three ways. */
type KeyValue<Type> = Type extends number | bigint ? number | bigint | string : Type;

type IsUnion<Type, Whole = Type> = Type extends Whole ? ([Whole] extends [Type] ? false : true) : never;

/** What table caches need of a cache. */
export interface RowHost {
  readonly defaults: Policy;
  /** Values under different keys: `load` is called for those that are missing, by their positions. */
  fetchMany(whole: {
    readonly policy: ResolvedPolicy;
    readonly useCase: string | undefined;
    readonly signal: AbortSignal | undefined;
    readonly keys: readonly string[];
    tagsOf(position: number): readonly string[];
    readonly load: (positions: readonly number[]) => Promise<readonly unknown[]>;
  }): Promise<readonly unknown[]>;
  set(key: string, value: unknown, policy: Policy): Promise<void>;
  delete(key: string): Promise<boolean>;
}
