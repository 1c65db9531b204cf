/** The validity probe: what a batch of 100 gets costs when there is something in the log of invalidations, and when writers stay open. */
import { type CacheInstance, createCache } from 'keepsake';
import { type BenchDatabase, type CountedPool, openDatabase, PATIENT, SCHEMA } from '../fixtures/database.js';
import { kilobyteProduct, type Product } from '../fixtures/product.js';
import { type Measured, runRounds, type Subject } from '../harness/rounds.js';
import type { Series } from '../harness/statistics.js';
import type { Effort, Suite, SuiteResult } from '../harness/suite.js';
import { ratio, type Table, withSpread } from '../harness/table.js';

type Metric = 'milliseconds' | 'statements';

const BATCH = 100;
const INVALIDATIONS = 20_000;
const BATCHES_A_SAMPLE = 20;

const PRODUCTS = Array.from({ length: BATCH }, (_, id) => kilobyteProduct(id));

/** A cache in tables of its own, on one server with the others: what one scenario left in its log does not disturb another. */
interface Scenario {
  readonly name: string;
  readonly prefix: string;
  readonly prepare: (cache: CacheInstance, begin: () => Promise<void>) => Promise<void>;
}

const QUIET = 'nothing invalidated';

const SCENARIOS: readonly Scenario[] = [
  { name: QUIET, prefix: 'quiet_', prepare: fill },
  {
    name: '20 000 invalidations, all older than the entries',
    prefix: 'older_',
    prepare: async (cache) => {
      await invalidateOthers(cache);
      await fill(cache);
    },
  },
  {
    name: '20 000 invalidations of other tags since',
    prefix: 'others_',
    prepare: async (cache) => {
      await fill(cache);
      await invalidateOthers(cache);
    },
  },
  {
    name: 'writer open during 20 000 of a tag of theirs',
    prefix: 'open_',
    prepare: async (cache, begin) => {
      await begin();
      await invalidateHot(cache);
      await fill(cache);
    },
  },
  {
    name: 'the same, and one of another tag since',
    prefix: 'since_',
    prepare: async (cache, begin) => {
      await begin();
      await invalidateHot(cache);
      await fill(cache);
      await cache.invalidateTags(['other']);
    },
  },
];

export const validityProbe: Suite = {
  name: 'probe',
  title: 'the validity probe in a batch of 100 gets',
  async run(effort: Effort): Promise<SuiteResult> {
    await using database = await openDatabase();
    const caches: CacheInstance[] = [];
    const writers: (() => Promise<void>)[] = [];
    try {
      const subjects: Subject<Metric>[] = [];
      for (const scenario of SCENARIOS) {
        const counted = database.pool(2);
        const cache = await createCache({
          name: `bench-${scenario.prefix}`,
          prefix: scenario.prefix,
          pool: counted.pool,
          schema: SCHEMA,
          local: false,
          timeouts: PATIENT,
        });
        caches.push(cache);
        await scenario.prepare(cache, async () => {
          writers.push(await leaveOpen(database));
        });
        subjects.push(subject(scenario.name, cache, counted));
      }
      await database.pool(1).pool.query('analyze');
      return resultOf(await runRounds(subjects, { rounds: effort.rounds, warmups: 2 }));
    } finally {
      for (const end of writers) await end();
      for (const cache of caches) await cache.close();
    }
  },
};

async function fill(cache: CacheInstance): Promise<void> {
  await Promise.all(
    PRODUCTS.map((product) =>
      cache.set(`product:${product.id}`, product, { ttl: '1h', tags: ['hot', `product:${product.id}`] }),
    ),
  );
}

/** Tags that no entry carries, each once. */
async function invalidateOthers(cache: CacheInstance): Promise<void> {
  const one = async (number: number) => cache.invalidateTags([`other:${number}`]);
  for (let number = 0; number < INVALIDATIONS; number += 500) {
    await Promise.all(Array.from({ length: 500 }, (_, offset) => one(number + offset)));
  }
}

/** One tag, again and again, each time in a transaction of its own; one after the other, or they would share statements. */
async function invalidateHot(cache: CacheInstance): Promise<void> {
  for (let times = 0; times < INVALIDATIONS; times += 1) await cache.invalidateTags(['hot']);
}

/** A transaction that has written something and stays open; answers how to end it. */
async function leaveOpen(database: BenchDatabase): Promise<() => Promise<void>> {
  const client = await database.pool(1).pool.connect();
  await client.query('begin');
  await client.query('select pg_current_xact_id()');
  return async () => {
    await client.query('rollback');
    client.release();
  };
}

function subject(name: string, cache: CacheInstance, { statements }: CountedPool): Subject<Metric> {
  const batch = async (): Promise<void> => {
    const answers = await Promise.all(PRODUCTS.map(({ id }) => cache.get<Product>(`product:${id}`)));
    if (answers.some((answer, id) => answer?.text !== PRODUCTS[id]?.text)) throw new Error(`\`${name}\` missed`);
  };
  return {
    name,
    check: batch,
    sample: async () => {
      const before = statements();
      const began = performance.now();
      for (let times = 0; times < BATCHES_A_SAMPLE; times += 1) await batch();
      const took = performance.now() - began;
      return { milliseconds: took / BATCHES_A_SAMPLE, statements: (statements() - before) / BATCHES_A_SAMPLE };
    },
  };
}

function resultOf(measured: (name: string) => Measured<Metric>): SuiteResult {
  const quiet = measured(QUIET).milliseconds;
  const series: Record<string, Series> = {};
  const rows = SCENARIOS.map(({ name }) => {
    const { milliseconds, statements } = measured(name);
    series[`${name}: ms`] = milliseconds;
    const times = name === QUIET ? '' : ratio(milliseconds.over(quiet));
    return [name, withSpread(milliseconds), statements.median.toFixed(1), times];
  });
  const table: Table = {
    title: `Validity probe, a batch of ${BATCH} gets of 1 KB with 2 tags`,
    head: ['', 'ms a batch (quartiles)', 'statements', 'to quiet'],
    rows,
  };
  return { tables: [table], series, promises: [] };
}
