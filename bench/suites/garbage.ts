/**
 * Garbage: what a call of the shared tier allocates, and how much of it outlives a quick collection ("scavenge"), read from V8's own trace. Nothing of a call
 * should: what does is copied twice and waits for a full collection, which costs more than making it.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { openDatabase } from '../fixtures/database.js';
import { Series } from '../harness/statistics.js';
import type { Effort, Suite, SuiteResult } from '../harness/suite.js';
import { median } from '../harness/table.js';

const KINDS = ['get', 'set', 'getMany'] as const;
const PROGRAM = fileURLToPath(new URL('../fixtures/garbage-process.ts', import.meta.url));

/** A run's process lives for some seconds; more of them say nothing new. */
const MOST_RUNS = 3;

/**
 * Bytes of a call that may outlive a quick collection: some calls are under way in each. A set makes more garbage than a get and lasts longer, so that of a thousand between two collections a
 * hundred are, with their values.
 */
const MAY_OUTLIVE = { get: 500, set: 1_500, getMany: 500 } as const;

export const garbage: Suite = {
  name: 'garbage',
  title: 'what calls of the shared tier allocate, and what of it outlives a quick collection',
  async run(effort: Effort): Promise<SuiteResult> {
    await using database = await openDatabase();
    const ms = Math.max(1_500, effort.sampleMs * 5);
    const measured = KINDS.map((kind) => {
      const runs = Array.from({ length: Math.min(MOST_RUNS, effort.rounds) }, () =>
        tally(run(kind, ms, database.connectionString)),
      );
      return {
        kind,
        allocated: new Series(runs.map((one) => one.allocated)),
        outlived: new Series(runs.map((one) => one.outlived)),
      };
    });
    return {
      tables: [
        {
          title: 'Garbage of a call of the shared tier, bytes for each key of 1 KB',
          head: ['', 'allocated', 'outlived a quick collection'],
          rows: measured.map(({ kind, allocated, outlived }) => [kind, median(allocated), median(outlived)]),
        },
      ],
      promises: measured.map(({ kind, outlived }) => ({
        promise: `${kind}: at most ${MAY_OUTLIVE[kind]} bytes of a call outlive a quick collection`,
        seen: `${Math.round(outlived.median)} bytes`,
        verdict: outlived.median <= MAY_OUTLIVE[kind] ? 'kept' : 'broken',
      })),
      series: Object.fromEntries(
        measured.flatMap(({ kind, allocated, outlived }) => [
          [`${kind}: bytes allocated`, allocated],
          [`${kind}: bytes that outlive a quick collection`, outlived],
        ]),
      ),
    };
  },
};

function run(kind: string, ms: number, connectionString: string): string {
  const options = ['--trace-gc', '--import', 'tsx', PROGRAM, kind, String(ms), connectionString];
  return execFileSync(process.execPath, options, { encoding: 'utf8', maxBuffer: 64 * 1024 ** 2 });
}

/** Bytes for each key handled: by how much the heap had grown before each collection, and by how much it still had after a quick one. */
function tally(trace: string): { readonly allocated: number; readonly outlived: number } {
  const [, measured = ''] = trace.split('\nbegin\n');
  const handled = Number(/^handled (\d+)$/m.exec(measured)?.[1]);
  let allocated = 0;
  let outlived = 0;
  let last: number | undefined;
  for (const [, how, before, after] of measured.matchAll(
    /: (Scavenge|Mark-Compact).*? ([\d.]+) \([\d.]+\) -> ([\d.]+) /g,
  )) {
    if (last !== undefined) {
      allocated += Math.max(0, Number(before) - last);
      if (how === 'Scavenge') outlived += Math.max(0, Number(after) - last);
    }
    last = Number(after);
  }
  if (!(handled > 0) || allocated === 0) throw new Error('The trace says nothing of collections');
  const each = 1024 ** 2 / handled;
  return { allocated: allocated * each, outlived: outlived * each };
}
