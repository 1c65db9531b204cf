/** How soon other processes see an invalidation: a part of the suite `coherence`. */
import { CoherenceCluster, type CoherenceWorker } from '../fixtures/coherence-cluster.js';
import type { Manner } from '../fixtures/coherence-process.js';
import type { BenchDatabase } from '../fixtures/database.js';
import { quantile, Series } from '../harness/statistics.js';
import type { Effort } from '../harness/suite.js';
import type { Table } from '../harness/table.js';

const MANNERS: readonly Manner[] = ['invalidateTags', 'Cache.transaction', '{ trx }'];

/** Processes that hold a copy, beside the one that invalidates. */
const OTHERS = { usual: [1, 4], whole: [1, 4, 16] } as const;

/** Invalidations of each manner in a round. */
const INVALIDATIONS = 8;

/** Rounds of the usual run; they give enough samples. */
const MOST_ROUNDS = 8;

export interface Seen {
  readonly others: number;
  readonly manner: Manner;
  /** Milliseconds, one for each invalidation and process. */
  readonly after: readonly number[];
  /** Milliseconds until the last of the processes had seen it, one for each invalidation. */
  readonly byAll: readonly number[];
}

export async function invalidationLatency(database: BenchDatabase, effort: Effort): Promise<readonly Seen[]> {
  // It grows: a process that only looks on takes its share of the cores as well. Few connections, or 17 processes ask for more than a server has.
  using cluster = new CoherenceCluster(database, { notify: 'deferred', poolSize: 2 });
  const rounds = effort.matrix === 'usual' ? Math.min(effort.rounds, MOST_ROUNDS) : effort.rounds;
  const seen: Seen[] = [];
  for (const others of OTHERS[effort.matrix]) {
    await cluster.grow(others + 1);
    seen.push(...(await seenBy(cluster.workers, rounds)));
  }
  return seen;
}

/** From the moment an invalidation had committed until each of the other processes no longer served its copy. */
async function seenBy(workers: readonly CoherenceWorker[], rounds: number): Promise<readonly Seen[]> {
  const others = workers.length - 1;
  const seen = MANNERS.map((manner) => ({ others, manner, after: [] as number[], byAll: [] as number[] }));
  for (let round = 0; round < rounds * INVALIDATIONS; round += 1) {
    for (const { manner, after, byAll } of seen) {
      const [first, ...rest] = turned(workers, round);
      if (first === undefined) continue;
      const key = `seen:${others}:${manner}:${round}`;
      await first.ask('put', { key, tag: key });
      await Promise.all(rest.map((other) => other.ask('hold', { key })));
      const watching = rest.map((other) => other.ask('watch', { key }));
      const committed = await first.ask('invalidate', { tag: key, manner });
      const times = (await Promise.all(watching)).map((at) => Math.max(0, at - committed));
      after.push(...times);
      byAll.push(Math.max(...times));
    }
  }
  return seen;
}

/** Another one first in each round. */
function turned<T>(all: readonly T[], round: number): readonly T[] {
  const first = round % all.length;
  return [...all.slice(first), ...all.slice(0, first)];
}

export function latencyTable(seen: readonly Seen[]): Table {
  return {
    title: 'An invalidation, until other processes see it',
    head: ['processes, manner', 'p50 ms', 'p99 ms', 'max ms', 'until all do, p50 ms', 'samples'],
    rows: seen.map(({ others, manner, after, byAll }) => {
      const times = [...[0.5, 0.99, 1].map((share) => quantile(after, share)), quantile(byAll, 0.5)];
      return [`${others}, ${manner}`, ...times.map((ms) => ms.toFixed(1)), String(after.length)];
    }),
  };
}

export function latencySeries(seen: readonly Seen[]): Readonly<Record<string, Series>> {
  const entries = seen.map(({ others, manner, after }) => [`seen by ${others} after ms, ${manner}`, new Series(after)]);
  return Object.fromEntries(entries) as Record<string, Series>;
}
