import { expect, it } from 'vitest';
import type { Left } from '../support/memory-worker.js';
import { WorkerProcess } from '../support/processes.js';

/** `KEEPSAKE_MEMORY_KEYS=1000000` sends a million. */
const keys = Number(process.env['KEEPSAKE_MEMORY_KEYS'] ?? 100_000);
/** Room for slow machines: a key takes about 100 microseconds. */
const timeout = 60_000 + keys / 2;
/** Keys before the first measurement: until code is compiled and every pool and cache has its size. */
const WARM_UP = 20_000;
/** What the heap may grow by: noise is below half a MiB, and 20 bytes kept for each of 100 000 keys would be two. */
const NOISE = 1.5 * 1024 * 1024;

it(
  `INVARIANT 29: ${keys} distinct keys leave no bookkeeping behind; what keeps 40 000 of them is seen`,
  async () => {
    const worker = await WorkerProcess.spawn(new URL('../support/memory-worker.ts', import.meta.url));
    const round = async (from: number, count: number, leak = false): Promise<Left> =>
      (await worker.send('round', { from, count, leak })) as Left;
    const before = await round(0, WARM_UP);
    const after = await round(WARM_UP, keys);
    expect(after.underWay).toMatchObject({ keys: 0, background: 0 });
    expect(after.localEntries).toBeLessThanOrEqual(100);
    // Two names that hide everything, and for each copy its key and its tag.
    expect(after.underWay.names).toBeLessThanOrEqual(2 + 2 * after.localEntries);
    expect(after.heap - before.heap).toBeLessThan(NOISE);
    const leaky = await round(WARM_UP + keys, 40_000, true);
    expect(leaky.heap - after.heap).toBeGreaterThan(NOISE);
  },
  timeout,
);
