/** Startup: how connections of our own are opened, with what they depend on pinned in the startup packet. */
import pg from 'pg';
import { ConfigurationError } from '../errors.js';
import type { Timeouts } from './options.js';

/**
 * What our statements want of their session. None of it is needed to be correct, so a pooler that refuses it costs only
 * speed:
 * - a serializable default would make concurrent writes of one entry fail and be repeated;
 * - a time zone or a just-in-time compiler can only cost;
 * - statements touch single rows through indexes: other plans are chosen only while tables are so small that they look
 *   cheaper, and would then be kept, prepared, while the tables grow;
 * - PostgreSQL ends a statement soon after we stopped waiting for it.
 */
function pinned(timeouts: Timeouts): string {
  const settings = {
    default_transaction_isolation: 'read\\ committed',
    TimeZone: 'UTC',
    statement_timeout: String(Math.ceil(Math.max(timeouts.read, timeouts.write))),
    jit: 'off',
    enable_seqscan: 'off',
    enable_bitmapscan: 'off',
    enable_hashjoin: 'off',
    enable_mergejoin: 'off',
    plan_cache_mode: 'force_generic_plan',
  };
  return Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${value}`)
    .join(' ');
}

/** Until a connection attempt is given up, so that its place in the pool is free for the next. Milliseconds. */
const CONNECT_TIMEOUT = 2000;

const APPLICATION_NAME = 'keepsake';

export interface PoolOptions {
  readonly poolSize: number;
  readonly timeouts: Timeouts;
  /** `plain` after a pooler has refused our settings. */
  readonly settings: 'pinned' | 'plain';
}

/**
 * The configuration of our pool: the user's, with our settings added to his `options`. An idle pool keeps no process
 * alive.
 */
export function poolConfig(
  connection: string | pg.PoolConfig,
  { poolSize, timeouts, settings }: PoolOptions,
): pg.PoolConfig {
  const given = flatten(typeof connection === 'string' ? { connectionString: connection } : connection);
  const own = settings === 'pinned' ? pinned(timeouts) : '';
  const options = [own, given.options].filter((part) => part !== undefined && part !== '').join(' ');
  return {
    keepAlive: true,
    connectionTimeoutMillis: CONNECT_TIMEOUT,
    ...given,
    ...(given.application_name === undefined && { fallback_application_name: APPLICATION_NAME }),
    ...(options !== '' && { options }),
    max: poolSize,
    allowExitOnIdle: true,
  };
}

/** Moves `options` out of a URL: in the driver those of the URL would replace ours. */
function flatten(config: pg.PoolConfig): pg.PoolConfig {
  if (config.connectionString === undefined || !URL.canParse(config.connectionString)) return config;
  const url = new URL(config.connectionString);
  const inUrl = url.searchParams.get('options');
  if (inUrl === null) return config;
  url.searchParams.delete('options');
  return { ...config, connectionString: url.href, options: [config.options, inUrl].filter(Boolean).join(' ') };
}

/**
 * Throws ConfigurationError (`INVALID_OPTION`) when the driver cannot make sense of the connection. Its own error is
 * not kept, because it carries the whole URL with the password.
 */
export function assertConnectable(connection: string | pg.PoolConfig): void {
  try {
    new pg.Client(typeof connection === 'string' ? { connectionString: connection } : connection);
  } catch {
    throw new ConfigurationError(
      'INVALID_OPTION',
      'Expected `connection` to be a URL (postgres://user:password@host:port/database) or options of pg.Pool',
    );
  }
}
