/** What Keepsake takes before it does anything, and for each entry it holds: packages, time to import, heap. */
import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { heapOfEntry, inProcess } from '../fixtures/local-heap.js';
import { Series } from '../harness/statistics.js';
import type { Effort, Promised, Suite, SuiteResult } from '../harness/suite.js';
import { type Table, withSpread } from '../harness/table.js';

/** Bytes of heap a local entry may take above its value. */
const ALLOWED_BYTES = 250;

/** Packages the core may install beside its peers. */
const ALLOWED_PACKAGES = 5;

const ENTRIES = 10_000;

const require = createRequire(import.meta.url);

export const footprint: Suite = {
  name: 'footprint',
  title: 'packages, start-up, heap of local entries',
  async run(effort: Effort): Promise<SuiteResult> {
    const runs = Math.min(effort.rounds, 9);
    const packages = installed();
    const imports = seriesOf(runs, () => Number(inProcess(IMPORT)));
    const heap = seriesOf(Math.min(runs, 5), () => heapOfEntry(ENTRIES));
    const kib = packages.reduce((sum, one) => sum + one.kib, 0);
    const table: Table = {
      title: 'Footprint',
      head: ['', 'measured'],
      rows: [
        ['packages installed beside the peers', packages.map(({ name }) => name).join(', ')],
        ['their size, KiB', String(Math.round(kib))],
        ['import of keepsake and its peers, ms', withSpread(imports)],
        ['heap of a local entry above its value and key, bytes', withSpread(heap)],
      ],
    };
    const promises: Promised[] = [
      {
        promise: `the core installs at most ${ALLOWED_PACKAGES} packages beside the peers`,
        seen: String(packages.length),
        verdict: packages.length <= ALLOWED_PACKAGES ? 'kept' : 'broken',
      },
      {
        promise: `a local entry takes at most ${ALLOWED_BYTES} bytes of heap above its value`,
        seen: `${withSpread(heap)} bytes`,
        verdict: heap.median <= ALLOWED_BYTES ? 'kept' : 'broken',
      },
    ];
    return {
      tables: [table],
      promises,
      series: {
        packages: new Series([packages.length]),
        'import: ms': imports,
        'local entry: bytes above its value': heap,
      },
    };
  },
};

const IMPORT = `const began = performance.now(); await import('keepsake'); console.log(performance.now() - began);`;

function seriesOf(runs: number, measure: () => number): Series {
  return new Series(Array.from({ length: runs }, measure));
}

/** What `npm install keepsake` brings along beside the peers: its dependencies and theirs. */
function installed(): readonly { readonly name: string; readonly kib: number }[] {
  const found = new Map<string, number>();
  const visit = (names: readonly string[], from: string): void => {
    for (const name of names) {
      const file = manifestOf(name, from);
      if (found.has(name)) continue;
      const manifest = JSON.parse(readFileSync(file, 'utf8')) as { readonly dependencies?: Record<string, string> };
      const kib = Number(execFileSync('du', ['-sk', dirname(file)], { encoding: 'utf8' }).split('\t')[0]);
      found.set(name, kib);
      visit(Object.keys(manifest.dependencies ?? {}), dirname(file));
    }
  };
  const root = new URL('../../', import.meta.url).pathname;
  const own = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  visit(Object.keys(own.dependencies), root);
  return [...found].map(([name, kib]) => ({ name, kib }));
}

/** Not every package exports its package.json, so it is looked for where Node would. */
function manifestOf(name: string, from: string): string {
  for (const folder of require.resolve.paths(name) ?? []) {
    for (const place of [join(from, 'node_modules', name), join(folder, name)]) {
      const file = join(place, 'package.json');
      if (statSync(file, { throwIfNoEntry: false }) !== undefined) return file;
    }
  }
  throw new Error(`The package ${name} is not installed`);
}
