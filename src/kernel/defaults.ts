/** Defaults: every one of them, and nowhere else. How the docs show them is derived from here (kernel/options). */
import { MAX_ID_BYTES } from './names.js';
import type { Jitter, Policy, ResolvedPolicy } from './policy.js';

/** What of a resolved policy has a default; the rest is undefined unless set. */
type DefaultedPolicy = Pick<
  ResolvedPolicy,
  | 'jitter'
  | 'localTtl'
  | 'grace'
  | 'backoff'
  | 'softTimeout'
  | 'hardTimeout'
  | 'leaseTimeout'
  | 'cacheNull'
  | 'tiers'
  | 'consistency'
  | 'tags'
>;

/** A tenth of the ttl, but a minute at most: enough to spread a burst of writes, too little to notice on a long ttl. */
const JITTER: Jitter = Object.freeze({ share: 0.1, most: 60_000 });

/** Defaults of policies; durations in milliseconds, `Infinity` = none. */
export const POLICY_DEFAULTS: DefaultedPolicy = Object.freeze({
  jitter: JITTER,
  localTtl: Infinity,
  grace: 0,
  backoff: 30_000,
  softTimeout: Infinity,
  hardTimeout: Infinity,
  leaseTimeout: 30_000,
  cacheNull: true,
  tiers: 'both',
  consistency: 'eventual',
  tags: Object.freeze([]),
});

/** What `@Early` brings: a default like any other, so what the cache's `defaults` or the decorator's own policy say lies over it. */
export const EARLY_DEFAULTS: Policy = Object.freeze({ earlyTtl: '80%' });

/** What `@Failover` brings, likewise. */
export const FAILOVER_DEFAULTS: Policy = Object.freeze({ grace: '24h' });

/** Defaults of locks, in milliseconds, and the shortest that one can last: a renewal every third of it must have time to arrive. */
export const LOCK_DEFAULTS = Object.freeze({ expire: 30_000, wait: 30_000, shortest: 100 } as const);

/** Defaults of caches; durations in milliseconds, sizes in bytes unless the name says otherwise. */
export const CACHE_DEFAULTS = Object.freeze({
  name: 'default',
  startup: 'degraded',
  poolSize: 4,
  schema: 'public',
  table: 'cache',
  prefix: '',
  namespace: '',
  durability: 'unlogged',
  migrate: true,
  foreignWrites: false,
  preparedStatements: true,
  local: Object.freeze({ max: 10_000, maxBytes: 64 * 1024 * 1024, ttl: Infinity, isolation: 'frozen' }),
  localLease: 5_000,
  notify: 'deferred',
  notifyDelay: 5,
  heartbeat: Object.freeze({ every: 100, missedAfter: 2_000 }),
  timeouts: Object.freeze({ read: 250, write: 1_000 }),
  breaker: Object.freeze({ failures: 5, probeAfter: 2_000 }),
  loadDeadline: 600_000,
  scope: 'opt-out',
  sweep: Object.freeze({ every: 60_000, batch: 1_000 }),
  maxEntries: Infinity,
  maxBytes: Infinity,
  maxKeyBytes: MAX_ID_BYTES,
  maxValueBytes: 1024 * 1024,
} as const);
