/**
 * The validity probe: what a batch of 100 gets costs when there is something in the log of invalidations, when a writer stays open, and
 * when the log grows under statements that were planned while it was empty.
 */
import { type CacheInstance, createCache } from 'keepsake';
import type pg from 'pg';
import { type CountedConnections, openDatabase, PATIENT, SCHEMA } from '../fixtures/database.js';
import { kilobyteProduct, type Product } from '../fixtures/product.js';
import { type Measured, runRounds, type Subject } from '../harness/rounds.js';
import type { Series } from '../harness/statistics.js';
import type { Effort, Suite, SuiteResult } from '../harness/suite.js';
import { ratio, type Table, withSpread } from '../harness/table.js';

type Metric = 'milliseconds' | 'statements';

const BATCH = 100;
const INVALIDATIONS = 20_000;
/** One, so that it is known which one has planned what. */
const CONNECTIONS = 1;

/** What the dearest scenario may cost, against nothing invalidated. */
const ALLOWED = 4;

const PRODUCTS = Array.from({ length: BATCH }, (_, id) => kilobyteProduct(id));

/** What a scenario is prepared with: a cache in tables of its own, so that what one leaves in its log does not disturb another. */
interface Stage {
  readonly cache: CacheInstance;
  /** Leaves a transaction open that has written something. */
  readonly openWriter: () => Promise<void>;
  /** What a statement on 100 000 rows of a watched table would leave, of other tags. */
  readonly massInvalidate: () => Promise<void>;
  /** Has the statistics of the log renewed, as autovacuum does from time to time. */
  readonly analyzeLog: () => Promise<void>;
}

interface Scenario {
  readonly name: string;
  readonly prefix: string;
  readonly prepare: (stage: Stage) => Promise<void>;
}

const QUIET = 'nothing invalidated';

const SCENARIOS: readonly Scenario[] = [
  { name: QUIET, prefix: 'quiet_', prepare: ({ cache }) => fill(cache) },
  {
    name: '20 000 invalidations, all older than the entries',
    prefix: 'older_',
    async prepare({ cache, analyzeLog }) {
      await invalidateOthers(cache);
      await analyzeLog();
      await fill(cache);
    },
  },
  {
    name: '20 000 invalidations of other tags since',
    prefix: 'others_',
    async prepare({ cache, analyzeLog }) {
      await fill(cache);
      await invalidateOthers(cache);
      await analyzeLog();
    },
  },
  {
    name: 'writer open during 20 000 of a tag of theirs',
    prefix: 'open_',
    async prepare({ cache, openWriter, analyzeLog }) {
      await openWriter();
      await invalidateHot(cache);
      await analyzeLog();
      await fill(cache);
    },
  },
  {
    name: 'the same, and one of another tag since',
    prefix: 'since_',
    async prepare({ cache, openWriter, analyzeLog }) {
      await openWriter();
      await invalidateHot(cache);
      await analyzeLog();
      await fill(cache);
      await cache.invalidateTags(['other']);
    },
  },
  {
    name: 'a mass invalidation of 100 000 other tags since',
    prefix: 'mass_',
    async prepare({ cache, massInvalidate }) {
      await fill(cache);
      await massInvalidate();
    },
  },
  {
    name: '20 000 of other tags since a plan for an empty log',
    prefix: 'planned_',
    async prepare({ cache, analyzeLog }) {
      await analyzeLog();
      await fill(cache);
      await readAll(cache);
      await invalidateOthers(cache);
    },
  },
];

export const validityProbe: Suite = {
  name: 'probe',
  title: 'the validity probe in a batch of 100 gets',
  async run(effort: Effort): Promise<SuiteResult> {
    await using database = await openDatabase();
    const pool = database.pool(database.counted(2 * SCENARIOS.length).options);
    const ends: (() => Promise<void>)[] = [];
    try {
      const subjects: Subject<Metric>[] = [];
      for (const scenario of SCENARIOS) {
        const connections = database.counted(CONNECTIONS);
        const cache = await openCache(scenario, connections);
        ends.push(() => cache.close());
        const entries = `${SCHEMA}.${scenario.prefix}cache`;
        const log = `${entries}_invalidations`;
        // Statistics change, and plans with them, when a scenario says so, and not some time during its measurement.
        for (const table of [entries, log]) await pool.query(`alter table ${table} set (autovacuum_enabled = false)`);
        await scenario.prepare({
          cache,
          openWriter: async () => {
            ends.unshift(await openWriter(pool));
          },
          massInvalidate: async () => {
            await pool.query(`with named as (insert into ${log} (name, kind) values ('t|big', 'delete'))
              insert into ${entries}_mass (bucket, hashes) select (hash & 1023)::integer, array_agg(hash)
              from (select hashtextextended('t|big:' || i, 0) as hash from generate_series(1, 100000) as i) as h
              group by 1`);
            await pool.query(`vacuum analyze ${log}, ${entries}_mass`);
          },
          analyzeLog: async () => {
            await pool.query(`vacuum analyze ${log}`);
          },
        });
        subjects.push(subject(scenario.name, cache, connections, effort.sampleMs));
      }
      return resultOf(await runRounds(subjects, { rounds: effort.rounds, warmups: 1 }));
    } finally {
      for (const end of ends) await end();
    }
  },
};

function openCache({ prefix }: Scenario, { options }: CountedConnections): Promise<CacheInstance> {
  return createCache({
    name: `bench-${prefix}`,
    prefix,
    connection: options,
    poolSize: CONNECTIONS,
    schema: SCHEMA,
    local: false,
    timeouts: PATIENT,
  });
}

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
async function openWriter(pool: pg.Pool): Promise<() => Promise<void>> {
  const client = await pool.connect();
  await client.query('begin');
  await client.query('select pg_current_xact_id()');
  return async () => {
    await client.query('rollback');
    client.release();
  };
}

async function readAll(cache: CacheInstance): Promise<void> {
  const answers = await Promise.all(PRODUCTS.map(({ id }) => cache.get<Product>(`product:${id}`)));
  if (answers.some((answer, id) => answer?.text !== PRODUCTS[id]?.text)) throw new Error('An entry is not there');
}

function subject(
  name: string,
  cache: CacheInstance,
  { statements }: CountedConnections,
  sampleMs: number,
): Subject<Metric> {
  return {
    name,
    check: () => readAll(cache),
    sample: async () => {
      const before = statements();
      const began = performance.now();
      let batches = 0;
      do {
        await readAll(cache);
        batches += 1;
      } while (performance.now() - began < sampleMs / 4);
      return {
        milliseconds: (performance.now() - began) / batches,
        statements: (statements() - before) / batches,
      };
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
  const dearest = SCENARIOS.map(({ name }) => ({ name, times: measured(name).milliseconds.over(quiet) })).reduce(
    (one, other) => (other.times.median > one.times.median ? other : one),
  );
  const table: Table = {
    title: `Validity probe, a batch of ${BATCH} gets of 1 KB with 2 tags`,
    head: ['', 'ms a batch (quartiles)', 'statements', 'to quiet'],
    rows,
  };
  return {
    tables: [table],
    series,
    promises: [
      {
        promise: `whatever is in the log, a batch of gets takes at most ${ALLOWED} times as long as when nothing is`,
        seen: `${ratio(dearest.times)}: ${dearest.name}`,
        verdict: dearest.times.median <= ALLOWED ? 'kept' : 'broken',
      },
    ],
  };
}
