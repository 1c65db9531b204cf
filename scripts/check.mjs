/**
 * `npm run check`: every check that needs no database. One line a check: its name, how many things it checked, its verdict and its
 * seconds; below them what the failed ones said. A check that looked at nothing has failed.
 */
import { performance } from 'node:perf_hooks';
import * as house from './checks/house-rules.mjs';
import * as tools from './checks/tools.mjs';

/** @typedef {{ checked: number, unit: string, problems: string[] }} Finding */

/** @type {[name: string, run: () => Finding | Promise<Finding>][]} */
const checks = [
  ['types (tsc)', tools.types],
  ['format and lint (biome)', tools.biome],
  ['typed lint (eslint)', tools.eslint],
  ['imports (dependency-cruiser)', tools.imports],
  ['unused (knip)', tools.unused],
  ['file length', house.fileLength],
  ['function length', house.functionLength],
  ['holes in types', house.typeHoles],
  ['names', house.names],
  ['leftovers', house.leftovers],
  ['skipped tests', house.skippedTests],
  ['sleeps in unit tests', house.sleeps],
];

/** @param {() => Finding | Promise<Finding>} run */
async function timed(run) {
  const start = performance.now();
  /** @type {Finding} */
  let finding;
  try {
    finding = await run();
  } catch (error) {
    finding = { checked: 0, unit: '', problems: [error instanceof Error ? String(error.stack) : String(error)] };
  }
  if (finding.checked === 0) finding.problems.unshift('Checked nothing.');
  return { ...finding, seconds: (performance.now() - start) / 1000 };
}

/** @type {string[]} */
const failed = [];
let details = '';
for (const [name, run] of checks) {
  const { checked, unit, problems, seconds } = await timed(run);
  const verdict = problems.length === 0 ? 'ok' : 'FAILED';
  console.log(
    `${name.padEnd(30)}${String(checked).padStart(6)} ${unit.padEnd(10)}${verdict.padEnd(8)}${seconds.toFixed(1).padStart(5)} s`,
  );
  if (problems.length > 0) {
    failed.push(name);
    details += `\n--- ${name} ---\n${problems.join('\n')}\n`;
  }
}
if (failed.length > 0) {
  console.log(`${details}\n${failed.length} of ${checks.length} checks failed: ${failed.join(', ')}`);
  process.exitCode = 1;
}
