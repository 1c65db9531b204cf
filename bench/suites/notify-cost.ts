/** What notifying and listening cost: transactions that invalidate, and reads beside writes. A part of the suite `coherence`. */
import { CoherenceCluster, type CoherenceWorker } from '../fixtures/coherence-cluster.js';
import type { Transactions, Workload } from '../fixtures/coherence-process.js';
import { type BenchDatabase, openDatabase, SCHEMA } from '../fixtures/database.js';
import { type Measured, runRounds, type Subject } from '../harness/rounds.js';
import type { Series } from '../harness/statistics.js';
import type { Effort, Promised } from '../harness/suite.js';
import { ratio, type Table, withSpread } from '../harness/table.js';

export const NOTIFY = ['off', 'deferred', 'transactional'] as const;

/** The processes of a cluster for each way to notify. */
export type Clusters = Readonly<Record<(typeof NOTIFY)[number], CoherenceCluster>>;

export const PROCESSES = 4;

/** Transactions at once in each process. */
const CALLERS = 2;
const ROWS = 10_000;
const NOTHING = 'no invalidation';

/** A fourth of 16 writers x 400 and 32 readers x 800 over 64 keys: what each of the processes does. */
const WORKLOAD: Workload = {
  keys: 64,
  writers: 16 / PROCESSES,
  writes: 400,
  writePause: 5,
  readers: 32 / PROCESSES,
  reads: 800,
  readPause: 2,
};

/** Most rounds of the usual run: each takes some seconds. */
const MOST_ROUNDS = { transactions: 7, workload: 20 } as const;

/** What is left of the reads when processes listen. */
const LEFT = 0.8;

export interface NotifyCost {
  readonly transactions: (name: string) => Measured<'perSecond'>;
  readonly reads: (name: string) => Measured<'perSecond'>;
}

export async function notifyCost(database: BenchDatabase, clusters: Clusters, effort: Effort): Promise<NotifyCost> {
  const rounds = (most: number): number => (effort.matrix === 'usual' ? Math.min(effort.rounds, most) : effort.rounds);
  const made = await transactions(database, clusters, effort.sampleMs, rounds(MOST_ROUNDS.transactions));
  // PostgreSQL wakes all who listen in a database, whatever they listen to: so nobody else is left there, and those who do not listen have one of their own.
  clusters.off[Symbol.dispose]();
  clusters.transactional[Symbol.dispose]();
  await using apart = await openDatabase(`${SCHEMA}_apart`);
  using silent = new CoherenceCluster(apart, { notify: 'off', poolSize: 4 });
  await silent.grow(PROCESSES);
  return { transactions: made, reads: await reads(clusters.deferred, silent, rounds(MOST_ROUNDS.workload)) };
}

/** Transactions a second of all processes together: each updates a row, and invalidates a tag of it. */
async function transactions(
  database: BenchDatabase,
  clusters: Clusters,
  ms: number,
  rounds: number,
): Promise<NotifyCost['transactions']> {
  const pool = database.pool({ connectionString: database.connectionString, max: 1 });
  const orders = `${SCHEMA}.orders`;
  await pool.query(`create table ${orders} (id integer primary key, changes integer) with (fillfactor = 70)`);
  await pool.query(`insert into ${orders} select n, 0 from generate_series(0, ${ROWS - 1}) as n`);
  await pool.query(`vacuum analyze ${orders}`);
  const changes = async (): Promise<number> => {
    const { rows } = await pool.query<{ sum: string }>(`select sum(changes) from ${orders}`);
    return Number(rows[0]?.sum);
  };
  const subject = (
    name: string,
    workers: readonly CoherenceWorker[],
    invalidation: Transactions['invalidation'],
  ): Subject<'perSecond'> => {
    const run = async (duration: number): Promise<number> => {
      const before = await changes();
      const ended = await Promise.all(
        workers.map((worker, number) => {
          const asked = { table: orders, rows: ROWS, ms: duration, callers: CALLERS, invalidation };
          return worker.ask('transactions', { ...asked, process: number, processes: workers.length });
        }),
      );
      const made = ended.reduce((sum, one) => sum + one.made, 0);
      if ((await changes()) - before !== made) throw new Error(`Expected ${made} changes`);
      return ended.reduce((sum, one) => sum + (one.made * 1000) / one.took, 0);
    };
    return { name, check: async () => void (await run(1)), sample: async () => ({ perSecond: await run(ms) }) };
  };
  const subjects = NOTIFY.map((notify) => subject(notify, clusters[notify].workers, 'Cache.transaction'));
  return await runRounds([subject(NOTHING, clusters.off.workers, 'none'), ...subjects], { rounds, warmups: 2 });
}

/** Reads per second of the workload, with processes that listen and with processes that do not. A set notifies by itself whatever `notify` says. */
async function reads(
  listening: CoherenceCluster,
  silent: CoherenceCluster,
  rounds: number,
): Promise<NotifyCost['reads']> {
  const subject = (name: string, { workers }: CoherenceCluster): Subject<'perSecond'> => ({
    name,
    check: async () => undefined,
    sample: async () => {
      const took = await Promise.all(workers.map((worker) => worker.ask('workload', WORKLOAD)));
      return { perSecond: (WORKLOAD.readers * WORKLOAD.reads * PROCESSES * 1_000) / Math.max(...took) };
    },
  });
  return await runRounds([subject('on', listening), subject('off', silent)], { rounds, warmups: 3 });
}

export function notifyTables({ transactions, reads }: NotifyCost): readonly Table[] {
  const plain = transactions(NOTHING).perSecond;
  const [on, off] = [reads('on').perSecond, reads('off').perSecond];
  return [
    {
      title: `Transactions that update a row and invalidate its tag, ${PROCESSES} processes x ${CALLERS}, by \`notify\``,
      head: ['', 'transactions/s', 'times'],
      rows: [
        [NOTHING, withSpread(plain), ''],
        ...NOTIFY.map((notify) => {
          const { perSecond } = transactions(notify);
          return [notify, withSpread(perSecond), ratio(perSecond.over(plain))];
        }),
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
  ];
}

export function* notifyPromises({ reads }: NotifyCost): Generator<Promised> {
  const left = reads('on').perSecond.over(reads('off').perSecond);
  yield {
    promise: `reads with the stream on are at least ${LEFT} times as many as with it off`,
    seen: ratio(left),
    verdict: left.median >= LEFT ? 'kept' : 'broken',
  };
}

export function notifySeries({ transactions, reads }: NotifyCost): Readonly<Record<string, Series>> {
  const series: Record<string, Series> = { 'stream on over off': reads('on').perSecond.over(reads('off').perSecond) };
  for (const name of [NOTHING, ...NOTIFY]) series[`transactions a second, ${name}`] = transactions(name).perSecond;
  for (const name of ['deferred', 'transactional']) {
    series[`transactions, ${name} over off`] = transactions(name).perSecond.over(transactions('off').perSecond);
  }
  return series;
}
