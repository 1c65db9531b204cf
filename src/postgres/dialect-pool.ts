/**
 * A dialect's connections as a pool: what lets the executor, the migrations and the checks run over any Kysely dialect that speaks to
 * PostgreSQL, in-process ones too.
 *
 * What differs from `pg`, and is made up for here:
 * - a driver hands out values, our statements read text: values are written back as PostgreSQL writes them;
 * - a driver cannot destroy a connection: one that is not trusted any more is given back when its statement has ended, cleaned up;
 * - nothing is prepared, and nothing is listened to.
 */
import { CompiledQuery, type DatabaseConnection, type Dialect, type Driver } from 'kysely';
import { textArray } from './arrays.js';
import type { GivenClient, GivenPool } from './options.js';
import type { Row } from './statement.js';

/** What the executor asks a connection. */
interface Query {
  readonly text: string;
  readonly values?: readonly unknown[];
  readonly rowMode?: 'array';
}

/** The pool of a dialect; connects when it is first used. It is the dialect's user who ends it. */
export function dialectPool(dialect: Dialect): GivenPool {
  let ready: Promise<Driver> | undefined;
  // A connection that comes again is known: it need not be checked again.
  const clients = new WeakMap<DatabaseConnection, DialectClient>();
  const start = async (): Promise<Driver> => {
    const driver = dialect.createDriver();
    await driver.init();
    return driver;
  };
  return {
    async connect() {
      ready ??= start();
      const driver = await ready.catch((error: unknown) => {
        ready = undefined;
        throw error;
      });
      const connection = await driver.acquireConnection();
      const client = clients.get(connection) ?? new DialectClient(driver, connection, () => clients.delete(connection));
      clients.set(connection, client);
      return client;
    },
  };
}

class DialectClient implements GivenClient {
  readonly #driver: Driver;
  readonly #connection: DatabaseConnection;
  readonly #forget: () => void;
  /** Ends with the last statement that was sent. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(driver: Driver, connection: DatabaseConnection, forget: () => void) {
    this.#driver = driver;
    this.#connection = connection;
    this.#forget = forget;
  }

  /** As `pg` has it: with `rowMode: 'array'` rows of text, else the driver's own. */
  async query(
    query: string | Query,
    parameters: readonly unknown[] = [],
  ): Promise<{ readonly rows: readonly unknown[] }> {
    const { text, values = parameters, rowMode } = typeof query === 'string' ? { text: query } : query;
    const sent = this.#connection.executeQuery(CompiledQuery.raw(text, [...values]));
    this.#last = sent.catch(() => undefined);
    const { rows } = await sent;
    return { rows: rowMode === 'array' ? rows.map(rowOf) : rows };
  }

  release(destroy?: boolean | Error): void {
    const isTrusted = destroy === undefined || destroy === false;
    if (!isTrusted) this.#forget();
    const cleaned = isTrusted ? Promise.resolve() : this.#cleanUp();
    cleaned.then(() => this.#driver.releaseConnection(this.#connection)).catch(() => undefined);
  }

  /** After the statement that came late: whatever it left open or set ends. */
  async #cleanUp(): Promise<void> {
    await this.#last;
    for (const text of ['rollback', 'reset statement_timeout']) await this.query(text).catch(() => undefined);
  }

  /** Breaks are the driver's to notice; the next statement fails. */
  on(): this {
    return this;
  }

  off(): this {
    return this;
  }
}

/** Columns of our statements have names of their own, so that an object keeps them all, in order. */
function rowOf(row: unknown): Row {
  return Object.values(Object(row)).map(textOf);
}

/** A value as PostgreSQL would have written it. */
function textOf(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return value ? 't' : 'f';
  if (value instanceof Uint8Array) return `\\x${Buffer.from(value).toString('hex')}`;
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return textArray(value.map((item) => textOf(item) ?? undefined));
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : JSON.stringify(value);
}
