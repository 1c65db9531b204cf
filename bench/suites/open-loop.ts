/** Latency under arrivals: gets at a given rate over Zipf keys, counted from when each should have come. */
import { createCache } from 'keepsake';
import { type BenchDatabase, openDatabase, PATIENT, SCHEMA } from '../fixtures/database.js';
import { createPlainTable } from '../fixtures/plain-table.js';
import { kilobyteProduct, type Product, repeatableNumbers } from '../fixtures/product.js';
import { startRedis } from '../fixtures/redis.js';
import { zipfNumbers } from '../fixtures/traces.js';
import { driveOpenly, type OpenLoopMetric } from '../harness/open-loop.js';
import { loadRivals, type SharedRival } from '../harness/rivals.js';
import { type Measured, runRounds, type Subject } from '../harness/rounds.js';
import type { Series } from '../harness/statistics.js';
import type { Effort, Suite, SuiteResult } from '../harness/suite.js';
import { median, type Table, withSpread } from '../harness/table.js';

const POOL = 4;
const KEYS = 5_000;
const RATES = { usual: [500, 2_000, 8_000], whole: [500, 2_000, 4_000, 8_000, 16_000] } as const;

const PRODUCTS = Array.from({ length: KEYS }, (_, id) => kilobyteProduct(id));

export const openLoop: Suite = {
  name: 'open-loop',
  title: 'latency of gets that arrive at a given rate',
  async run(effort: Effort): Promise<SuiteResult> {
    await using database = await openDatabase();
    await using redis = await startRedis();
    const contenders = [
      await keepsake(database, 'shared tier only'),
      await keepsake(database, 'both tiers'),
      await plain(database),
    ];
    if (redis === undefined) console.log('No redis-server and no valkey-server on the PATH: measured without Redis.');
    const redisRivals = redis === undefined ? [] : await (await loadRivals()).openRedisRivals(redis.url);
    contenders.push(...redisRivals.slice(0, 1));
    try {
      for (const one of contenders) await fill(one);
      const rates = RATES[effort.matrix];
      const subjects = rates.flatMap((rate) => contenders.map((one) => subject(rate, one, effort.sampleMs)));
      const rounds = Math.min(effort.rounds, 9);
      const measured = await runRounds(subjects, { rounds, warmups: 2 });
      const names = contenders.map(({ name }) => name);
      return resultOf(rates, names, measured);
    } finally {
      for (const one of new Set([...contenders, ...redisRivals])) await one.close();
    }
  },
};

async function keepsake(database: BenchDatabase, tiers: 'shared tier only' | 'both tiers'): Promise<SharedRival> {
  const cache = await createCache({
    name: `bench-open-loop ${tiers}`,
    connection: database.counted(POOL).options,
    poolSize: POOL,
    schema: SCHEMA,
    prefix: tiers === 'both tiers' ? 'both_' : '',
    timeouts: PATIENT,
    // A tenth of the keys fits into the local tier.
    local: tiers === 'both tiers' ? { max: KEYS / 10 } : false,
  });
  return {
    name: `keepsake, ${tiers}`,
    get: (key) => cache.get<Product>(key),
    set: (key, product) => cache.set(key, product, { ttl: '1h', tags: ['products'] }),
    close: () => cache.close(),
  };
}

async function plain(database: BenchDatabase): Promise<SharedRival> {
  const table = await createPlainTable(database.pool(database.counted(POOL).options));
  return {
    name: 'plain pg',
    get: (key) => table.get(key),
    set: (key, product) => table.set(key, product, ['products']),
    close: () => Promise.resolve(),
  };
}

async function fill(one: SharedRival): Promise<void> {
  for (let from = 0; from < KEYS; from += 500) {
    const some = PRODUCTS.slice(from, from + 500);
    await Promise.all(some.map((product) => one.set(`product:${product.id}`, product)));
  }
}

const nameOf = (rate: number, contender: string): string => `${rate}/s, ${contender}`;

function subject(rate: number, one: SharedRival, ms: number): Subject<OpenLoopMetric> {
  const key = zipfNumbers(KEYS, rate);
  const next = repeatableNumbers(2 ** 30, rate);
  const call = async (): Promise<void> => {
    const id = key();
    const found = await one.get(`product:${id}`);
    if (found?.id !== id) throw new Error(`Expected product ${id}, got ${JSON.stringify(found)}`);
  };
  return {
    name: nameOf(rate, one.name),
    check: call,
    sample: () => driveOpenly({ rate, ms, call, random: () => next() / 2 ** 30 }),
  };
}

function resultOf(
  rates: readonly number[],
  names: readonly string[],
  measured: (name: string) => Measured<OpenLoopMetric>,
): SuiteResult {
  const series: Record<string, Series> = {};
  const rows = rates.flatMap((rate) =>
    names.map((contender) => {
      const name = nameOf(rate, contender);
      const { p50, p95, p99, cpu, late } = measured(name);
      series[`${name}: p50 ms`] = p50;
      series[`${name}: p99 ms`] = p99;
      series[`${name}: share late`] = late;
      return [name, withSpread(p50), median(p95), withSpread(p99), median(cpu), `${(late.median * 100).toFixed(1)} %`];
    }),
  );
  const table: Table = {
    title: 'Gets of 1 KB that arrive at random moments, Zipf keys; from the intended arrival to the answer',
    head: ['', 'p50 ms', 'p95 ms', 'p99 ms', 'client CPU µs', 'late'],
    rows,
  };
  return { tables: [table], series, promises: [] };
}
