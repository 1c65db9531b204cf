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

/** 16 writers x 400 and 32 readers x 800 over 64 keys, divided among so many processes: on two cores, two leave room for the server, four do not. */
const DIVISIONS = [2, PROCESSES] as const;

/** What each of the processes does. */
function workloadOf(processes: number): Workload {
  return {
    keys: 64,
    writers: 16 / processes,
    writes: 400,
    writePause: 5,
    readers: 32 / processes,
    reads: 800,
    readPause: 2,
  };
}

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
  for (const cluster of Object.values(clusters)) cluster[Symbol.dispose]();
  return { transactions: made, reads: await reads(rounds(MOST_ROUNDS.workload)) };
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

/**
 * Reads per second of the workload, with processes that listen and with processes that do not. A set notifies by itself whatever `notify` says. PostgreSQL wakes all
 * who listen in a database, whatever they listen to; so nobody else is there, and each half has a server of its own.
 */
async function reads(rounds: number): Promise<NotifyCost['reads']> {
  await using heard = await openDatabase(`${SCHEMA}_heard`);
  await using unheard = await openDatabase(`${SCHEMA}_unheard`);
  using listening = new CoherenceCluster(heard, { notify: 'deferred', poolSize: 4 });
  using silent = new CoherenceCluster(unheard, { notify: 'off', poolSize: 4 });
  const measured = new Map<string, Measured<'perSecond'>>();
  for (const processes of DIVISIONS) {
    const workload = workloadOf(processes);
    const subject = (name: string, { workers }: CoherenceCluster): Subject<'perSecond'> => ({
      name,
      check: async () => undefined,
      sample: async () => {
        const took = await Promise.all(workers.map((worker) => worker.ask('workload', workload)));
        return { perSecond: (workload.readers * workload.reads * processes * 1_000) / Math.max(...took) };
      },
    });
    await Promise.all([listening.grow(processes), silent.grow(processes)]);
    const ran = await runRounds([subject('on', listening), subject('off', silent)], { rounds, warmups: 3 });
    for (const stream of ['on', 'off']) measured.set(nameOf(processes, stream), ran(stream));
  }
  return (name) => {
    const one = measured.get(name);
    if (one === undefined) throw new TypeError(`Nothing was measured of ${name}`);
    return one;
  };
}

function nameOf(processes: number, stream: string): string {
  return `${processes} processes, stream ${stream}`;
}

/** Reads with the stream on, times those with it off. */
function left({ reads }: NotifyCost, processes: number): Series {
  return reads(nameOf(processes, 'on')).perSecond.over(reads(nameOf(processes, 'off')).perSecond);
}

export function notifyTables(cost: NotifyCost): readonly Table[] {
  const { transactions, reads } = cost;
  const plain = transactions(NOTHING).perSecond;
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
      head: ['', 'reads/s', 'times'],
      rows: DIVISIONS.flatMap((processes) => [
        [nameOf(processes, 'off'), withSpread(reads(nameOf(processes, 'off')).perSecond), ''],
        [nameOf(processes, 'on'), withSpread(reads(nameOf(processes, 'on')).perSecond), ratio(left(cost, processes))],
      ]),
    },
  ];
}

export function* notifyPromises(cost: NotifyCost): Generator<Promised> {
  for (const processes of DIVISIONS) {
    const seen = left(cost, processes);
    yield {
      promise: `${processes} processes: reads with the stream on are at least ${LEFT} times as many as with it off`,
      seen: ratio(seen),
      verdict: seen.median >= LEFT ? 'kept' : 'broken',
    };
  }
}

export function notifySeries(cost: NotifyCost): Readonly<Record<string, Series>> {
  const { transactions } = cost;
  const series: Record<string, Series> = {};
  for (const processes of DIVISIONS) series[`${processes} processes, stream on over off`] = left(cost, processes);
  for (const name of [NOTHING, ...NOTIFY]) series[`transactions a second, ${name}`] = transactions(name).perSecond;
  for (const name of ['deferred', 'transactional']) {
    series[`transactions, ${name} over off`] = transactions(name).perSecond.over(transactions('off').perSecond);
  }
  return series;
}
