/** Coherence over real processes: how soon others see an invalidation, one load in a cluster, what a large tag and what the stream cost. */
import { createCache } from 'keepsake';
import type { CoherenceCommands, Manner, Opening, Workload } from '../fixtures/coherence-process.js';
import { type BenchDatabase, openDatabase, PATIENT, SCHEMA } from '../fixtures/database.js';
import { BenchProcess } from '../fixtures/process.js';
import { type Measured, runRounds } from '../harness/rounds.js';
import { quantile, Series } from '../harness/statistics.js';
import type { Effort, Promised, Suite, SuiteResult } from '../harness/suite.js';
import { median, ratio, withSpread } from '../harness/table.js';

const PROCESSES = 4;
const MANNERS: readonly Manner[] = ['invalidateTags', 'Cache.transaction', '{ trx }'];

/** Invalidations of each manner in a round. */
const INVALIDATIONS = 8;

const CALLERS = 20;
const LOADER_MS = 200;
const LARGE_TAG = 1_000_000;

/** A sixteenth and so on of 16 writers x 400 and 32 readers x 800 over 64 keys: what each of the processes does. */
const WORKLOAD: Workload = {
  keys: 64,
  writers: 16 / PROCESSES,
  writes: 400,
  writePause: 5,
  readers: 32 / PROCESSES,
  reads: 800,
  readPause: 2,
};

type Worker = BenchProcess<CoherenceCommands>;

export const coherence: Suite = {
  name: 'coherence',
  title: 'several processes',
  async run(effort: Effort): Promise<SuiteResult> {
    await using database = await openDatabase();
    using listening = await startCluster(database, 'deferred');
    const seen = await seenAfter(listening.workers, effort.rounds);
    const stampedes = await stampedesOf(listening.workers, effort.rounds);
    const tags = await largeTag(database, effort.rounds);
    using deaf = await startCluster(database, 'off');
    const streams = await streamCost(listening.workers, deaf.workers, effort.rounds);
    return resultOf({ seen, stampedes, tags, streams });
  },
};

interface Found {
  readonly seen: Readonly<Record<Manner, readonly number[]>>;
  readonly stampedes: { readonly loads: readonly number[]; readonly slowest: Series };
  readonly tags: (name: string) => Measured<'milliseconds'>;
  readonly streams: (name: string) => Measured<'reads'>;
}

interface BenchCluster extends Disposable {
  readonly workers: readonly Worker[];
}

async function startCluster(database: BenchDatabase, notify: Opening['notify']): Promise<BenchCluster> {
  const program = new URL('../fixtures/coherence-process.ts', import.meta.url);
  const workers = Array.from({ length: PROCESSES }, () => new BenchProcess<CoherenceCommands>(program));
  // Tables of their own: those who listen must not be woken by what those who do not tell.
  const table = notify === 'off' ? 'cache_off' : 'cache';
  for (const worker of workers)
    await worker.ask('open', { connection: database.connectionString, schema: SCHEMA, table, notify });
  const dispose = (): void => {
    for (const worker of workers) worker[Symbol.dispose]();
  };
  return { workers, [Symbol.dispose]: dispose };
}

/** Milliseconds from the moment an invalidation had committed until each of the other processes no longer served its copy. */
async function seenAfter(workers: readonly Worker[], rounds: number): Promise<Readonly<Record<Manner, number[]>>> {
  const seen: Record<Manner, number[]> = { invalidateTags: [], 'Cache.transaction': [], '{ trx }': [] };
  for (let round = 0; round < rounds * INVALIDATIONS; round += 1) {
    for (const manner of MANNERS) {
      const [first, ...others] = turned(workers, round);
      if (first === undefined) continue;
      const key = `seen:${manner}:${round}`;
      await first.ask('put', { key, tag: key });
      await Promise.all(others.map((other) => other.ask('hold', { key })));
      const watching = others.map((other) => other.ask('watch', { key }));
      const committed = await first.ask('invalidate', { tag: key, manner });
      for (const at of await Promise.all(watching)) seen[manner].push(Math.max(0, at - committed));
    }
  }
  return seen;
}

async function stampedesOf(workers: readonly Worker[], rounds: number): Promise<Found['stampedes']> {
  const loads: number[] = [];
  const slowest: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const asked = { key: `stampede:${round}`, callers: CALLERS, ms: LOADER_MS };
    const ended = await Promise.all(workers.map((worker) => worker.ask('stampede', asked)));
    loads.push(ended.reduce((sum, one) => sum + one.loads, 0));
    slowest.push(Math.max(...ended.map((one) => one.slowest)));
  }
  return { loads, slowest: new Series(slowest) };
}

/** Invalidates a tag of very many entries, and one of a single entry. */
async function largeTag(database: BenchDatabase, rounds: number): Promise<Found['tags']> {
  await using cache = await createCache({
    name: 'bench-tags',
    connection: database.connectionString,
    schema: SCHEMA,
    timeouts: PATIENT,
    sweep: false,
  });
  await cache.set('large', 'value', { ttl: Infinity, tags: ['large'] });
  await cache.set('single', 'value', { ttl: Infinity, tags: ['single'] });
  const pool = database.pool({ connectionString: database.connectionString, max: 1 });
  const { rows } = await pool.query<{ names: string }>(
    `select string_agg(quote_ident(attname), ', ') as names from pg_attribute
     where attrelid = '${SCHEMA}.cache'::regclass and attnum > 0 and not attisdropped and attname <> 'id'`,
  );
  const columns = rows[0]?.names ?? '';
  await pool.query(
    `insert into ${SCHEMA}.cache (id, ${columns})
     select 'large:' || n, ${columns} from ${SCHEMA}.cache, generate_series(2, ${LARGE_TAG}) n where id = 'large'`,
  );
  const subject = (tag: string) => ({
    name: tag,
    check: async () => {
      if ((await cache.get(tag)) !== 'value') throw new Error(`${tag} is not there`);
    },
    sample: async () => {
      const began = performance.now();
      for (let time = 0; time < 20; time += 1) await cache.invalidateTags([tag]);
      return { milliseconds: (performance.now() - began) / 20 };
    },
  });
  return await runRounds([subject('single'), subject('large')], { rounds, warmups: 2 });
}

/** Reads per second of the workload, with processes that listen and with processes that do not. */
async function streamCost(
  listening: readonly Worker[],
  deaf: readonly Worker[],
  rounds: number,
): Promise<Found['streams']> {
  const subject = (name: string, workers: readonly Worker[]) => ({
    name,
    check: async () => undefined,
    sample: async () => {
      const took = await Promise.all(workers.map((worker) => worker.ask('workload', WORKLOAD)));
      return { reads: (WORKLOAD.readers * WORKLOAD.reads * PROCESSES * 1_000) / Math.max(...took) };
    },
  });
  return await runRounds([subject('on', listening), subject('off', deaf)], { rounds, warmups: 1 });
}

function resultOf({ seen, stampedes, tags, streams }: Found): SuiteResult {
  const [single, large] = [tags('single').milliseconds, tags('large').milliseconds];
  const [on, off] = [streams('on').reads, streams('off').reads];
  const loads = Math.max(...stampedes.loads);
  const seenRows = MANNERS.map((manner) => {
    const values = seen[manner];
    return [manner, ...[0.5, 0.99, 1].map((share) => quantile(values, share).toFixed(1)), String(values.length)];
  });
  return {
    tables: [
      {
        title: 'an invalidation, until the other processes see it',
        head: ['', 'p50 ms', 'p99 ms', 'max ms', 'samples'],
        rows: seenRows,
      },
      {
        title: `${CALLERS} callers x ${PROCESSES} processes, one missing key, a loader of ${LOADER_MS} ms`,
        head: ['loads', 'slowest caller ms'],
        rows: [[String(loads), withSpread(stampedes.slowest)]],
      },
      {
        title: 'invalidateTags, of a tag with so many entries',
        head: ['entries', 'ms', 'times'],
        rows: [
          ['1', median(single), ''],
          [LARGE_TAG.toLocaleString('en-US').replaceAll(',', ' '), median(large), ratio(large.over(single))],
        ],
      },
      {
        title: '16 writers x 400, 32 readers x 800, 64 keys: reads a second',
        head: ['stream', 'reads/s', 'times'],
        rows: [
          ['off', withSpread(off), ''],
          ['on', withSpread(on), ratio(on.over(off))],
        ],
      },
    ],
    promises: promisesOf(loads, large.over(single), on.over(off)),
    series: {
      'stampede, slowest caller ms': stampedes.slowest,
      'large tag over single': large.over(single),
      'stream on over off': on.over(off),
      ...Object.fromEntries(MANNERS.map((manner) => [`seen after ms, ${manner}`, new Series(seen[manner])])),
    },
  };
}

function promisesOf(loads: number, tag: Series, stream: Series): readonly Promised[] {
  const kept = (holds: boolean): Promised['verdict'] => (holds ? 'kept' : 'broken');
  return [
    { promise: 'one load for all callers of all processes', seen: `${loads} at most`, verdict: kept(loads === 1) },
    {
      promise: `invalidating a tag with ${LARGE_TAG} entries takes at most twice as long as one with a single entry`,
      seen: ratio(tag),
      verdict: kept(tag.median <= 2),
    },
    {
      promise: 'reads with the stream on are at least 0.8 times as many as with it off',
      seen: ratio(stream),
      verdict: kept(stream.median >= 0.8),
    },
  ];
}

/** Another one first in each round. */
function turned<T>(all: readonly T[], round: number): readonly T[] {
  const first = round % all.length;
  return [...all.slice(first), ...all.slice(0, first)];
}
