/** The application's own data: a table of versions, which readers load and writers change. Its connections are direct, whatever fault there is. */
import { AsyncLocalStorage } from 'node:async_hooks';
import pg from 'pg';
import type { Random } from '../random.js';

/** The loader itself failed: its database was away, or the harness let it. Callers may get this; anything else is the cache's fault. */
export class SourceError extends Error {
  override readonly name = 'SourceError';
}

/** A transaction that was meant to be rolled back. */
export class Rollback extends Error {
  override readonly name = 'Rollback';
}

/** Whether a transaction that changes a row means to commit. */
export type Intent = 'commit' | 'roll back';

export class Source {
  readonly pool: pg.Pool;
  readonly #table: string;
  readonly #sequence: string;
  readonly #transaction = new AsyncLocalStorage<pg.ClientBase>();

  constructor(url: string, schema: string) {
    this.pool = new pg.Pool({ connectionString: url, max: 6 });
    this.pool.on('error', () => undefined);
    this.#table = `${schema}.source`;
    this.#sequence = `${schema}.versions`;
  }

  /** Makes the table. */
  static async create(client: pg.ClientBase, schema: string, keys: number): Promise<void> {
    await client.query(
      `create table ${schema}.source (id int primary key, version bigint not null) with (fillfactor = 50)`,
    );
    await client.query(`insert into ${schema}.source select id, 0 from generate_series(0, $1::int - 1) id`, [keys]);
    await client.query(`create sequence ${schema}.versions`);
  }

  /** The version of a row: in the transaction under way, if there is one. */
  async version(id: number): Promise<number> {
    const connection = this.#transaction.getStore() ?? this.pool;
    try {
      const { rows } = await connection.query<{ version: string }>({
        name: 'version',
        text: `select version from ${this.#table} where id = $1`,
        values: [id],
      });
      return Number(rows[0]?.version);
    } catch (cause) {
      throw new SourceError('The source cannot be read', { cause });
    }
  }

  /**
   * Changes a row; answers its new version. The row is locked before the version is drawn, so a key's versions grow in the order of
   * their commits; those that will be rolled back are odd.
   */
  async change(client: pg.ClientBase, id: number, intent: Intent): Promise<number> {
    await client.query(`select from ${this.#table} where id = $1 for update`, [id]);
    const odd = intent === 'commit' ? 0 : 1;
    const { rows } = await client.query<{ version: string }>(
      `update ${this.#table} set version = 2 * nextval('${this.#sequence}') + ${odd} where id = $1 returning version`,
      [id],
    );
    return Number(rows[0]?.version);
  }

  /** Locks a row until the transaction of `client` ends; answers the version that is true for as long. */
  async lock(client: pg.ClientBase, id: number): Promise<number> {
    const { rows } = await client.query<{ version: string }>(
      `select version from ${this.#table} where id = $1 for update`,
      [id],
    );
    return Number(rows[0]?.version);
  }

  /** Runs `work` with `version` reading in the transaction of `client`. */
  async within<T>(client: pg.ClientBase, work: () => Promise<T>): Promise<T> {
    return await this.#transaction.run(client, work);
  }

  /** Runs `work` between `begin` and `commit` on a connection of its own. */
  async transaction<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await this.pool.connect();
    client.on('error', ignore);
    let broken: Error | undefined;
    try {
      await client.query('begin');
      const result = await work(client);
      await client.query('commit');
      return result;
    } catch (error) {
      broken = error instanceof Rollback ? undefined : new Error('failed', { cause: error });
      if (broken === undefined) await client.query('rollback').catch((cause: Error) => (broken = cause));
      throw error;
    } finally {
      client.off('error', ignore);
      client.release(broken);
    }
  }

  async close(): Promise<void> {
    await this.pool.end();
  }
}

/** How long a load takes after it has read: mostly little, sometimes long, because races are in there. */
export function loadTime(random: Random): number {
  const kind = random.next();
  if (kind < 0.7) return random.between(0, 4);
  return kind < 0.96 ? random.between(4, 30) : random.between(80, 300);
}

function ignore(): void {
  // Whoever uses the connection is told as well.
}
