/**
 * The guard: `npm run bench:guard` measures what does not depend on the machine (ratios within one run, statements, bytes) and compares it
 * with the bounds in bench/guard.json. It keeps what was reached from getting lost unnoticed; how good things are is for the benchmarks to
 * say. So the bounds are well away from what an idle machine shows: 2 busy cores must pass, a regression to twice the cost must not.
 */
import { readFileSync } from 'node:fs';
import type { Effort, Suite } from './harness/suite.js';
import { renderTable } from './harness/table.js';
import { footprint } from './suites/footprint.js';
import { garbage } from './suites/garbage.js';
import { localHit } from './suites/local-hit.js';
import { sharedTier } from './suites/shared-tier.js';

const SUITES: readonly Suite[] = [footprint, garbage, localHit, sharedTier];
const EFFORT: Effort = { rounds: 3, sampleMs: 150, rivals: 'left out', matrix: 'usual' };

/** A bound of the median of a series: exactly one of the two. */
interface Bound {
  readonly suite: string;
  readonly series: string;
  readonly atMost?: number;
  readonly atLeast?: number;
}

const bounds = JSON.parse(readFileSync(new URL('guard.json', import.meta.url), 'utf8')) as readonly Bound[];
const medians = new Map<string, number>();
for (const suite of SUITES) {
  const { series } = await suite.run(EFFORT);
  for (const [name, one] of Object.entries(series)) medians.set(`${suite.name}: ${name}`, one.median);
}

let failed = 0;
const rows = bounds.map(({ suite, series, atMost = Infinity, atLeast = -Infinity }) => {
  const seen = medians.get(`${suite}: ${series}`);
  if (seen === undefined) throw new Error(`The suite ${suite} has no series \`${series}\``);
  const isWithin = seen <= atMost && seen >= atLeast;
  if (!isWithin) failed += 1;
  const bound = atMost === Infinity ? `at least ${atLeast}` : `at most ${atMost}`;
  return [`${suite}: ${series}`, seen.toFixed(2), bound, isWithin ? 'ok' : 'FAILED'];
});
console.log(renderTable({ title: 'Guard', head: ['', 'seen', 'bound', ''], rows }));
console.log(`\n${rows.length - failed} passed, ${failed} failed`);
if (failed > 0) process.exitCode = 1;
