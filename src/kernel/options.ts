/**
 * Options: what each one takes, its default and the first thing to know about it. Readers take their limits from these tables, and
 * the tables of the docs are printed from them, so that neither can disagree with the other.
 */
import ms from 'ms';
import { CACHE_DEFAULTS, EARLY_DEFAULTS, FAILOVER_DEFAULTS, POLICY_DEFAULTS } from './defaults.js';
import type { Policy } from './policy.js';
import { MAX_TAGS } from './tags.js';

/** One option as the docs show it and as its reader takes it. */
export interface OptionDescription {
  /** What it takes, in words, where that is no duration. */
  readonly takes: string;
  /** For durations: whether 0 is one. Default `'refused'`. */
  readonly zero?: 'allowed' | 'refused';
  /** For durations: whether `Infinity` is one. Default `'refused'`. */
  readonly never?: 'allowed' | 'refused';
  /** The default as a user would write it; `none` = not set. */
  readonly default: string;
  /** The first thing to know, in one line. */
  readonly description: string;
}

/** A duration as a user would write it; exact for the round ones that defaults are. */
function written(duration: number): string {
  return duration === Infinity ? '`Infinity`' : duration === 0 ? '`0`' : `\`'${ms(duration)}'\``;
}

const ONE_OF_THREE = 'none: one of `ttl`, `sliding`, `expiresAt` is required';

/** The options of a policy. */
export const POLICY_OPTIONS = Object.freeze({
  ttl: {
    takes: 'duration',
    never: 'allowed',
    default: ONE_OF_THREE,
    description: 'Time from the write until the entry is no longer fresh; `Infinity` = never.',
  },
  sliding: {
    takes: 'duration',
    default: ONE_OF_THREE,
    description: 'Each read extends freshness to this long from the read, never past `ttl` or `expiresAt`.',
  },
  expiresAt: {
    takes: '`Date`, or milliseconds since 1970',
    default: ONE_OF_THREE,
    description: 'The instant at which the entry is no longer fresh, instead of `ttl`.',
  },
  jitter: {
    takes: 'duration, or percentage up to `50%`',
    zero: 'allowed',
    default: `\`'${POLICY_DEFAULTS.jitter.share * 100}%'\`, ${written(POLICY_DEFAULTS.jitter.most)} at most`,
    description: 'Random shortening of a loaded entry’s `ttl`; scales `earlyTtl` along.',
  },
  localTtl: {
    takes: 'duration',
    never: 'allowed',
    default: written(POLICY_DEFAULTS.localTtl),
    description: 'Longest life of a copy in the local tier; `Infinity` = as long as the entry.',
  },
  grace: {
    takes: 'duration',
    zero: 'allowed',
    never: 'allowed',
    default: `${written(POLICY_DEFAULTS.grace)}; \`'${FAILOVER_DEFAULTS.grace}'\` under \`@Failover\``,
    description: 'Additional time after expiry in which the entry may be served stale.',
  },
  backoff: {
    takes: 'duration',
    zero: 'allowed',
    default: written(POLICY_DEFAULTS.backoff),
    description:
      'After a failed load with a stale value at hand: how long until the loader is tried again, cluster-wide.',
  },
  earlyTtl: {
    takes: 'duration, or percentage',
    never: 'allowed',
    default: `none; \`'${EARLY_DEFAULTS.earlyTtl}'\` under \`@Early\``,
    description: 'Age from which a read also starts one background refresh; `Infinity` = none.',
  },
  softTimeout: {
    takes: 'duration',
    zero: 'allowed',
    never: 'allowed',
    default: written(POLICY_DEFAULTS.softTimeout),
    description: 'How long a caller waits for the loader before taking a stale value, if there is one.',
  },
  hardTimeout: {
    takes: 'duration',
    never: 'allowed',
    default: written(POLICY_DEFAULTS.hardTimeout),
    description: 'How long a caller waits for the loader before it gets `LoadTimeoutError`.',
  },
  leaseTimeout: {
    takes: 'duration',
    zero: 'allowed',
    never: 'allowed',
    default: written(POLICY_DEFAULTS.leaseTimeout),
    description: 'How long a caller waits for somebody else’s load of the key before it loads by itself.',
  },
  nullTtl: {
    takes: 'duration',
    never: 'allowed',
    default: 'none',
    description: 'Stands for `ttl` and `expiresAt` when the value is `null`.',
  },
  cacheNull: {
    takes: '`true` or `false`',
    default: `\`${POLICY_DEFAULTS.cacheNull}\``,
    description: 'Whether `null` is stored. `undefined` never is.',
  },
  tiers: {
    takes: '`both`, `local` or `shared`',
    default: `\`'${POLICY_DEFAULTS.tiers}'\``,
    description: 'Which tiers the entry lives in.',
  },
  consistency: {
    takes: '`eventual` or `strong`',
    default: `\`'${POLICY_DEFAULTS.consistency}'\``,
    description: '`strong`: never older than what was invalidated anywhere before the call; a query for each call.',
  },
  tags: {
    takes: `up to ${MAX_TAGS} texts`,
    default: 'none',
    description: 'Labels; invalidating one invalidates every entry that carries it.',
  },
  exceptions: {
    takes: 'array of error classes, or predicate',
    default: 'any, but programming errors',
    description: 'Which errors of the loader may be answered with a stale value.',
  },
  entity: {
    takes: 'type and id, `[type, ...id]`',
    default: 'none',
    description: 'What the entry is about; `invalidateEntity(type, id)` invalidates all entries of one entity.',
  },
  fallback: {
    takes: 'value, or function of the error and the arguments',
    default: 'none',
    description: 'What callers get when loading fails and nothing stale is there; never stored.',
  },
  cacheErrors: {
    takes: '`{ classes, ttl }`',
    default: 'none',
    description: 'Which errors are kept like values, and for how long.',
  },
  unless: {
    takes: 'predicate of the value and the arguments',
    default: 'none',
    description: 'Results for which it answers `true` are served and not kept.',
  },
  isolation: {
    takes: '`frozen`, `cloned` or `shared`',
    default: 'that of the local tier',
    description: 'How a value is protected from those who get it.',
  },
  ramp: {
    takes: '`{ local, shared }`, percentages from 0 to 100',
    default: '100 for both',
    description: 'For which share of the keys each tier is on; usually set at run time.',
  },
  codec: {
    takes: 'codec',
    default: 'that of the cache',
    description: 'How the value becomes bytes in the shared tier.',
  },
  useCase: {
    takes: 'text',
    default: 'none; class and method under a decorator',
    description: 'Stable name of what is cached: the label of its metrics and events.',
  },
  keyType: {
    takes: 'text',
    default: 'none',
    description: 'Name of the kind of key, a second label of metrics and events.',
  },
} as const satisfies Record<keyof Policy, OptionDescription>);

/** The options of a cache that have a default here, and the fixed limits (`takes: 'fixed'`). */
export const CACHE_OPTIONS = Object.freeze({
  name: {
    takes: 'text',
    default: `\`'${CACHE_DEFAULTS.name}'\``,
    description: '`Cache.named(name)` finds it, metrics carry it.',
  },
  startup: {
    takes: '`degraded` or `fail`',
    default: `\`'${CACHE_DEFAULTS.startup}'\``,
    description: 'When the server cannot be reached: run uncached and keep trying, or reject.',
  },
  poolSize: {
    takes: 'count',
    default: `\`${CACHE_DEFAULTS.poolSize}\``,
    description: 'Connections of a pool that the cache opens itself.',
  },
  schema: {
    takes: 'text',
    default: `\`'${CACHE_DEFAULTS.schema}'\``,
    description: 'The schema of the tables; any name, always quoted.',
  },
  table: { takes: 'text', default: `\`'${CACHE_DEFAULTS.table}'\``, description: 'The table of entries.' },
  prefix: { takes: 'text', default: "`''`", description: 'Stands before the name of every object in the database.' },
  namespace: {
    takes: 'text without `]`',
    default: "`''`",
    description: 'Keeps applications that share a table apart; `clear` empties one namespace.',
  },
  durability: {
    takes: '`unlogged` or `logged`',
    default: `\`'${CACHE_DEFAULTS.durability}'\``,
    description: 'Whether entries survive a crash of PostgreSQL; invalidations always do.',
  },
  migrate: {
    takes: '`true` or `false`',
    default: `\`${CACHE_DEFAULTS.migrate}\``,
    description: 'Whether `configure` brings the tables up to date.',
  },
  foreignWrites: {
    takes: '`true` or `false`',
    default: `\`${CACHE_DEFAULTS.foreignWrites}\``,
    description:
      'Whether triggers hear programs that write entries and know nothing of Keepsake; always so on adopted tables.',
  },
  preparedStatements: {
    takes: '`true` or `false`',
    default: `\`${CACHE_DEFAULTS.preparedStatements}\``,
    description: 'Named prepared statements; off for poolers that cannot carry them.',
  },
  'local.max': {
    takes: 'count',
    default: `\`${CACHE_DEFAULTS.local.max}\``,
    description: 'Most entries of the local tier.',
  },
  'local.maxBytes': {
    takes: 'bytes',
    default: mebibytes(CACHE_DEFAULTS.local.maxBytes),
    description: 'Most bytes of the local tier.',
  },
  'local.ttl': {
    takes: 'duration',
    never: 'allowed',
    default: written(CACHE_DEFAULTS.local.ttl),
    description: 'Longest life of any copy in the local tier; `Infinity` = as long as the entry.',
  },
  'local.isolation': {
    takes: '`frozen`, `cloned` or `shared`',
    default: `\`'${CACHE_DEFAULTS.local.isolation}'\``,
    description: 'How local values are protected from those who get them.',
  },
  localLease: {
    takes: 'duration',
    never: 'allowed',
    default: written(CACHE_DEFAULTS.localLease),
    description: 'How long a local copy may be served after it was last known to be valid.',
  },
  notify: {
    takes: '`deferred`, `transactional` or `off`',
    default: `\`'${CACHE_DEFAULTS.notify}'\``,
    description: 'How invalidations in transactions are told to other processes; `off` = this process does not listen.',
  },
  notifyDelay: {
    takes: 'fixed',
    default: written(CACHE_DEFAULTS.notifyDelay),
    description: 'How long deferred notifications are gathered.',
  },
  'heartbeat.every': {
    takes: 'fixed',
    default: written(CACHE_DEFAULTS.heartbeat.every),
    description: 'How often the log of invalidations is read.',
  },
  'heartbeat.missedAfter': {
    takes: 'fixed',
    default: written(CACHE_DEFAULTS.heartbeat.missedAfter),
    description: 'When an unanswered heartbeat counts as a gap.',
  },
  'timeouts.read': {
    takes: 'duration',
    default: written(CACHE_DEFAULTS.timeouts.read),
    description: 'Deadline of a read of the store; after it, a miss.',
  },
  'timeouts.write': {
    takes: 'duration',
    default: written(CACHE_DEFAULTS.timeouts.write),
    description: 'Deadline of a write of the store.',
  },
  'breaker.failures': {
    takes: 'count',
    default: `\`${CACHE_DEFAULTS.breaker.failures}\``,
    description: 'Failed statements in a row after which the store is left alone.',
  },
  'breaker.probeAfter': {
    takes: 'duration',
    default: written(CACHE_DEFAULTS.breaker.probeAfter),
    description: 'When the store is tried again.',
  },
  loadDeadline: {
    takes: 'duration',
    default: written(CACHE_DEFAULTS.loadDeadline),
    description: 'Age at which a load is abandoned: its result is refused and another may start.',
  },
  scope: {
    takes: '`opt-out` or `opt-in`',
    default: `\`'${CACHE_DEFAULTS.scope}'\``,
    description: 'Whether calls are cached unless disabled, or only inside `enable`.',
  },
  'sweep.every': {
    takes: 'duration',
    default: written(CACHE_DEFAULTS.sweep.every),
    description: 'How often dead rows are removed.',
  },
  'sweep.batch': {
    takes: 'count',
    default: `\`${CACHE_DEFAULTS.sweep.batch}\``,
    description: 'Most rows one statement of the sweeper looks at.',
  },
  maxEntries: {
    takes: 'count',
    default: '`Infinity`',
    description: 'Most entries of the table; each sweep removes approximately the oldest of what is more.',
  },
  maxBytes: {
    takes: 'bytes',
    default: '`Infinity` bytes',
    description: 'Likewise, the most bytes of their values.',
  },
  maxKeyBytes: {
    takes: 'fixed',
    default: `\`${CACHE_DEFAULTS.maxKeyBytes}\` bytes`,
    description: 'Longest key kept as it is; a longer one keeps its head and ends in a hash.',
  },
  maxValueBytes: {
    takes: 'bytes',
    default: mebibytes(CACHE_DEFAULTS.maxValueBytes),
    description: 'Largest encoded value that is stored; a larger one is served, not stored, and counted.',
  },
} as const satisfies Record<string, OptionDescription>);

function mebibytes(bytes: number): string {
  return `${bytes / 1024 / 1024} MiB`;
}
