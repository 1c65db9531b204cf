/** Many calls against a model, on PostgreSQL. */
import fc from 'fast-check';
import { describe, it } from 'vitest';
import type { CacheInstance } from '../../src/engine/cache.js';
import { runAgainstModel, steps } from '../property/support/bulk-model.js';
import { useDatabase } from '../support/database.js';
import { MIGRATED, openCache } from './cache-fixture.js';

const database = useDatabase({ template: MIGRATED });
const numRuns = Math.ceil(Number(process.env['KEEPSAKE_PROPERTY_RUNS'] ?? 400) / 10);
const seed = Number(process.env['KEEPSAKE_PROPERTY_SEED'] ?? 20_261_127);
/** Room for slow machines. */
const timeout = 60_000 + 3_000 * numRuns;

describe('reads, writes, loads and invalidations of many keys do what a Map with tags does', () => {
  it.each([
    ['with a local tier', [{}]],
    ['with one that holds two of them', [{ local: { max: 2 } }]],
    ['without one', [{ local: false }]],
    ['in two processes that hear nothing of each other, by strong calls', [{ notify: 'off' }, { notify: 'off' }]],
  ] as const)(
    '%s',
    async (_title, options) => {
      const processes: CacheInstance[] = [];
      for (const one of options) processes.push((await openCache({ connection: database.url, ...one })).cache);
      const property = fc.asyncProperty(steps, async (given) => {
        await runAgainstModel(given, processes);
      });
      await fc.assert(property, { numRuns, seed, includeErrorInReport: true });
    },
    timeout,
  );
});
