/**
 * The load harness: `npm run harness`, `npm run harness -- --help`.
 *
 * Real processes over a real PostgreSQL read through decorated methods, change rows and invalidate, under one fault after the other. What they
 * read is checked against what was invalidated when. The last line is `N passed, N failed`: a fault passes without any violation, a control (a
 * protocol that is broken on purpose) with some. docs/coherence.md says what is checked.
 */
import { loadavg } from 'node:os';
import { canMount } from '../test/support/small-disk.js';
import { CONTROL_FAULTS } from './controls/control-faults.js';
import type { Fault } from './faults/fault.js';
import { type Options, parseOptions } from './options.js';
import { LEGEND, tableOf } from './report/print.js';
import { saveResults } from './report/results-file.js';
import { Tally } from './report/tally.js';
import { writeReport } from './report/write-report.js';
import { type RunOptions, run } from './run.js';
import { HarnessServer } from './server.js';
import { CONTROLS, type Control } from './worker/protocol.js';

const options = chosen();
if (options !== 'help') process.exitCode = await main(options);

/** What was asked for; a mistake ends the program with what is wrong and no stack. */
function chosen(): Options | 'help' {
  try {
    return parseOptions(process.argv.slice(2));
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\nnpm run harness -- --help`);
    return process.exit(2);
  }
}

async function main(options: Options): Promise<number> {
  const faults = new Tally('no violations');
  const controls = new Tally('violations');
  const server = await HarnessServer.start();
  try {
    await introduce(server, options);
    const possible = options.faults.filter(({ name, needs }) => {
      const missing = missingFor(needs, server);
      if (missing !== undefined) console.log(`\n${name}: left out, needs ${missing}`);
      return missing === undefined;
    });
    // Starting processes takes longer than a short fault: all of them meet the same ones.
    const groups = options.form === 'short' ? [possible] : possible.map((fault) => [fault]);
    for (const group of groups) {
      if (group.length > 0) await run(server, group, runOptions(options), faults);
      await saveResults(faults.results, options);
    }
    await Promise.all(options.controls.map((control) => runControl(server, control, options, controls)));
  } finally {
    await server.stop();
  }
  const { results } = faults;
  if (results.length > 0) console.log(`\n${tableOf(results)}\n\n${LEGEND}`);
  if (options.report === 'write') await writeReport();
  const failed = faults.failed + controls.failed;
  const passed = faults.passed + controls.passed;
  console.log(`\n${passed} passed, ${failed} failed`);
  return failed === 0 && passed > 0 ? 0 : 1;
}

/** What a fault needs and is not here. */
function missingFor(needs: Fault['needs'], server: HarnessServer): string | undefined {
  if (needs === 'any server') return undefined;
  if (server.owner !== 'harness') return 'the embedded server';
  return needs === 'small disk' && !canMount() ? 'a small disk (tmpfs), which takes root who may mount' : undefined;
}

async function introduce(server: HarnessServer, options: Options): Promise<void> {
  const [{ version } = { version: '' }] = await server.ask<{ version: string }>('select version()');
  const { processes, readers, writers, keys, seconds, seed, localLease } = options;
  console.log(`${version.split(' on ')[0]}, load of the machine ${loadavg()[0]?.toFixed(1)}`);
  console.log(`${processes} processes, ${readers} readers and ${writers} writers in each, ${keys} keys`);
  console.log(`${seconds} s of load under each fault, localLease ${localLease} ms, seed ${seed}`);
}

async function runControl(server: HarnessServer, control: Control, options: Options, tally: Tally): Promise<void> {
  const { fault, setup } = CONTROL_FAULTS[control];
  const named = { ...fault, name: `control: ${control}`, title: 'a broken protocol, which must be reported' };
  // Controls run side by side, and print what they have to say in one go.
  const schema = `keepsake_harness_${CONTROLS.indexOf(control)}`;
  const own = new Tally('violations');
  // Longer than faults: what is broken must show every time, also where the machine lets little happen.
  const broken = runOptions(options, { ...setup, schema });
  await run(server, [named], { ...broken, seconds: broken.seconds * 2 }, own);
  tally.passed += own.passed;
  tally.failed += own.failed;
}

function runOptions(options: Options, setup: Partial<RunOptions['setup']> = {}): RunOptions {
  const { processes, readers, writers, keys, seed, localLease, sweepEvery, seconds, form } = options;
  const load = { processes, readers, writers, keys, seed, localLease, writePause: form === 'short' ? 60 : 400 };
  const upkeep = { schema: 'keepsake_harness', loadDeadline: 600_000, sweepEvery: 10_000 };
  const asked = sweepEvery === undefined ? undefined : { sweepEvery };
  return { setup: { ...load, ...upkeep, ...setup }, asked, seconds, form };
}
