/** Results of the latest run of each fault, kept between runs so that a report can be made of faults that were run one by one. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import type { Options } from '../options.js';
import type { RunResult } from './result.js';

const FOLDER = new URL('../results/', import.meta.url);
const FILE = new URL('latest.json', FOLDER);

export interface SavedResults {
  readonly machine: string;
  readonly date: string;
  readonly options: Pick<Options, 'processes' | 'readers' | 'writers' | 'keys' | 'seconds' | 'localLease'>;
  readonly results: readonly RunResult[];
}

/** Adds results to what was saved; those of other options are forgotten. */
export async function saveResults(results: readonly RunResult[], options: Options): Promise<void> {
  if (results.length === 0) return;
  const { processes, readers, writers, keys, seconds, localLease } = options;
  const chosen = { processes, readers, writers, keys, seconds, localLease };
  const before = await loadResults();
  const same = before !== undefined && JSON.stringify(before.options) === JSON.stringify(chosen);
  const kept = (same ? before.results : []).filter(({ fault }) => !results.some((result) => result.fault === fault));
  const machine = `${cpus()[0]?.model.trim() ?? 'unknown'}, ${cpus().length} cores, Node ${process.versions.node}`;
  const saved: SavedResults = {
    machine,
    date: new Date().toISOString().slice(0, 10),
    options: chosen,
    results: [...kept, ...results],
  };
  await mkdir(FOLDER, { recursive: true });
  await writeFile(FILE, `${JSON.stringify(saved, undefined, 2)}\n`);
}

export async function loadResults(): Promise<SavedResults | undefined> {
  try {
    return JSON.parse(await readFile(FILE, 'utf8')) as SavedResults;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
