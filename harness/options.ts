/** The harness's command line. */
import { parseArgs } from 'node:util';
import { flood, longTransaction, postgresKilled } from './faults/database.js';
import type { Fault } from './faults/fault.js';
import { growth } from './faults/growth.js';
import { cut, halfOpen, latency, listenKilled, partitioned } from './faults/network.js';
import { clockShifted, holderKilled, none, stopped } from './faults/processes.js';
import { diskFull, outOfConnections, readOnly } from './faults/resources.js';
import { CONTROLS, type Control } from './worker/protocol.js';

/** All faults, in the order in which they are run; `growth` only when it is asked for, since it takes minutes. */
const FAULTS: readonly Fault[] = [
  none,
  listenKilled,
  halfOpen,
  partitioned,
  latency,
  cut,
  postgresKilled,
  outOfConnections,
  readOnly,
  diskFull,
  holderKilled,
  stopped,
  longTransaction,
  clockShifted,
  flood,
  growth,
];

export interface Options {
  readonly processes: number;
  readonly readers: number;
  readonly writers: number;
  readonly keys: number;
  readonly seconds: number;
  readonly seed: number;
  readonly localLease: number;
  /** From sweep to sweep, if that was asked for. */
  readonly sweepEvery: number | undefined;
  readonly faults: readonly Fault[];
  readonly controls: readonly Control[];
  readonly form: 'full' | 'short';
  readonly report: 'write' | 'leave';
}

const USAGE = `npm run harness -- [options]

  --processes <n>    worker processes, 2 or more (4)
  --readers <n>      readers in each (6)
  --writers <n>      writers in each (2)
  --keys <n>         keys, each behind three methods (48)
  --seconds <n>      of load under each fault (60)
  --lease <ms>       localLease (5000)
  --sweep <ms>       from sweep to sweep (10000; growth: 2000). As long as the run: nothing is swept, and growth must say so
  --seed <n>         of what is random in readers, writers and faults (1)
  --fault <names>    ${FAULTS.map(({ name }) => name).join(', ')};
                     several separated by commas, or all (default: all but growth)
  --control <names>  ${CONTROLS.join(', ')} or all: a protocol that is broken on purpose, which must be reported
  --short            every fault and every control for a few seconds
  --report           writes the table and the chart of docs/coherence.md

TEST_DATABASE_URL or DATABASE_URL: a server of yours (schema keepsake_harness) instead of the embedded one.`;

export function parseOptions(args: readonly string[]): Options | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      processes: { type: 'string' },
      readers: { type: 'string' },
      writers: { type: 'string' },
      keys: { type: 'string' },
      seconds: { type: 'string' },
      lease: { type: 'string' },
      sweep: { type: 'string' },
      seed: { type: 'string' },
      fault: { type: 'string' },
      control: { type: 'string' },
      short: { type: 'boolean', default: false },
      report: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return 'help';
  }
  const short = values.short;
  const all = FAULTS.filter((fault) => fault !== growth);
  const controls = named('control', values.control, CONTROLS, (control) => control);
  return {
    processes: count('processes', values.processes, 2) ?? (short ? 3 : 4),
    readers: count('readers', values.readers) ?? (short ? 3 : 6),
    writers: count('writers', values.writers) ?? 2,
    keys: count('keys', values.keys) ?? (short ? 24 : 48),
    seconds: count('seconds', values.seconds) ?? (short ? 2 : 60),
    localLease: count('lease', values.lease) ?? (short ? 1_000 : 5_000),
    seed: count('seed', values.seed) ?? 1,
    sweepEvery: count('sweep', values.sweep),
    faults: named('fault', values.fault, FAULTS, ({ name }) => name, all) ?? (values.control === undefined ? all : []),
    controls: controls ?? (short && values.fault === undefined ? CONTROLS : []),
    form: short ? 'short' : 'full',
    report: values.report ? 'write' : 'leave',
  };
}

function count(option: string, text: string | undefined, least = 1): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new Error(`Expected --${option} to be a whole number from ${least}, got \`${text}\``);
}

function named<Choice>(
  option: string,
  text: string | undefined,
  choices: readonly Choice[],
  nameOf: (choice: Choice) => string,
  all = choices,
): readonly Choice[] | undefined {
  if (text === undefined) return undefined;
  if (text === 'all') return all;
  return text.split(',').map((name) => {
    const choice = choices.find((one) => nameOf(one) === name);
    if (choice !== undefined) return choice;
    throw new Error(`Expected --${option} to name some of ${choices.map(nameOf).join(', ')}, got \`${name}\``);
  });
}
