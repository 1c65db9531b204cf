/** A suite: a set of measurements that belong together, and the promises they keep or break. */
import type { Series } from './statistics.js';
import type { Table } from './table.js';

/** How thoroughly to measure. */
export interface Effort {
  /** Rounds that count. */
  readonly rounds: number;
  /** Milliseconds of one sample that is bounded by time. */
  readonly sampleMs: number;
  /** `usual`: what fits into ten minutes; `whole`: every cell there is (`--full`). */
  readonly matrix: 'usual' | 'whole';
  /** Whether other libraries are measured beside ours where a suite has both; they have to be installed first. */
  readonly rivals: 'included' | 'left out';
}

/** Something a suite must show; broken, the benchmark ends with exit code 1. */
export interface Promised {
  readonly promise: string;
  readonly seen: string;
  readonly verdict: 'kept' | 'broken';
}

export interface SuiteResult {
  readonly tables: readonly Table[];
  readonly promises: readonly Promised[];
  /** What goes into the results file: series under names. */
  readonly series: Readonly<Record<string, Series>>;
}

export interface Suite {
  readonly name: string;
  readonly title: string;
  run(effort: Effort): Promise<SuiteResult>;
}
