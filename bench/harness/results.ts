/** The results file: everything a run measured, for comparing it with another run. */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import type { Machine } from './machine.js';
import type { SuiteResult } from './suite.js';

const folder = new URL('../results/', import.meta.url);

export interface Run {
  readonly date: string;
  readonly machine: Machine;
  readonly suites: Readonly<Record<string, Pick<SuiteResult, 'promises' | 'series' | 'tables'>>>;
}

/** A run as its file has it. */
export interface SavedRun {
  readonly date: string;
  readonly machine: Machine;
  readonly suites: Readonly<
    Record<string, Pick<SuiteResult, 'promises' | 'tables'> & { readonly series: Readonly<Record<string, Quartiles>> }>
  >;
}

interface Quartiles {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** The run saved under a name, as JSON gives it back: a series is its median and quartiles. */
export async function readRun(name: string): Promise<SavedRun> {
  return JSON.parse(await readFile(new URL(`${name}.json`, folder), 'utf8')) as SavedRun;
}

/** Writes `bench/results/<name>.json`, whole or not at all; answers its path in the project. */
export async function saveRun(name: string, run: Run): Promise<string> {
  await mkdir(folder, { recursive: true });
  const unfinished = new URL(`${name}.tmp`, folder);
  await writeFile(unfinished, `${JSON.stringify(run, undefined, 2)}\n`);
  await rename(unfinished, new URL(`${name}.json`, folder));
  return `bench/results/${name}.json`;
}
