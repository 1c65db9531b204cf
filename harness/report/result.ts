/** What a run found: the figures of one row of the table, and its violations. */
import type { Heard, Rule, Violation } from '../check/checker.js';
import type { Cluster } from '../cluster.js';
import type { Fault } from '../faults/fault.js';
import type { Histogram } from './histogram.js';

/** Milliseconds. */
export interface Percentiles {
  readonly samples: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export interface RunResult {
  readonly fault: string;
  readonly title: string;
  readonly seconds: number;
  readonly processes: number;
  readonly localLease: number;
  readonly reads: number;
  readonly writes: number;
  readonly rolledBack: number;
  /** Shares of all reads. */
  readonly hits: { readonly local: number; readonly shared: number };
  /** Reads whose loader failed and had nothing to fall back on: the fault's doing, or the harness's. */
  readonly failedLoads: number;
  readonly stale: number;
  readonly loadsPerKey: number;
  readonly latency: Percentiles;
  /** How long other processes still read what was invalidated. */
  readonly staleness: Readonly<Record<Heard, Percentiles>>;
  /** Times a process gave up its local copies because it may have missed something. */
  readonly gaps: number;
  /** Longest time an event loop stood still: how busy the machine was. */
  readonly stall: number;
  readonly judged: number;
  readonly violated: number;
  readonly rules: readonly (readonly [Rule, number])[];
  readonly violations: readonly Violation[];
}

export function summarise(fault: Fault, cluster: Cluster, seconds: number): RunResult {
  const { checker, setup } = cluster;
  const totals = cluster.totals();
  const share = (hits: number): number => (totals.reads === 0 ? 0 : hits / totals.reads);
  return {
    fault: fault.name,
    title: fault.title,
    seconds,
    processes: setup.processes,
    localLease: setup.localLease,
    reads: totals.reads,
    writes: totals.writes,
    rolledBack: totals.rolledBack,
    hits: { local: share(totals.localHits), shared: share(totals.sharedHits) },
    failedLoads: totals.failedLoads,
    stale: totals.stale,
    loadsPerKey: totals.loads / setup.keys,
    latency: percentiles(totals.latency),
    staleness: {
      notified: percentiles(checker.staleness.notified),
      'by heartbeat': percentiles(checker.staleness['by heartbeat']),
    },
    gaps: totals.gaps,
    stall: totals.stall,
    judged: checker.judged,
    violated: checker.violated,
    rules: [...checker.counts],
    violations: checker.violations,
  };
}

function percentiles(histogram: Histogram): Percentiles {
  const { total, max } = histogram;
  return { samples: total, p50: histogram.quantile(0.5), p99: histogram.quantile(0.99), max };
}
