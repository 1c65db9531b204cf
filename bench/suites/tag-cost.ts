/** What the invalidation of a tag costs by the entries that have it: a part of the suite `coherence`. */
import { type CacheInstance, createCache } from 'keepsake';
import type pg from 'pg';
import { type BenchDatabase, PATIENT, SCHEMA } from '../fixtures/database.js';
import { runRounds, type Subject } from '../harness/rounds.js';
import type { Series } from '../harness/statistics.js';
import type { Effort, Promised } from '../harness/suite.js';
import { median, ratio, type Table } from '../harness/table.js';

const SIZES = { usual: [1, 1_000, 100_000], whole: [1, 1_000, 100_000, 1_000_000] } as const;

/** Invalidations in a sample. */
const TIMES = 20;

/** What the largest tag may cost more than that of a single entry. */
const ALLOWED = 2;

export interface TagCost {
  readonly entries: number;
  readonly milliseconds: Series;
  /** Times that of a single entry. */
  readonly times: Series;
}

/** Smallest first. */
export async function tagCost(database: BenchDatabase, effort: Effort): Promise<readonly TagCost[]> {
  await using cache = await createCache({
    name: 'bench-tags',
    connection: database.connectionString,
    schema: SCHEMA,
    timeouts: PATIENT,
    sweep: false,
  });
  const pool = database.pool({ connectionString: database.connectionString, max: 1 });
  const sizes = SIZES[effort.matrix];
  for (const entries of sizes) await fill(cache, pool, entries);
  await pool.query(`vacuum analyze ${SCHEMA}.cache`);
  const measured = await runRounds(
    sizes.map((entries) => subject(cache, entries)),
    { rounds: effort.rounds, warmups: 2 },
  );
  const single = measured(tagOf(1)).milliseconds;
  return sizes.map((entries) => {
    const { milliseconds } = measured(tagOf(entries));
    return { entries, milliseconds, times: milliseconds.over(single) };
  });
}

const tagOf = (entries: number): string => `of-${entries}`;
const idOf = (entries: number, n: number): string => `${tagOf(entries)}:${n}`;

/** In the database, all but the first: writing each through a cache would take long. */
async function fill(cache: CacheInstance, pool: pg.Pool, entries: number): Promise<void> {
  await cache.set(idOf(entries, 1), 'value', { ttl: Infinity, tags: [tagOf(entries)] });
  const { rows } = await pool.query<{ names: string }>(
    `select string_agg(quote_ident(attname), ', ') as names from pg_attribute
     where attrelid = '${SCHEMA}.cache'::regclass and attnum > 0 and not attisdropped and attname <> 'id'`,
  );
  const columns = rows[0]?.names ?? '';
  await pool.query(
    `insert into ${SCHEMA}.cache (id, ${columns})
     select '${tagOf(entries)}:' || n, ${columns} from ${SCHEMA}.cache, generate_series(2, ${entries}) n
     where id = '${idOf(entries, 1)}'`,
  );
}

function subject(cache: CacheInstance, entries: number): Subject<'milliseconds'> {
  const tag = tagOf(entries);
  const ends = [...new Set([1, entries])].map((n) => idOf(entries, n));
  return {
    name: tag,
    check: async () => {
      for (const id of ends) if ((await cache.get(id)) !== 'value') throw new Error(`${id} is not there`);
      await cache.invalidateTags([tag]);
      for (const id of ends) if ((await cache.get(id)) !== undefined) throw new Error(`${id} is still there`);
    },
    sample: async () => {
      const began = performance.now();
      for (let time = 0; time < TIMES; time += 1) await cache.invalidateTags([tag]);
      return { milliseconds: (performance.now() - began) / TIMES };
    },
  };
}

const figure = (value: number): string => value.toLocaleString('en-US').replaceAll(',', ' ');

export function tagTable(costs: readonly TagCost[]): Table {
  return {
    title: 'invalidateTags, of a tag with so many entries',
    head: ['entries', 'ms', 'times'],
    rows: costs.map(({ entries, milliseconds, times }) => [
      figure(entries),
      median(milliseconds),
      entries === 1 ? '' : ratio(times),
    ]),
  };
}

export function* tagPromises(costs: readonly TagCost[]): Generator<Promised> {
  const largest = costs.at(-1);
  if (largest === undefined) return;
  const { entries, times } = largest;
  yield {
    promise: `invalidating a tag with ${entries} entries takes at most twice as long as one with a single entry`,
    seen: ratio(times),
    verdict: times.median <= ALLOWED ? 'kept' : 'broken',
  };
}

export function tagSeries(costs: readonly TagCost[]): Readonly<Record<string, Series>> {
  const series: Record<string, Series> = {};
  for (const { entries, milliseconds, times } of costs) {
    series[`tag of ${entries}: ms`] = milliseconds;
    if (entries > 1) series[`tag of ${entries} over single`] = times;
  }
  return series;
}
