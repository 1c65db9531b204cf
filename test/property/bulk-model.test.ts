/** Many calls against a model, on the memory store. */
import fc from 'fast-check';
import { describe, it } from 'vitest';
import type { CacheInstance } from '../../src/engine/cache.js';
import { TestCluster } from '../support/test-cache.js';
import { runAgainstModel, steps } from './support/bulk-model.js';

const numRuns = Number(process.env['KEEPSAKE_PROPERTY_RUNS'] ?? 600);
const seed = Number(process.env['KEEPSAKE_PROPERTY_SEED'] ?? 20_261_127);
/** Room for slow machines. */
const timeout = 20_000 + 60 * numRuns;

describe('reads, writes, loads and invalidations of many keys do what a Map with tags does', () => {
  it.each([
    ['with a local tier', [{}]],
    ['with one that holds two of them', [{ local: { max: 2 } }]],
    ['without one', [{ local: false }]],
    ['in two processes that hear nothing of each other, by strong calls', [{}, {}]],
  ] as const)(
    '%s',
    async (_title, options) => {
      const cluster = new TestCluster();
      const processes: CacheInstance[] = [];
      for (const one of options) processes.push((await cluster.process(one)).cache);
      const property = fc.asyncProperty(steps, async (given) => {
        await runAgainstModel(given, processes);
      });
      await fc.assert(property, { numRuns, seed, includeErrorInReport: true });
    },
    timeout,
  );
});
