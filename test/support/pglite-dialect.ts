/** A Kysely dialect over PGlite, PostgreSQL as WebAssembly inside of this process: one connection, which everybody takes turns at. */
import type { PGlite } from '@electric-sql/pglite';
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
} from 'kysely';

export function pgliteDialect(database: PGlite): Dialect {
  return {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new PgliteDriver(database),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  };
}

/** Turns at the one connection of a database, whoever asks: several dialects may be made over it. */
const turns = new WeakMap<PGlite, Promise<void>>();

class PgliteDriver implements Driver {
  readonly #database: PGlite;
  readonly #connection: DatabaseConnection;
  #endTurn: () => void = () => undefined;

  constructor(database: PGlite) {
    this.#database = database;
    this.#connection = {
      async executeQuery<Row>({ sql, parameters }: CompiledQuery): Promise<QueryResult<Row>> {
        const { rows } = await database.query<Row>(sql, [...parameters]);
        return { rows };
      },
      streamQuery: () => {
        throw new TypeError('PGlite streams nothing');
      },
    };
  }

  async init(): Promise<void> {
    await this.#database.waitReady;
  }

  async acquireConnection(): Promise<DatabaseConnection> {
    const before = turns.get(this.#database) ?? Promise.resolve();
    let end = (): void => undefined;
    turns.set(
      this.#database,
      new Promise((resolve) => {
        end = resolve;
      }),
    );
    await before;
    this.#endTurn = end;
    return this.#connection;
  }

  async beginTransaction(): Promise<void> {
    await this.#database.query('begin');
  }

  async commitTransaction(): Promise<void> {
    await this.#database.query('commit');
  }

  async rollbackTransaction(): Promise<void> {
    await this.#database.query('rollback');
  }

  async releaseConnection(): Promise<void> {
    this.#endTurn();
  }

  async destroy(): Promise<void> {
    // The database is its maker's to close.
  }
}
