/** Options of the Postgres store: what they mean, their defaults, and the check of what was given. */
import type { ConnectionOptions as TlsOptions } from 'node:tls';
import type { Dialect } from 'kysely';
import { type Clock, systemClock } from '../kernel/clock.js';
import { CACHE_DEFAULTS } from '../kernel/defaults.js';
import { refuse } from '../kernel/expectation.js';
import type { StoreOptions } from '../ports/store.js';

/**
 * How connections of our own are made: those options of `pg.Pool` that are not ours to choose. Written out rather than imported, so that
 * these declarations need no types of the driver.
 */
export interface ConnectionOptions {
  /** A URL. What it says, were it an empty password, wins over the options beside it. */
  readonly connectionString?: string | undefined;
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly user?: string | undefined;
  readonly database?: string | undefined;
  /** A function is asked for every connection anew, so that a password may change. */
  readonly password?: string | (() => string | Promise<string>) | undefined;
  readonly ssl?: boolean | TlsOptions | undefined;
  /** Command-line options for the server process, such as `-c search_path=app`. */
  readonly options?: string | undefined;
  readonly application_name?: string | undefined;
  readonly fallback_application_name?: string | undefined;
  readonly keepAlive?: boolean | undefined;
  /** Milliseconds. */
  readonly keepAliveInitialDelayMillis?: number | undefined;
  /** Milliseconds until an attempt to connect is given up. Default 2000. */
  readonly connectionTimeoutMillis?: number | undefined;
  /** Milliseconds until an idle connection is closed. */
  readonly idleTimeoutMillis?: number | null | undefined;
  /** Seconds until a connection is replaced by a new one. */
  readonly maxLifetimeSeconds?: number | undefined;
  /** Statements until a connection is replaced by a new one. */
  readonly maxUses?: number | undefined;
}

/** A pool of yours: a `pg.Pool`. */
export interface GivenPool {
  connect(): Promise<GivenClient>;
}

/** A connection of a pool of yours. */
export interface GivenClient {
  query(...args: never[]): unknown;
  release(destroy?: boolean | Error): void;
}

export interface PostgresStoreOptions {
  /**
   * Where PostgreSQL is: a URL, options of `pg.Pool`, a pool of yours, or a Kysely dialect of yours for PostgreSQL. A pool or a
   * dialect is used as it is, is never closed by us, and gets no listeners; a pool should have an `error` listener of its own, as pg asks for.
   */
  readonly connection: string | ConnectionOptions | { readonly pool: GivenPool } | { readonly dialect: Dialect };
  /** Connections of our own pool, 1 or more. Default 4. Without effect on a pool of yours. */
  readonly poolSize?: number | undefined;
  /** Default `public`. Created when missing, if the role may. */
  readonly schema?: string | undefined;
  /** Default `cache`. */
  readonly table?: string | undefined;
  /** Stands before the name of every object. Default none. */
  readonly prefix?: string | undefined;
  /**
   * `unlogged` (default): entries are lost in a crash of PostgreSQL, and cost half to write. Decided when the table is
   * created.
   */
  readonly durability?: 'unlogged' | 'logged' | undefined;
  /** Whether `open` creates and upgrades the tables. Default true. */
  readonly migrate?: boolean | undefined;
  /** Whether programs that know nothing of Keepsake may write entries: triggers then hear them. Default false; always so on adopted tables. */
  readonly foreignWrites?: boolean | undefined;
  /**
   * Default true. False behind a transaction pooler that knows no prepared statements (we notice those that say so).
   */
  readonly preparedStatements?: boolean | undefined;
  /** The channel on which processes tell each other what they invalidated and set; at most 63 bytes. Default: one of the table. */
  readonly channel?: string | undefined;
  /** Whether invalidations in users' transactions notify in the transaction itself. Default `deferred`: they do not. */
  readonly notify?: 'deferred' | 'transactional' | undefined;
  /** Milliseconds until a call is answered whatever happens. Default 250 to read, 1000 to write. */
  readonly timeouts?: { readonly read?: number | undefined; readonly write?: number | undefined } | undefined;
  /** How often dead rows are removed, and how many rows one statement looks at; `false`: by hand only. Default every 60 s, 1000 rows. */
  readonly sweep?: false | SweepOptions | undefined;
  /** Most entries, and most bytes of values, after a sweep. Default: no bound. */
  readonly maxEntries?: number | undefined;
  readonly maxBytes?: number | undefined;
  /** Hears of failures to sweep. Default: `onError`. */
  readonly onSweepError?: ((error: unknown) => void) | undefined;
  /** Time, for tests. Default: the process's. */
  readonly clock?: Clock | undefined;
  /** Hears failures nobody waits for: a connection lost while idle, a damaged row. Default: nobody. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** When to sweep, in milliseconds, and how many rows a statement looks at. */
export interface SweepOptions {
  readonly every: number;
  readonly batch: number;
}

/** The options with every default filled in. */
export interface ResolvedStoreOptions {
  readonly connection: PostgresStoreOptions['connection'];
  readonly poolSize: number;
  readonly schema: string;
  readonly table: string;
  readonly prefix: string;
  readonly durability: 'unlogged' | 'logged';
  readonly migrate: boolean;
  readonly foreignWrites: boolean;
  readonly preparedStatements: boolean;
  readonly channel: string | undefined;
  readonly notify: 'deferred' | 'transactional';
  readonly timeouts: Timeouts;
  readonly onError: (error: unknown) => void;
  readonly sweep: false | SweepOptions;
  readonly maxEntries: number;
  readonly maxBytes: number;
  readonly onSweepError: (error: unknown) => void;
  readonly clock: Clock;
  readonly scopeNames: readonly string[];
  readonly loadDeadline: number;
}

/** Milliseconds, by the effect of a statement. */
export interface Timeouts {
  readonly read: number;
  readonly write: number;
}

/** Defaults of names; the others are the cache's. */
const NAMES = { schema: 'public', table: 'cache', prefix: '' } as const;

/** Fills in the defaults. Throws ConfigurationError (`INVALID_OPTION`) for numbers that can never work. */
export function resolveStoreOptions(options: StoreOptions & PostgresStoreOptions): ResolvedStoreOptions {
  const resolved: ResolvedStoreOptions = {
    connection: options.connection,
    poolSize: options.poolSize ?? CACHE_DEFAULTS.poolSize,
    schema: options.schema ?? NAMES.schema,
    table: options.table ?? NAMES.table,
    prefix: options.prefix ?? NAMES.prefix,
    durability: options.durability ?? CACHE_DEFAULTS.durability,
    migrate: options.migrate ?? CACHE_DEFAULTS.migrate,
    foreignWrites: options.foreignWrites ?? CACHE_DEFAULTS.foreignWrites,
    channel: options.channel,
    notify: options.notify ?? CACHE_DEFAULTS.notify,
    preparedStatements: options.preparedStatements ?? CACHE_DEFAULTS.preparedStatements,
    timeouts: {
      read: options.timeouts?.read ?? CACHE_DEFAULTS.timeouts.read,
      write: options.timeouts?.write ?? CACHE_DEFAULTS.timeouts.write,
    },
    onError: options.onError ?? (() => undefined),
    sweep: options.sweep ?? CACHE_DEFAULTS.sweep,
    maxEntries: options.maxEntries ?? CACHE_DEFAULTS.maxEntries,
    maxBytes: options.maxBytes ?? CACHE_DEFAULTS.maxBytes,
    onSweepError: options.onSweepError ?? options.onError ?? (() => undefined),
    clock: options.clock ?? systemClock,
    scopeNames: [...options.scopeNames],
    loadDeadline: options.loadDeadline,
  };
  if (!Number.isInteger(resolved.poolSize) || resolved.poolSize < 1) {
    throw invalid('poolSize', 'a positive integer', resolved.poolSize);
  }
  for (const effect of ['read', 'write'] as const) {
    const ms = resolved.timeouts[effect];
    if (!(ms > 0 && ms <= MAX_TIMEOUT)) throw invalid(`timeouts.${effect}`, `1 to ${MAX_TIMEOUT} milliseconds`, ms);
  }
  return resolved;
}

/** The longest delay a timer takes. */
const MAX_TIMEOUT = 2 ** 31 - 1;

function invalid(option: string, expected: string, got: unknown): Error {
  return refuse({ option, expected, got, code: 'INVALID_OPTION' });
}
