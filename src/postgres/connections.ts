/** Connections: the pool, ours or the user's, and the checks that come before its first use. */
import pg from 'pg';
import { ConfigurationError, StoreError } from '../errors.js';
import { isProgrammingError } from '../kernel/exceptions.js';
import { MAX_ID_BYTES } from '../kernel/names.js';
import { type FoundEntries, inspectEntries } from './adoption.js';
import { Deadline } from './deadline.js';
import { dialectPool } from './dialect-pool.js';
import { Executor, type RunOn, runOn } from './executor.js';
import { checkServer, Identity } from './identity.js';
import { hearForeignWrites, MIGRATION_NAMES, type MigrationTarget, migrate, migrationTarget } from './migrate.js';
import { channelName, eventChannelName, quoted, type TableNames, type Tables, tableNames } from './names.js';
import type { ConnectionOptions, GivenPool, ResolvedStoreOptions } from './options.js';
import { checkRights, inspectSchema } from './schema.js';
import { configurationErrorOf, SqlState, sqlState, storeErrorOf } from './sqlstate.js';
import { assertConnectable, poolConfig } from './startup.js';

/** Until `open` gives up, milliseconds; migrations have longer, since they may wait for those of another process. */
const OPEN_TIMEOUT = 10_000;
const MIGRATION_TIMEOUT = 600_000;

export class Connections {
  readonly #options: ResolvedStoreOptions;
  readonly #connection: string | ConnectionOptions | { readonly pool: GivenPool };
  readonly #names: TableNames;
  readonly #tables: Tables;
  readonly #channel: string;
  readonly #identity: Identity;
  #settings: 'pinned' | 'plain' = 'pinned';
  #maxIdBytes = MAX_ID_BYTES;
  #pool: pg.Pool | undefined;
  #executor: Executor | undefined;

  constructor(options: ResolvedStoreOptions) {
    this.#options = options;
    const { connection } = options;
    this.#connection = hasDialect(connection) ? { pool: dialectPool(connection.dialect) } : connection;
    this.#names = tableNames(options);
    this.#tables = quoted(this.#names);
    this.#channel = channelName(this.#names, options.channel);
    this.#identity = new Identity(this.#tables);
    if (!hasPool(this.#connection)) assertConnectable(this.#connection);
  }

  /** The channel's name, unquoted. */
  get channel(): string {
    return this.#channel;
  }

  /** The channel on which events are published, unquoted. */
  get eventChannel(): string {
    return eventChannelName(this.#channel);
  }

  /** A connection beside the pool, by its URL or like those of the pool: its options, and what is equal where they lead to the same place. */
  separate(url: string | undefined): { readonly place: unknown; readonly config: pg.ClientConfig } {
    const { timeouts } = this.#options;
    const connection = url ?? this.#connection;
    if (hasPool(connection)) return { place: connection.pool, config: driverPool(connection.pool).options };
    const config = poolConfig(connection, { poolSize: 1, timeouts, settings: 'plain' });
    return { place: config, config };
  }

  /** Whether an incarnation is of the tables that were checked: not empty as after a crash, and not made anew as by the restore of a dump. */
  knows(incarnation: string): boolean {
    return this.#identity.isOfCheckedTables(incarnation);
  }

  /** Most connections there can be at one time, as far as is known. */
  get most(): number {
    const given = hasPool(this.#connection) ? driverPool(this.#connection.pool).options : undefined;
    return (given as Partial<pg.PoolOptions> | undefined)?.max ?? this.#options.poolSize;
  }

  /** Longest id that the table of entries takes; known when it was opened. */
  get maxIdBytes(): number {
    return this.#maxIdBytes;
  }

  get tables(): Tables {
    return this.#tables;
  }

  /** Throws StoreError until `open` has succeeded, and after `close`. */
  get executor(): Executor {
    if (this.#executor === undefined) throw new StoreError('The Postgres store is not open', { outcome: 'failed' });
    return this.#executor;
  }

  /**
   * Connects, checks and migrates. Rejects with ConfigurationError for what waiting cannot mend, with StoreError for what it may, and with
   * a programming error (of a `password` function, for one) as it is.
   */
  async open(): Promise<void> {
    try {
      await this.#prepare();
    } catch (error) {
      if (isProgrammingError(error)) throw error;
      throw (
        configurationErrorOf(error, 'Cannot open the Postgres store') ??
        storeErrorOf(error, 'Cannot open the Postgres store', 'failed')
      );
    }
    const { timeouts, preparedStatements } = this.#options;
    this.#executor ??= new Executor({
      pool: this.#poolOf(),
      timeouts,
      preparedStatements,
      onConnect: (run) => this.#identity.check(run),
    });
  }

  async close(): Promise<void> {
    const pool = this.#pool;
    this.#executor?.close();
    this.#executor = undefined;
    this.#pool = undefined;
    if (pool === undefined || hasPool(this.#connection)) return;
    // The pool does not wait until its connections are closed. That their server ends before they do is nothing to report.
    pool.off('error', this.#options.onError);
    pool.on('error', ignore);
    await pool.end();
  }

  async #prepare(): Promise<void> {
    const found = await this.#withClient(OPEN_TIMEOUT, 'keep', async (client) => {
      await checkServer(runOn(client));
      const state = await inspectSchema(runOn(client), this.#names, MIGRATION_NAMES);
      return { state, entries: await inspectEntries(runOn(client), this.#names) };
    });
    const target = this.#migrationTarget(found.entries);
    if (found.state === 'outdated') {
      if (!this.#options.migrate) throw this.#missingSchema();
      await this.#withClient(MIGRATION_TIMEOUT, 'destroy', (client) => migrate(client, target));
    } else if (target.foreignWrites === 'heard' && found.entries.foreignWrites === 'ignored') {
      if (!this.#options.migrate) throw this.#missingTriggers();
      await this.#withClient(MIGRATION_TIMEOUT, 'destroy', (client) => hearForeignWrites(client, target));
    }
    this.#maxIdBytes = found.entries.maxIdBytes;
    await this.#withClient(OPEN_TIMEOUT, 'keep', (client) => this.#introduce(runOn(client)));
  }

  async #introduce(run: RunOn): Promise<void> {
    await checkRights(run, this.#names);
    await this.#identity.check(run);
    await run(this.#identity.raiseLoadDeadline, [this.#options.loadDeadline]);
  }

  #migrationTarget(entries: FoundEntries): MigrationTarget {
    const { durability, foreignWrites } = this.#options;
    return migrationTarget(this.#names, entries, { durability, foreignWrites });
  }

  #missingTriggers(): ConfigurationError {
    const { schema, entries } = this.#names;
    const message = `\`foreignWrites\` needs triggers on ${schema}.${entries}, and \`migrate\` is false: open a cache that may make them first`;
    return new ConfigurationError('MISSING_SCHEMA', message);
  }

  #missingSchema(): ConfigurationError {
    const { schema, entries } = this.#names;
    return new ConfigurationError(
      'MISSING_SCHEMA',
      `The tables of ${schema}.${entries} are missing or outdated, and \`migrate\` is false: run the migrations first`,
    );
  }

  #poolOf(): pg.Pool {
    if (this.#pool !== undefined) return this.#pool;
    const { poolSize, timeouts, onError } = this.#options;
    const connection = this.#connection;
    if (hasPool(connection)) {
      this.#pool = driverPool(connection.pool);
    } else {
      this.#pool = new pg.Pool(poolConfig(connection, { poolSize, timeouts, settings: this.#settings }));
      this.#pool.on('error', onError); // a connection that breaks while idle; the pool has dropped it already
    }
    return this.#pool;
  }

  async #withClient<T>(
    timeout: number,
    after: 'keep' | 'destroy',
    use: (client: pg.PoolClient) => Promise<T>,
  ): Promise<T> {
    const deadline = new Deadline(timeout);
    const client = await this.#connect(deadline);
    let verdict: 'keep' | 'destroy' = 'destroy';
    client.on('error', ignore);
    try {
      const result = await deadline.over(use(client), 'failed');
      verdict = after;
      return result;
    } finally {
      client.release(verdict === 'destroy');
      client.off('error', ignore);
    }
  }

  /** A connection; without our settings when a pooler refuses them. */
  async #connect(deadline: Deadline): Promise<pg.PoolClient> {
    const connecting = this.#poolOf().connect();
    try {
      return await deadline.over(connecting, 'failed');
    } catch (error) {
      connecting.then((client) => client.release(), ignore);
      const isRefused = sqlState(error) === SqlState.protocolViolation && this.#settings === 'pinned';
      if (!isRefused || hasPool(this.#connection)) throw error;
      await this.close();
      this.#settings = 'plain';
      return this.#connect(deadline);
    }
  }
}

type Given = ResolvedStoreOptions['connection'];

function hasPool(connection: Given): connection is { readonly pool: GivenPool } {
  return typeof connection === 'object' && 'pool' in connection;
}

function hasDialect(connection: Given): connection is Extract<Given, { readonly dialect: unknown }> {
  return typeof connection === 'object' && 'dialect' in connection;
}

/** The declarations for users need no types of the driver; what they give us is its pool all the same. */
function driverPool(pool: GivenPool): pg.Pool {
  return pool as pg.Pool;
}

const ignore = (): undefined => undefined;
