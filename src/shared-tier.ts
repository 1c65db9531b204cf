/** The shared tier that options ask for: which store, over which server, and what tells of its changes. */
import type { CacheOptions, ResolvedCacheOptions } from './cache-options.js';
import type { Reporter } from './engine/reporter.js';
import type { Clock } from './kernel/clock.js';
import { CACHE_DEFAULTS } from './kernel/defaults.js';
import { createNullStore } from './memory/null-store.js';
import type { Bus } from './ports/bus.js';
import type { PolicySource } from './ports/policy-provider.js';
import type { Store, StoreOptions } from './ports/store.js';

/** A store that is not open yet, and what else must be released with it. */
export interface SharedTier {
  readonly store: Store;
  /** Makes what tells of other processes' changes; undefined when there are no other processes. */
  readonly makeBus: (() => Bus) | undefined;
  /** The policies kept beside the entries; undefined where there is no table for them. */
  readonly policySource?: PolicySource;
  /** Runs a statement of another's on the store's connections, every column as text; undefined when it has none. */
  readonly runAsText?: (sql: string, params: string[]) => Promise<readonly (readonly (string | null)[])[]>;
  readonly release: () => Promise<void>;
}

/** What the parts of a shared tier report to and measure by. */
interface Surroundings {
  readonly reporter: Reporter;
  readonly clock: Clock;
}

/** Makes the store, and starts the embedded server if that is asked for. */
export async function makeSharedTier(
  options: CacheOptions,
  resolved: ResolvedCacheOptions,
  storeOptions: StoreOptions,
  surroundings: Surroundings,
): Promise<SharedTier> {
  if (options.store !== undefined) return alone(options.store);
  const connection = givenTo(options);
  if (connection === 'null') return alone(createNullStore());
  if (connection !== undefined && connection !== 'memory') {
    return await postgresTier(connection, options, resolved, storeOptions, surroundings);
  }
  if (connection === undefined) {
    surroundings.reporter.warn(
      'memory',
      'neither `connection` nor DATABASE_URL is set: entries are kept in this process only (`connection: "memory"`)',
    );
  }
  const { createMemoryStore } = await import('./memory/memory-store.js');
  return alone(createMemoryStore({ ...storeOptions, clock: surroundings.clock }));
}

function alone(store: Store): SharedTier {
  return { store, makeBus: undefined, release: async () => undefined };
}

type Given =
  | NonNullable<CacheOptions['connection']>
  | { readonly pool: NonNullable<CacheOptions['pool']> }
  | { readonly dialect: NonNullable<CacheOptions['dialect']> };

function givenTo({ pool, dialect, connection }: CacheOptions): Given | undefined {
  if (pool !== undefined) return { pool };
  return dialect === undefined ? (connection ?? process.env['DATABASE_URL']) : { dialect };
}

async function postgresTier(
  given: Given,
  options: CacheOptions,
  resolved: ResolvedCacheOptions,
  storeOptions: StoreOptions,
  { reporter, clock }: Surroundings,
): Promise<SharedTier> {
  const { createPostgresStore } = await import('./postgres/store.js');
  const server = given === 'embedded' ? await startServer(options) : undefined;
  const release = async (): Promise<void> => server?.stop();
  const { poolSize, schema, table, prefix, durability, migrate, preparedStatements, channel, listenConnection } =
    options;
  const { foreignWrites } = options;
  const onError = (error: unknown): void => reporter.error({ key: undefined }, 'connect', error);
  const onSweepError = (error: unknown): void => reporter.error({ key: undefined }, 'sweep', error);
  try {
    const store = createPostgresStore({
      ...storeOptions,
      ...{ poolSize, schema, table, prefix, durability, migrate, preparedStatements, channel, foreignWrites },
      timeouts: resolved.timeouts,
      connection: server?.connectionString ?? given,
      notify: resolved.notify === 'off' ? undefined : resolved.notify,
      onError,
      onSweepError,
      ...{ sweep: resolved.sweep, maxEntries: resolved.maxEntries, maxBytes: resolved.maxBytes },
      clock,
    });
    const makeBus = (): Bus => store.createBus({ clock, listenConnection, onError, ...CACHE_DEFAULTS.heartbeat });
    // A dialect's connections cannot listen.
    const canListen = options.dialect === undefined || listenConnection !== undefined;
    const runAsText = (sql: string, params: string[]) => store.runAsText(sql, params);
    const policySource = store.createPolicySource(clock);
    return { store, makeBus: canListen ? makeBus : undefined, policySource, release, runAsText };
  } catch (error) {
    await release();
    throw error;
  }
}

async function startServer(
  options: CacheOptions,
): Promise<{ readonly connectionString: string; stop(): Promise<void> }> {
  const { startEmbedded } = await import('./embedded/server.js');
  return await startEmbedded(options.embedded ?? {});
}
