/** Growth: what a table of very many entries costs, and what the local tier holds and hits as it grows. */
import { createCache } from 'keepsake';
import type pg from 'pg';
import { type BenchDatabase, openDatabase, PATIENT, SCHEMA } from '../fixtures/database.js';
import { heapOfEntry } from '../fixtures/local-heap.js';
import { repeatableNumbers, smallProduct } from '../fixtures/product.js';
import { scanTrace, zipfTrace } from '../fixtures/traces.js';
import { drive } from '../harness/load.js';
import { type Measured, runRounds, type Subject } from '../harness/rounds.js';
import { Series } from '../harness/statistics.js';
import type { Effort, Promised, Suite, SuiteResult } from '../harness/suite.js';
import { median, ratio, type Table, withSpread } from '../harness/table.js';
import { hitRatios } from './hit-ratio.js';

const POOL = 4;
const CALLERS = 20;
const SIZES = { usual: [10_000, 100_000], whole: [10_000, 100_000, 1_000_000, 5_000_000] } as const;
const LOCAL_SIZES = { usual: [1_000, 100_000], whole: [1_000, 10_000, 100_000, 1_000_000] } as const;

/** What a get of the largest table may cost more than one of the smallest. */
const ALLOWED = 2;

type Metric = 'perSecond' | 'cpu';

interface Grown {
  readonly size: number;
  readonly measured: (operation: 'get' | 'set') => Measured<Metric>;
  readonly bytes: number;
  readonly sweepMs: number;
}

export const growth: Suite = {
  name: 'growth',
  title: 'tables and local tiers of very many entries',
  async run(effort: Effort): Promise<SuiteResult> {
    await using database = await openDatabase();
    const sizes = SIZES[effort.matrix];
    const grown: Grown[] = [];
    for (const size of sizes) grown.push(await grow(database, size, effort));
    const heap = LOCAL_SIZES[effort.matrix].map((size) => ({ size, bytes: heapOfEntry(size) }));
    const traces = { 'Zipf (0.99)': zipfTrace(), 'Zipf with scans': scanTrace() };
    return resultOf(grown, heap, await hitRatios(traces));
  },
};

/** A table of its own, filled in the database: writing each entry through a cache would take hours. */
async function grow(database: BenchDatabase, size: number, effort: Effort): Promise<Grown> {
  const prefix = `of_${size}_`;
  await using cache = await createCache({
    name: `bench-${prefix}`,
    connection: database.counted(POOL).options,
    poolSize: POOL,
    schema: SCHEMA,
    prefix,
    local: false,
    timeouts: PATIENT,
    sweep: false,
  });
  const pool = database.pool(database.counted(1).options);
  const table = `${SCHEMA}.${prefix}cache`;
  await cache.set('entry:0', smallProduct(0), { ttl: '1d', tags: ['products', 'shelf:0'] });
  await multiply(pool, table, size);
  const next = repeatableNumbers(size, 11);
  const get = async (): Promise<void> => {
    const found = await cache.get<{ id: number }>(`entry:${next()}`);
    if (found?.id !== 0) throw new Error('An entry is not there');
  };
  const set = (): Promise<void> =>
    cache.set(`entry:${next()}`, smallProduct(0), { ttl: '1d', tags: ['products', 'shelf:0'] });
  const subject = (name: string, call: () => Promise<void>): Subject<Metric> => ({
    name,
    check: get,
    sample: () => drive({ callers: CALLERS, ms: effort.sampleMs, call, statements: () => 0 }),
  });
  const rounds = Math.min(effort.rounds, 7);
  const measured = await runRounds([subject('get', get), subject('set', set)], { rounds, warmups: 2 });
  const { rows } = await pool.query<{ bytes: string }>('select pg_total_relation_size($1::regclass) as bytes', [table]);
  // A tenth of the entries is over, and so old that no load may still be fenced by them.
  await pool.query(
    `update ${table} set expiresattime = now() - interval '1 day', stale_until = null,
       written_at = now() - interval '2 days' where abs(hashtext(id)) % 10 = 0`,
  );
  const began = performance.now();
  const { removed } = await cache.sweep();
  if (removed === 0) throw new Error('Nothing was swept');
  const sweepMs = ((performance.now() - began) / removed) * 1000;
  await pool.query(`truncate ${table}`);
  return { size, measured, bytes: Number(rows[0]?.bytes) / size, sweepMs };
}

async function multiply(pool: pg.Pool, table: string, size: number): Promise<void> {
  const { rows } = await pool.query<{ names: string }>(
    `select string_agg(quote_ident(attname), ', ') as names from pg_attribute
     where attrelid = '${table}'::regclass and attnum > 0 and not attisdropped and attname <> 'id'`,
  );
  const columns = rows[0]?.names ?? '';
  await pool.query(
    `insert into ${table} (id, ${columns})
     select 'entry:' || n, ${columns} from ${table}, generate_series(1, ${size - 1}) as n where id = 'entry:0'`,
  );
  await pool.query(`vacuum analyze ${table}`);
}

const figure = (value: number): string => value.toLocaleString('en-US').replaceAll(',', ' ');

function resultOf(
  grown: readonly Grown[],
  heap: readonly { readonly size: number; readonly bytes: number }[],
  hits: Readonly<Record<string, Readonly<Record<string, number>>>>,
): SuiteResult {
  const series: Record<string, Series> = {};
  for (const { size, measured, bytes, sweepMs } of grown) {
    series[`table of ${size}: gets a second`] = measured('get').perSecond;
    series[`table of ${size}: sets a second`] = measured('set').perSecond;
    series[`table of ${size}: bytes an entry`] = new Series([bytes]);
    series[`table of ${size}: sweep, ms for 1000 entries`] = new Series([sweepMs]);
  }
  for (const { size, bytes } of heap) series[`local tier of ${size}: bytes an entry`] = new Series([bytes]);
  for (const [trace, ratios] of Object.entries(hits))
    for (const [who, share] of Object.entries(ratios)) series[`hit ratio, ${trace}, ${who}`] = new Series([share]);
  const whos = Object.keys(Object.values(hits)[0] ?? {});
  const tables: Table[] = [
    {
      title: `A table of so many entries of about 150 bytes, 2 tags, ${CALLERS} callers`,
      head: ['entries', 'gets/s', 'client CPU µs', 'sets/s', 'client CPU µs', 'bytes on disk', 'sweep, ms for 1000'],
      rows: grown.map(({ size, measured, bytes, sweepMs }) => {
        const [get, set] = [measured('get'), measured('set')];
        const cells = [withSpread(get.perSecond), median(get.cpu), withSpread(set.perSecond), median(set.cpu)];
        return [figure(size), ...cells, String(Math.round(bytes)), sweepMs.toFixed(1)];
      }),
    },
    {
      title: 'A local tier of so many entries',
      head: ['entries', 'bytes of heap above value and key'],
      rows: heap.map(({ size, bytes }) => [figure(size), String(Math.round(bytes))]),
    },
    {
      title: 'Hit ratio of a local tier with room for a tenth of the keys',
      head: ['trace', ...whos],
      rows: Object.entries(hits).map(([trace, ratios]) => [trace, ...whos.map((who) => share(ratios[who]))]),
    },
  ];
  return { tables, series, promises: [...promisesOf(grown, hits)] };
}

const share = (of: number | undefined): string => `${((of ?? 0) * 100).toFixed(1)} %`;

function* promisesOf(
  grown: readonly Grown[],
  hits: Readonly<Record<string, Readonly<Record<string, number>>>>,
): Generator<Promised> {
  const [smallest, largest] = [grown[0], grown.at(-1)];
  if (smallest !== undefined && largest !== undefined) {
    const times = smallest.measured('get').perSecond.over(largest.measured('get').perSecond);
    yield {
      promise: `gets of a table of ${figure(largest.size)} entries take at most ${ALLOWED} times as long as of ${figure(smallest.size)}`,
      seen: ratio(times),
      verdict: times.median <= ALLOWED ? 'kept' : 'broken',
    };
  }
  for (const [trace, { keepsake = 0, 'lru-cache': alone = 0 }] of Object.entries(hits)) {
    yield {
      promise: `${trace}: the local tier hits as often as lru-cache alone, to a hundredth`,
      seen: `${share(keepsake)} against ${share(alone)}`,
      verdict: keepsake >= alone - 0.01 ? 'kept' : 'broken',
    };
  }
}
