/** Coherence over real processes: how soon others see an invalidation, one load in a cluster, what tags, notifying and the stream cost. */
import { CoherenceCluster, type CoherenceWorker } from '../fixtures/coherence-cluster.js';
import { openDatabase } from '../fixtures/database.js';
import { Series } from '../harness/statistics.js';
import type { Effort, Promised, Suite, SuiteResult } from '../harness/suite.js';
import { type Table, withSpread } from '../harness/table.js';
import { invalidationLatency, latencySeries, latencyTable } from './invalidation-latency.js';
import { notifyCost, notifyPromises, notifySeries, notifyTables, PROCESSES } from './notify-cost.js';
import { tagCost, tagPromises, tagSeries, tagTable } from './tag-cost.js';

const CALLERS = 20;
const LOADER_MS = 200;

export const coherence: Suite = {
  name: 'coherence',
  title: 'several processes',
  async run(effort: Effort): Promise<SuiteResult> {
    await using database = await openDatabase();
    const seen = await invalidationLatency(database, effort);
    const tags = await tagCost(database, effort);
    using off = new CoherenceCluster(database, { notify: 'off', poolSize: 4 });
    using deferred = new CoherenceCluster(database, { notify: 'deferred', poolSize: 4 });
    using transactional = new CoherenceCluster(database, { notify: 'transactional', poolSize: 4 });
    for (const cluster of [off, deferred, transactional]) await cluster.grow(PROCESSES);
    const stampedes = await stampedesOf(deferred.workers, effort.rounds);
    const notify = await notifyCost(database, { off, deferred, transactional }, effort);
    return {
      tables: [latencyTable(seen), stampedeTable(stampedes), tagTable(tags), ...notifyTables(notify)],
      promises: [stampedePromise(stampedes), ...tagPromises(tags), ...notifyPromises(notify)],
      series: {
        'stampede, slowest caller ms': stampedes.slowest,
        ...latencySeries(seen),
        ...tagSeries(tags),
        ...notifySeries(notify),
      },
    };
  },
};

interface Stampedes {
  /** The most that any key was loaded. */
  readonly loads: number;
  readonly slowest: Series;
}

async function stampedesOf(workers: readonly CoherenceWorker[], rounds: number): Promise<Stampedes> {
  const loads: number[] = [];
  const slowest: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const asked = { key: `stampede:${round}`, callers: CALLERS, ms: LOADER_MS };
    const ended = await Promise.all(workers.map((worker) => worker.ask('stampede', asked)));
    loads.push(ended.reduce((sum, one) => sum + one.loads, 0));
    slowest.push(Math.max(...ended.map((one) => one.slowest)));
  }
  return { loads: Math.max(...loads), slowest: new Series(slowest) };
}

function stampedeTable({ loads, slowest }: Stampedes): Table {
  return {
    title: `${CALLERS} callers x ${PROCESSES} processes, one missing key, a loader of ${LOADER_MS} ms`,
    head: ['loads', 'slowest caller ms'],
    rows: [[String(loads), withSpread(slowest)]],
  };
}

function stampedePromise({ loads }: Stampedes): Promised {
  return {
    promise: 'one load for all callers of all processes',
    seen: `${loads} at most`,
    verdict: loads === 1 ? 'kept' : 'broken',
  };
}
