import fc from 'fast-check';
import { describe, it } from 'vitest';
import { runScenario } from './support/engine-run.js';
import { type Scenario, scenario, slowLoads } from './support/engine-steps.js';

const numRuns = Number(process.env['KEEPSAKE_PROPERTY_RUNS'] ?? 1_500);
/** The same scenarios in every run, so that a failure is news about a change; another seed, or more runs, look further. */
const seed = Number(process.env['KEEPSAKE_PROPERTY_SEED'] ?? 20_261_120);
/** Room for slow machines: a run takes about 4 ms. */
const timeout = 20_000 + 40 * numRuns;

async function holdsFor(scenarios: fc.Arbitrary<Scenario>, runs: number): Promise<void> {
  const property = fc.asyncProperty(scenarios, async (given) => {
    const { violations, trace } = await runScenario(given);
    if (violations.length === 0) return;
    const said = violations.map(({ rule, what }) => `INVARIANT ${rule}: ${what}`);
    throw new Error([...said, '', ...trace].join('\n'));
  });
  await fc.assert(property, { numRuns: runs, seed, includeErrorInReport: true });
}

describe('the engine keeps INVARIANTS 1, 3, 5, 7, 8, 12, 15, 16, 17, 18, 24, 26, 27, 28, 29 and 32', () => {
  it('whatever happens, in whatever order', () => holdsFor(scenario, numRuns), timeout);

  it(
    'while one entry is loaded slowly and deleted again and again',
    () => holdsFor(slowLoads, Math.ceil(numRuns / 3)),
    timeout,
  );
});
