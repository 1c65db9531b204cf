/** Load: a number of callers, each of which makes its next call when the last one has been answered. */
import { quantile } from './statistics.js';

export interface LoadOptions {
  readonly callers: number;
  readonly ms: number;
  /** One call. Throws for a wrong answer, which ends the run. */
  readonly call: () => Promise<void>;
  /** Statements sent so far. */
  readonly statements: () => number;
}

export type LoadMetric = 'perSecond' | 'p50' | 'p95' | 'cpu' | 'statements';

/**
 * Drives a load for a while. `p50` and `p95` in milliseconds; `cpu`: microseconds of this process's processor time for each call, all
 * its threads together; `statements` for each 1000 calls.
 */
export async function drive({ callers, ms, call, statements }: LoadOptions): Promise<Record<LoadMetric, number>> {
  const latencies: number[] = [];
  const sent = statements();
  const cpu = process.cpuUsage();
  const began = performance.now();
  const until = began + ms;
  const caller = async (): Promise<void> => {
    for (let last = performance.now(); last < until; ) {
      await call();
      const now = performance.now();
      latencies.push(now - last);
      last = now;
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  const took = performance.now() - began;
  const { user, system } = process.cpuUsage(cpu);
  return {
    perSecond: (latencies.length / took) * 1000,
    p50: quantile(latencies, 0.5),
    p95: quantile(latencies, 0.95),
    cpu: (user + system) / latencies.length,
    statements: ((statements() - sent) / latencies.length) * 1000,
  };
}
