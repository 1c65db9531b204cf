/** The shared tier against what others would use for it: Redis through both of its clients, and Keyv over PostgreSQL. */
import { createCache } from 'keepsake';
import { type BenchDatabase, openDatabase, PATIENT, SCHEMA } from '../fixtures/database.js';
import { kilobyteProduct, type Product, repeatableNumbers } from '../fixtures/product.js';
import { startRedis } from '../fixtures/redis.js';
import { drive, type LoadMetric } from '../harness/load.js';
import { loadRivals, type SharedRival } from '../harness/rivals.js';
import { type Measured, runRounds, type Subject } from '../harness/rounds.js';
import type { Series } from '../harness/statistics.js';
import type { Effort, Promised, Suite, SuiteResult } from '../harness/suite.js';
import { median, ratio, type Table, withSpread } from '../harness/table.js';

const POOL = 4;
const KEYS = 5_000;
const OURS = 'keepsake';

/** What is measured: an operation, by so many callers at once. */
const CELLS = [
  { operation: 'get', callers: 1 },
  { operation: 'get', callers: 20 },
  { operation: 'get', callers: 100 },
  { operation: 'get', callers: 500 },
  { operation: 'set', callers: 20 },
  { operation: 'set', callers: 100 },
] as const;

type Cell = (typeof CELLS)[number];

const PRODUCTS = Array.from({ length: KEYS }, (_, id) => kilobyteProduct(id));

export const sharedRivals: Suite = {
  name: 'rivals',
  title: 'the shared tier against Redis and Keyv',
  async run(effort: Effort): Promise<SuiteResult> {
    await using database = await openDatabase();
    await using redis = await startRedis();
    const rivals = await loadRivals();
    const contenders = [
      await keepsake(database),
      ...(redis === undefined ? [] : await rivals.openRedisRivals(redis.url)),
      await rivals.openKeyv(database.connectionString, POOL),
    ];
    if (redis === undefined) console.log('No redis-server and no valkey-server on the PATH: measured without Redis.');
    try {
      for (const contender of contenders) await fill(contender);
      const subjects = CELLS.flatMap((cell) => contenders.map((one) => subject(cell, one, effort.sampleMs)));
      const measured = await runRounds(subjects, { rounds: effort.rounds, warmups: 3 });
      return resultOf(
        contenders.map(({ name }) => name),
        measured,
      );
    } finally {
      for (const contender of contenders) await contender.close();
    }
  },
};

async function keepsake(database: BenchDatabase): Promise<SharedRival> {
  const cache = await createCache({
    name: 'bench-rivals',
    connection: database.counted(POOL).options,
    poolSize: POOL,
    schema: SCHEMA,
    local: false,
    timeouts: PATIENT,
  });
  return {
    name: OURS,
    get: (key) => cache.get<Product>(key),
    set: (key, product) => cache.set(key, product, { ttl: '1h', tags: ['products', `product:${product.id % 100}`] }),
    close: () => cache.close(),
  };
}

async function fill(contender: SharedRival): Promise<void> {
  for (let from = 0; from < KEYS; from += 500) {
    const some = PRODUCTS.slice(from, from + 500);
    await Promise.all(some.map((product) => contender.set(`product:${product.id}`, product)));
  }
}

const nameOf = ({ operation, callers }: Cell, contender: string): string => `${operation}, ${callers}, ${contender}`;

function subject(cell: Cell, contender: SharedRival, ms: number): Subject<LoadMetric> {
  const next = repeatableNumbers(KEYS, cell.callers);
  const get = async (id: number): Promise<void> => {
    const product = await contender.get(`product:${id}`);
    if (product?.id !== id) throw new Error(`Expected product ${id}, got ${JSON.stringify(product)}`);
  };
  const set = (id: number): Promise<void> => contender.set(`product:${id}`, PRODUCTS[id] ?? kilobyteProduct(id));
  const call = cell.operation === 'get' ? get : set;
  return {
    name: nameOf(cell, contender.name),
    check: async () => {
      for (const id of [0, 1, KEYS - 1]) await get(id);
    },
    sample: () => drive({ callers: cell.callers, ms, call: () => call(next()), statements: () => 0 }),
  };
}

function resultOf(names: readonly string[], measured: (name: string) => Measured<LoadMetric>): SuiteResult {
  const series: Record<string, Series> = {};
  const rows = CELLS.flatMap((cell) => {
    const ours = measured(nameOf(cell, OURS));
    return names.map((name) => {
      const { perSecond, p50, p95, cpu } = measured(nameOf(cell, name));
      series[`${nameOf(cell, name)}: per second`] = perSecond;
      series[`${nameOf(cell, name)}: client CPU µs`] = cpu;
      if (name !== OURS) {
        series[`${nameOf(cell, OURS)} over ${name}: throughput`] = ours.perSecond.over(perSecond);
        series[`${nameOf(cell, OURS)} over ${name}: client CPU`] = ours.cpu.over(cpu);
      }
      const versus = name === OURS ? ['', ''] : [ratio(ours.perSecond.over(perSecond)), ratio(ours.cpu.over(cpu))];
      return [nameOf(cell, name), withSpread(perSecond), median(p50), median(p95), median(cpu), ...versus];
    });
  });
  const table: Table = {
    title: 'Shared tier, 1 KB, by callers; ours with two tags, validated on every get',
    head: ['', 'per second', 'p50 ms', 'p95 ms', 'client CPU µs', 'ours, times it', 'our CPU, times it'],
    rows,
  };
  return { tables: [table], series, promises: [...promisesOf(names, series)] };
}

/** What DESIGN promises of gets; the machine's two cores are shared by both servers and this process. */
function* promisesOf(names: readonly string[], series: Readonly<Record<string, Series>>): Generator<Promised> {
  const pipelining = names.filter((name) => name.startsWith('ioredis'));
  if (pipelining.length === 0) return;
  for (const [cell, factor] of [
    ['get, 20', 0.7],
    ['get, 100', 1],
    ['set, 100', 0.5],
  ] as const) {
    const ratios = pipelining.map((name) => series[`${cell}, ${OURS} over ${name}: throughput`]?.median ?? Number.NaN);
    const worst = Math.min(...ratios);
    yield {
      promise: `${cell} callers: at least ${factor} times the throughput of ioredis, with or without auto-pipelining`,
      seen: `${worst.toFixed(2)} of the better`,
      verdict: worst >= factor ? 'kept' : 'broken',
    };
  }
}
