/** The composition root: the one place that wires tiers, store, codec and engine into a cache. */
import { type CacheOptions, checkKey, type ResolvedCacheOptions, resolveCacheOptions } from './cache-options.js';
import { createCompressingCodec } from './codec/compressing-codec.js';
import { createMessagePackCodec } from './codec/message-pack/codec.js';
import { createRawCodec } from './codec/raw-codec.js';
import { createSuperjsonCodec } from './codec/superjson-codec.js';
import { checkRoll } from './decorators/roll.js';
import { Background } from './engine/background.js';
import { CacheInstance } from './engine/cache.js';
import type { Engine } from './engine/call.js';
import { register } from './engine/directory.js';
import { EventPublisher } from './engine/event-publisher.js';
import { FarEvents } from './engine/far-events.js';
import { follow } from './engine/follow.js';
import { invalidateNames } from './engine/invalidation.js';
import { LeaseKeeper } from './engine/lease-keeper.js';
import { LocalTier, type LocalTierOptions } from './engine/local-tier.js';
import { LockKeeper } from './engine/lock-keeper.js';
import { NameLedger } from './engine/name-ledger.js';
import { type Opening, openStore } from './engine/opening.js';
import { OwedInvalidations } from './engine/owed-invalidations.js';
import { Reporter } from './engine/reporter.js';
import { RunTimePolicies, type RunTimePoliciesOptions } from './engine/run-time-policies.js';
import { StoreGuard } from './engine/store-guard.js';
import { UnsettledTransactions } from './engine/unsettled-transactions.js';
import { waitFor } from './engine/waiting.js';
import { type Clock, systemClock } from './kernel/clock.js';
import type { Codec } from './kernel/codec.js';
import { refuse } from './kernel/expectation.js';
import { namespaceName, scopeNames } from './kernel/names.js';
import { lruStorage } from './local/lru-storage.js';
import { noStorage } from './local/no-storage.js';
import { createNullStore } from './memory/null-store.js';
import type { Logger } from './ports/observer.js';
import type { PolicyProvider, PolicySource } from './ports/policy-provider.js';
import type { Store } from './ports/store.js';
import type { OpenRowSource } from './ports/tables.js';
import { makeSharedTier, type SharedTier } from './shared-tier.js';
import { makeTable } from './tables/make-table.js';

/**
 * Makes a cache and opens it. `Cache.named(name)` finds it from then on, and decorated methods that name it use it.
 *
 * Wrong options, credentials and tables reject always; a server that cannot be reached rejects with `startup: 'fail'`, else the
 * cache runs without its shared tier and keeps trying.
 *
 * @throws ConfigurationError, with a code for what is wrong; StoreError with `startup: 'fail'`
 * @example await using cache = await createCache({ name: 'reports', connection: process.env.DATABASE_URL, defaults: { ttl: '10m' } })
 */
export async function createCache(options: CacheOptions = {}): Promise<CacheInstance> {
  const resolved = resolveCacheOptions(options);
  return await register(resolved.name, () => open(options, resolved));
}

/** How long opening waits for the stream, in milliseconds; without it local copies live for `localLease` only. */
const STREAM_PATIENCE = 1_000;

/** A cache that finds and keeps nothing: what calls get before any is configured. */
export function createInertCache(name: string): CacheInstance {
  const resolved = resolveCacheOptions({ name, local: false });
  const reporter = new Reporter({
    cache: name,
    observers: [],
    logger: processWarnings,
    now: () => systemClock.monotonic(),
  });
  const engine = makeEngine(
    resolved,
    { store: { ...createNullStore(), locks: undefined }, health: 'well', provider: undefined },
    reporter,
    systemClock,
  );
  const release = async (): Promise<void> => undefined;
  return new CacheInstance({
    engine,
    defaults: { ttl: Infinity },
    checkKey,
    keyTransform: (key) => key,
    stream: () => undefined,
    farEvents: new FarEvents(undefined),
    makeTable: (host, table, given) => makeTable(host, openRowSource(undefined), table, given),
    release,
  });
}

async function open(options: CacheOptions, resolved: ResolvedCacheOptions): Promise<CacheInstance> {
  checkRoll(resolved.name, resolved.defaults);
  const clock = options.clock ?? systemClock;
  const logger = options.logger ?? processWarnings;
  const reporter = new Reporter({
    cache: resolved.name,
    observers: resolved.observers,
    logger,
    now: () => clock.monotonic(),
  });
  const given = providerOf(options.policyProvider);
  const tier = await makeSharedTier(
    options,
    resolved,
    { scopeNames: scopeNames(resolved.namespace), loadDeadline: resolved.loadDeadline },
    { reporter, clock },
  );
  const policySource = options.policyProvider === 'table' ? requireTable(tier) : undefined;
  const engine = makeEngine(
    resolved,
    { store: tier.store, health: 'opening', provider: policySource?.provider ?? given },
    reporter,
    clock,
  );
  let opening: Opening;
  try {
    opening = await openStore(engine, resolved.startup);
  } catch (error) {
    await Promise.allSettled([tier.store.close()]);
    await tier.release();
    throw error;
  }
  const bus = resolved.local === undefined || resolved.notify === 'off' ? undefined : tier.makeBus?.();
  // The first connection counts as a gap: copies made before it would be lost. A store that is not there yet is not waited for.
  const heard = bus === undefined ? Promise.resolve() : follow(bus, engine, policySource);
  if (engine.store.health !== 'opening') await waitFor(heard, clock, STREAM_PATIENCE);
  await readPolicies(policySource, engine);
  const farEvents = new FarEvents(tier.makeBus ?? (options.dialect && refuseToHear));
  const publisher = publishEvents(engine, resolved.publishedSample, farEvents.origin);
  return new CacheInstance({
    engine,
    defaults: resolved.defaults,
    checkKey,
    keyTransform: options.keyTransform ?? ((key) => key),
    stream: () => bus?.health,
    farEvents,
    makeTable: (host, table, given) => makeTable(host, openRowSource(tier.runAsText), table, given),
    release: async () => {
      publisher?.close();
      await opening.stop();
      engine.leases.close();
      await Promise.all([bus?.close(), farEvents.close()]);
      await engine.store.close();
      await tier.release();
    },
  });
}

function refuseToHear(): never {
  const expected = 'left out, or a `listenConnection`: a dialect cannot listen';
  throw refuse({ option: 'cluster', expected, got: true, subject: 'events()', code: 'INVALID_OPTION' });
}

function publishEvents(engine: Engine, sample: number | undefined, origin: string): EventPublisher | undefined {
  if (sample === undefined) return undefined;
  const { clock, background, random, reporter, store } = engine;
  const onDrop = (): void => {
    reporter.counters.eventsDropped += 1;
  };
  const send = async (messages: readonly string[]): Promise<void> => await store.publish(messages);
  const publisher = new EventPublisher({ clock, background, sample, origin, random, send, onDrop });
  reporter.audience.join(publisher.hear);
  return publisher;
}

/** Where rows of cached tables come from: a database that is given, else our own; loaded when the first table is read. */
function openRowSource(own: SharedTier['runAsText']): OpenRowSource {
  return async (request, db) => {
    if (db === undefined && own === undefined) {
      const expected = 'the database of the table: this cache has none of its own';
      throw refuse({ option: 'db', expected, got: db, subject: `table(\`${request.table}\`)`, code: 'INVALID_OPTION' });
    }
    const { createRowSource } = await import('./postgres/row-source.js');
    return createRowSource(request, db === undefined && own !== undefined ? { own } : { given: db });
  };
}

function makeEngine(
  resolved: ResolvedCacheOptions,
  shared: {
    readonly store: Store;
    readonly health: 'opening' | 'well';
    readonly provider: PolicyProvider | undefined;
  },
  reporter: Reporter,
  clock: Clock,
): Engine {
  const ledger = new NameLedger();
  const background = new Background((work, error) => reporter.warn('background', `${work} failed: ${String(error)}`));
  const { namespace, localLease, timeouts, breaker, maxValueBytes, loadDeadline, name } = resolved;
  const local = new LocalTier({
    clock,
    ledger,
    namespace,
    localLease,
    ...localBounds(resolved),
    onEvict: (key) => reporter.evicted(key),
    isOwed: (names) => owed.hides(names) || unsettled.hides(names),
  });
  const store = new StoreGuard({
    ...shared,
    timeouts,
    breaker,
    clock,
    reporter,
    onRecovered() {
      local.dropUnproven();
      owed.retryNow();
    },
  });
  const parts = { clock, background, ledger, store, reporter };
  const { owed, unsettled } = makeDebts(parts, shared.store, namespaceName(namespace));
  return {
    name,
    namespace,
    clock,
    ledger,
    local,
    reporter,
    maxValueBytes,
    loadDeadline,
    scope: resolved.scope,
    runTimePolicies: makeRunTimePolicies(shared.provider, { cache: name, clock, background, reporter }),
    store,
    owed,
    unsettled,
    background,
    leases: new LeaseKeeper({ leases: store.leases, clock, background, reporter }),
    locks: new LockKeeper({ namespace, store, clock, background, reporter, random: Math.random }),
    codec: createCompressingCodec(makeCodec(resolved.codec, reporter), { above: resolved.compressAbove }),
    random: Math.random,
  };
}

/** What is not settled yet: invalidations the store could not be told of, and those in transactions whose end nobody tells us. */
function makeDebts(
  parts: Pick<Engine, 'clock' | 'background' | 'ledger' | 'store' | 'reporter'>,
  { transactions }: Store,
  everything: string,
): Pick<Engine, 'owed' | 'unsettled'> {
  const { clock, background, ledger } = parts;
  return {
    owed: new OwedInvalidations({
      clock,
      background,
      everything,
      pay: (names, kind) => invalidateNames(parts, names, kind),
    }),
    unsettled: new UnsettledTransactions({
      clock,
      background,
      ledger,
      everything,
      ask: async (receipts) => (await transactions?.outcomes(receipts)) ?? [],
    }),
  };
}

function makeRunTimePolicies(
  provider: PolicyProvider | undefined,
  parts: Omit<RunTimePoliciesOptions, 'provider'>,
): RunTimePolicies | undefined {
  return provider && new RunTimePolicies({ ...parts, provider });
}

function providerOf(given: CacheOptions['policyProvider']): PolicyProvider | undefined {
  if (given === 'table') return undefined;
  if (given === undefined || typeof given === 'function') return given;
  throw refuse({ option: 'policyProvider', expected: "a function, or 'table'", got: given, code: 'INVALID_OPTION' });
}

function requireTable({ policySource, store }: SharedTier): PolicySource {
  if (policySource !== undefined) return policySource;
  const expected = `a function: the ${store.kind} store has no table of policies`;
  throw refuse({ option: 'policyProvider', expected, got: 'table', code: 'INVALID_OPTION' });
}

/** What is known from the first call on; a server that is not there yet is not waited for. */
async function readPolicies(source: PolicySource | undefined, { clock, reporter, store }: Engine): Promise<void> {
  if (source === undefined || store.health === 'opening') return;
  const read = await waitFor(source.read(), clock, STREAM_PATIENCE);
  if (read.ended === 'error') reporter.error({ key: undefined }, 'policy', read.error);
}

function localBounds({ local }: ResolvedCacheOptions): Pick<LocalTierOptions, 'storage' | 'isolation' | 'ttl'> {
  if (local === undefined) return { storage: noStorage, isolation: 'frozen', ttl: Infinity };
  return { storage: lruStorage(local), isolation: local.isolation, ttl: local.ttl };
}

function makeCodec(codec: ResolvedCacheOptions['codec'], reporter: Reporter): Codec {
  const onClass = (name: string): void =>
    reporter.warn(`class ${name}`, `instances of \`${name}\` are cached and returned as plain data`);
  switch (codec) {
    case 'superjson':
      return createSuperjsonCodec({ onClass });
    case 'msgpack':
      return createMessagePackCodec({ onClass });
    case 'raw':
      return createRawCodec();
    default:
      return codec;
  }
}

const processWarnings: Logger = {
  warn: (message) => process.emitWarning(message, { type: 'KeepsakeWarning', code: 'KEEPSAKE' }),
};
