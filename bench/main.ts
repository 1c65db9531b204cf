/** The benchmarks: `npm run bench`. docs/performance.md says how to read the figures; `npm run bench -- --help` names the options. */
import { parseArgs } from 'node:util';
import { describeMachine } from './harness/machine.js';
import { saveRun } from './harness/results.js';
import type { Effort, Suite, SuiteResult } from './harness/suite.js';
import { renderTable } from './harness/table.js';
import { coherence } from './suites/coherence.js';
import { footprint } from './suites/footprint.js';
import { garbage } from './suites/garbage.js';
import { growth } from './suites/growth.js';
import { localHit } from './suites/local-hit.js';
import { openLoop } from './suites/open-loop.js';
import { outage } from './suites/outage.js';
import { overhead } from './suites/overhead.js';
import { sharedRivals } from './suites/shared-rivals.js';
import { sharedTier } from './suites/shared-tier.js';
import { tables } from './suites/tables.js';
import { validityProbe } from './suites/validity-probe.js';
import { watched } from './suites/watched.js';
import { workloads } from './suites/workloads.js';

const SUITES: readonly Suite[] = [
  localHit,
  overhead,
  sharedTier,
  sharedRivals,
  workloads,
  tables,
  watched,
  openLoop,
  validityProbe,
  coherence,
  growth,
  footprint,
  garbage,
  outage,
];

const HELP = `npm run bench -- [options]

  --only    suites, separated by commas; default: all
  --full    the whole matrix: more values, callers, pools, processes and entries; takes more than an hour
  --rounds  rounds that count; default 15
  --ms      milliseconds of a sample that is bounded by time; default 400
  --save    name of the results file in bench/results; default: latest
  --help    this

Suites:
${SUITES.map(({ name, title }) => `  ${name.padEnd(10)}  ${title}`).join('\n')}

Ends with exit code 1 when a promise is broken. TEST_DATABASE_URL: measure on that server instead of the embedded one.`;

const { values: asked } = parseArgs({
  options: {
    only: { type: 'string' },
    rounds: { type: 'string', default: '15' },
    ms: { type: 'string', default: '400' },
    save: { type: 'string', default: 'latest' },
    full: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (asked.help) {
  console.log(HELP);
  process.exit(0);
}

const effort: Effort = {
  rounds: count('rounds', asked.rounds),
  sampleMs: count('ms', asked.ms),
  rivals: 'included',
  matrix: asked.full ? 'whole' : 'usual',
};
const machine = describeMachine();
console.log(`${machine.processor}, ${machine.cores} cores, ${machine.system}, load ${machine.load}`);
console.log(`${Object.entries(machine.versions).flat().join(' ')}; ${effort.rounds} rounds`);

const results: Record<string, SuiteResult> = {};
for (const suite of chosen(asked.only)) {
  const began = performance.now();
  const result = await suite.run(effort);
  results[suite.name] = result;
  for (const table of result.tables) console.log(`\n${renderTable(table)}`);
  for (const { promise, seen, verdict } of result.promises) {
    console.log(`\n${verdict === 'kept' ? 'kept' : 'BROKEN'}: ${promise} (${seen})`);
  }
  console.log(`\n[${suite.name}: ${suite.title}, ${Math.round((performance.now() - began) / 1000)} s]`);
}

const suites = Object.entries(results);
const date = new Date().toISOString().slice(0, 10);
const file = await saveRun(asked.save, { date, machine, suites: Object.fromEntries(suites) });
const promises = Object.values(results).flatMap((result) => result.promises);
const broken = promises.filter(({ verdict }) => verdict === 'broken').length;
console.log(`\n${promises.length - broken} of ${promises.length} promises kept; ${file}`);
if (broken > 0) process.exitCode = 1;

function chosen(names: string | undefined): readonly Suite[] {
  if (names === undefined) return SUITES;
  return names.split(',').map((name) => {
    const suite = SUITES.find((one) => one.name === name);
    if (suite !== undefined) return suite;
    throw new Error(`Expected --only to name suites of ${SUITES.map((one) => one.name).join(', ')}, got \`${name}\``);
  });
}

function count(option: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new Error(`Expected --${option} to be a positive integer, got \`${text}\``);
}
