/** Rows of tables, cached by primary key. */
import type { DatabaseTables, TableCache, TableOptions } from '../../ports/tables.js';
import { Events } from './events.js';

export abstract class Tables extends Events {
  /**
   * Rows of a table, cached by primary key: one entry a row, those that are missing read in one query. Entries carry the tags that a
   * watched table invalidates. `table<Database>()('users', …)` is typed by a Kysely interface, `table<User>('users', …)` by its row.
   *
   * @throws ConfigurationError for options that can never work; what the database does not have is found by the first call
   * @example
   * const users = cache.table<Database>()('users', { primaryKey: ['id'], ttl: '10m', nullTtl: '1m' })
   * const [ada, nobody] = await users.readMany([1, 2])
   */
  table<Database>(): DatabaseTables<Database>;
  table<Row extends object = Readonly<Record<string, unknown>>, Key = unknown>(
    name: string,
    options: TableOptions,
  ): TableCache<Row, Key>;
  table(...given: readonly [] | readonly [name: string, options: TableOptions]): unknown {
    this.assertOpen();
    if (given.length > 0) return this.parts.makeTable(this, ...(given as readonly [string, TableOptions]));
    return (name: string, options: TableOptions) => this.parts.makeTable(this, name, options);
  }
}
