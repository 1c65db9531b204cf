/** Options of the Postgres store: what they mean, their defaults, and the check of what was given. */
import type pg from 'pg';
import { CACHE_DEFAULTS } from '../kernel/defaults.js';
import { refuse } from '../kernel/expectation.js';
import type { StoreOptions } from '../ports/store.js';

export interface PostgresStoreOptions {
  /**
   * Where PostgreSQL is: a URL, options of `pg.Pool`, or a pool of yours. Your pool is used as it is, is never closed
   * by us, and gets no listeners; it should have an `error` listener of its own, as pg asks for.
   */
  readonly connection: string | pg.PoolConfig | { readonly pool: pg.Pool };
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
  /**
   * Default true. False behind a transaction pooler that knows no prepared statements (we notice those that say so).
   */
  readonly preparedStatements?: boolean | undefined;
  /** The channel on which processes tell each other what they invalidated and set; at most 63 bytes. Default: one of the table. */
  readonly channel?: string | undefined;
  /** Milliseconds until a call is answered whatever happens. Default 250 to read, 1000 to write. */
  readonly timeouts?: { readonly read?: number | undefined; readonly write?: number | undefined } | undefined;
  /** Hears failures nobody waits for: a connection lost while idle, a damaged row. Default: nobody. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** The options with every default filled in. */
export interface ResolvedStoreOptions {
  readonly connection: string | pg.PoolConfig | { readonly pool: pg.Pool };
  readonly poolSize: number;
  readonly schema: string;
  readonly table: string;
  readonly prefix: string;
  readonly durability: 'unlogged' | 'logged';
  readonly migrate: boolean;
  readonly preparedStatements: boolean;
  readonly channel: string | undefined;
  readonly timeouts: Timeouts;
  readonly onError: (error: unknown) => void;
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
    channel: options.channel,
    preparedStatements: options.preparedStatements ?? CACHE_DEFAULTS.preparedStatements,
    timeouts: {
      read: options.timeouts?.read ?? CACHE_DEFAULTS.timeouts.read,
      write: options.timeouts?.write ?? CACHE_DEFAULTS.timeouts.write,
    },
    onError: options.onError ?? (() => undefined),
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
