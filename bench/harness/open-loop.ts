/**
 * Open loop: calls arrive when they arrive, however many are still under way. A closed loop (load.ts) asks less the slower it is answered, and
 * so does not see what users see (G. Tene calls it coordinated omission). Latency counts from the moment a call should have come.
 */
import { quantile } from './statistics.js';

export interface OpenLoopOptions {
  /** Arrivals a second, at random moments (a Poisson process). */
  readonly rate: number;
  readonly ms: number;
  /** One call. Throws for a wrong answer, which ends the run. */
  readonly call: () => Promise<void>;
  /** Numbers from 0 to 1, the same in every run. */
  readonly random: () => number;
}

export type OpenLoopMetric = 'p50' | 'p95' | 'p99' | 'cpu' | 'late';

/** Calls that may wait; a contender that has fallen so far behind does not keep up, and its figures are those of the queue. */
const MOST_WAITING = 20_000;

/**
 * Milliseconds from the intended arrival to the answer; `cpu`: microseconds of this process's processor time for each call; `late`: the share of arrivals
 * that had no answer when the time was over, or were not even made because too many waited.
 */
export async function driveOpenly({
  rate,
  ms,
  call,
  random,
}: OpenLoopOptions): Promise<Record<OpenLoopMetric, number>> {
  const latencies: number[] = [];
  const failures: unknown[] = [];
  const cpu = process.cpuUsage();
  const began = performance.now();
  let waiting = 0;
  let arrived = 0;
  let inTime = 0;
  const gap = (): number => (-Math.log(1 - random()) * 1000) / rate;
  const arrive = (intended: number): void => {
    arrived += 1;
    if (waiting >= MOST_WAITING) return;
    waiting += 1;
    call()
      .then(() => {
        const now = performance.now();
        latencies.push(now - intended);
        if (now <= began + ms) inTime += 1;
      })
      .catch((error: unknown) => failures.push(error))
      .finally(() => {
        waiting -= 1;
      });
  };
  for (let next = began + gap(); next < began + ms && failures.length === 0; ) {
    // All that are due by now: a timer comes late, and the arrivals it missed are counted from when they should have been.
    for (const now = performance.now(); next <= now && next < began + ms; next += gap()) arrive(next);
    // A loop that never slept would take the core that the server needs.
    const isFar = next - performance.now() > 1.5;
    await new Promise((resolve) => (isFar ? setTimeout(resolve, 1) : setImmediate(resolve)));
  }
  while (waiting > 0) await new Promise((resolve) => setTimeout(resolve, 1));
  if (failures.length > 0) throw failures[0];
  const { user, system } = process.cpuUsage(cpu);
  return {
    p50: quantile(latencies, 0.5),
    p95: quantile(latencies, 0.95),
    p99: quantile(latencies, 0.99),
    cpu: (user + system) / arrived,
    late: (arrived - inTime) / arrived,
  };
}
