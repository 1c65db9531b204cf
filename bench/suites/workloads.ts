/**
 * The workloads of cache-postgres, the Python library Keepsake grew from, as its README describes them: 100 keys of 1 KB, 20 workers, a pool
 * of 10; reads and writes 90/10 and 10/90, increments of one key, and 20 callers at once of one missing key whose factory takes 200 ms.
 */
import { type CacheInstance, createCache } from 'keepsake';
import { type BenchDatabase, openDatabase, PATIENT, SCHEMA } from '../fixtures/database.js';
import { kilobyteProduct, type Product, repeatableNumbers } from '../fixtures/product.js';
import { startRedis } from '../fixtures/redis.js';
import { drive, type LoadMetric } from '../harness/load.js';
import { loadRivals, type SharedRival } from '../harness/rivals.js';
import { type Measured, runRounds, type Subject } from '../harness/rounds.js';
import type { Series } from '../harness/statistics.js';
import type { Effort, Promised, Suite, SuiteResult } from '../harness/suite.js';
import { median, type Table, withSpread } from '../harness/table.js';

const POOL = 10;
const KEYS = 100;
const WORKERS = 20;
const FACTORY_MS = 200;

const MIXES = ['read 90/10', 'write 10/90', 'increments'] as const;
type Mix = (typeof MIXES)[number];

/** What cache-postgres publishes for its unlogged table with a pool of 10, on its author's machine: operations per second. */
const PUBLISHED: Readonly<Record<Mix, number>> = { 'read 90/10': 1775, 'write 10/90': 2120, increments: 1926 };

/** What is promised over them. */
const TIMES_PUBLISHED = 8;

const PRODUCTS = Array.from({ length: KEYS }, (_, id) => kilobyteProduct(id));

export const workloads: Suite = {
  name: 'workloads',
  title: 'the workloads of cache-postgres',
  async run(effort: Effort): Promise<SuiteResult> {
    await using database = await openDatabase();
    await using redis = await startRedis();
    await using shared = await open(database, 'shared tier only');
    await using both = await open(database, 'both tiers');
    const contenders: SharedRival[] = [contender('keepsake, shared tier only', shared), contender('keepsake', both)];
    if (redis === undefined) console.log('No redis-server and no valkey-server on the PATH: measured without Redis.');
    const redisRivals = redis === undefined ? [] : await (await loadRivals()).openRedisRivals(redis.url);
    contenders.push(...redisRivals.slice(0, 2));
    try {
      for (const one of contenders) await Promise.all(PRODUCTS.map((product) => one.set(keyOf(product.id), product)));
      const subjects = MIXES.flatMap((mix) => contenders.map((one) => subject(mix, one, effort.sampleMs)));
      const measured = await runRounds(subjects, { rounds: effort.rounds, warmups: 3 });
      const calls = await stampede(shared);
      return resultOf(
        contenders.map(({ name }) => name),
        measured,
        calls,
      );
    } finally {
      for (const one of redisRivals) await one.close();
    }
  },
};

const keyOf = (id: number): string => `product:${id}`;

async function open(database: BenchDatabase, tiers: 'shared tier only' | 'both tiers'): Promise<CacheInstance> {
  return createCache({
    name: `bench-workloads ${tiers}`,
    connection: database.counted(POOL).options,
    poolSize: POOL,
    schema: SCHEMA,
    prefix: tiers === 'both tiers' ? 'both_' : '',
    timeouts: PATIENT,
    ...(tiers === 'both tiers' ? {} : { local: false as const }),
  });
}

function contender(name: string, cache: CacheInstance): SharedRival {
  return {
    name,
    get: (key) => cache.get<Product>(key),
    set: (key, product) => cache.set(key, product, { ttl: '1h' }),
    increment: async (key) => {
      await cache.incr(key);
    },
    close: () => cache.close(),
  };
}

const nameOf = (mix: Mix, contender: string): string => `${mix}, ${contender}`;

function subject(mix: Mix, one: SharedRival, ms: number): Subject<LoadMetric> {
  const next = repeatableNumbers(KEYS * 10, 7);
  const share = mix === 'read 90/10' ? 0.9 : 0.1;
  const readOrWrite = async (): Promise<void> => {
    const at = next();
    const id = at % KEYS;
    if (at < KEYS * 10 * share) {
      const found = await one.get(keyOf(id));
      if (found?.id !== id) throw new Error(`Expected product ${id}, got ${JSON.stringify(found)}`);
    } else await one.set(keyOf(id), PRODUCTS[id] ?? kilobyteProduct(id));
  };
  const increment = async (): Promise<void> => one.increment?.('hits');
  const call = mix === 'increments' ? increment : readOrWrite;
  return {
    name: nameOf(mix, one.name),
    check: call,
    sample: () => drive({ callers: WORKERS, ms, call, statements: () => 0 }),
  };
}

/** How often the factory runs for 20 callers at once of one missing key, over ten keys. */
async function stampede(cache: CacheInstance): Promise<number> {
  let calls = 0;
  for (let key = 0; key < 10; key += 1) {
    const factory = async (): Promise<number> => {
      calls += 1;
      await new Promise((resolve) => setTimeout(resolve, FACTORY_MS));
      return key;
    };
    const answers = Array.from({ length: WORKERS }, () => cache.getOrSet(`missing:${key}`, factory, { ttl: '1h' }));
    for (const answer of await Promise.all(answers)) if (answer !== key) throw new Error(`Expected ${key}`);
  }
  return calls / 10;
}

function resultOf(
  names: readonly string[],
  measured: (name: string) => Measured<LoadMetric>,
  calls: number,
): SuiteResult {
  const series: Record<string, Series> = {};
  const rows = MIXES.flatMap((mix) =>
    names.map((name) => {
      const { perSecond, p50, p95, cpu } = measured(nameOf(mix, name));
      series[`${nameOf(mix, name)}: per second`] = perSecond;
      return [nameOf(mix, name), withSpread(perSecond), median(p50), median(p95), median(cpu)];
    }),
  );
  const table: Table = {
    title: `The workloads of cache-postgres: ${KEYS} keys of 1 KB, ${WORKERS} workers`,
    head: ['', 'per second', 'p50 ms', 'p95 ms', 'client CPU µs'],
    rows,
  };
  const promises: Promised[] = MIXES.map((mix) => {
    const { median: seen } = measured(nameOf(mix, 'keepsake, shared tier only')).perSecond;
    const times = seen / PUBLISHED[mix];
    return {
      promise: `${mix}: at least ${TIMES_PUBLISHED} times what cache-postgres publishes (another machine: ${PUBLISHED[mix]} a second)`,
      seen: `${times.toFixed(1)} times`,
      verdict: times >= TIMES_PUBLISHED ? 'kept' : 'broken',
    };
  });
  const redis = names.filter((name) => name.startsWith('ioredis')).map((name) => measured(nameOf('increments', name)));
  if (redis.length > 0) {
    const ours = measured(nameOf('increments', 'keepsake, shared tier only')).perSecond;
    const worst = Math.min(...redis.map(({ perSecond }) => ours.over(perSecond).median));
    promises.push({
      promise: 'increments of one key by 20 workers: at least as many as ioredis makes',
      seen: `${worst.toFixed(2)} times the better`,
      verdict: worst >= 1 ? 'kept' : 'broken',
    });
  }
  promises.push({
    promise: 'one factory call for 20 callers of a missing key',
    seen: `${calls} on average of 10 keys`,
    verdict: calls === 1 ? 'kept' : 'broken',
  });
  return { tables: [table], series, promises };
}
