/** Writes the table and the chart of docs/coherence.md, of the results that were saved. */
import { readFile, writeFile } from 'node:fs/promises';
import { stalenessChart } from './chart.js';
import { figures, thousands } from './print.js';
import type { RunResult } from './result.js';
import { loadResults, type SavedResults } from './results-file.js';

const PAGE = new URL('../../docs/coherence.md', import.meta.url);
const CHART = new URL('../../docs/coherence-staleness.svg', import.meta.url);

/** What stands between these is written by the harness. */
const BEGIN = '<!-- harness: begin -->';
const END = '<!-- harness: end -->';

export async function writeReport(): Promise<void> {
  const saved = await loadResults();
  if (saved === undefined) throw new Error('There are no results to report: run the harness first');
  await writeFile(CHART, stalenessChart(saved.results, saved.options.localLease));
  const page = await readFile(PAGE, 'utf8');
  const [before, after] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (before < 0 || after < before) throw new Error(`docs/coherence.md has no ${BEGIN} ... ${END}`);
  await writeFile(PAGE, `${page.slice(0, before + BEGIN.length)}\n\n${sectionOf(saved)}\n\n${page.slice(after)}`);
  console.log('\nwrote docs/coherence.md and its chart');
}

function sectionOf({ machine, date, options, results }: SavedResults): string {
  const { processes, readers, writers, keys, seconds, localLease } = options;
  return [
    `${date}: ${machine}, which other programs used at the same time; ${processes} processes with ${readers} readers and ${writers} writers each, ` +
      `${keys} keys behind three methods, ${seconds} s under each fault, \`localLease\` ${localLease / 1_000} s.`,
    '',
    '| fault | reads | writes | hits local, shared | loads a key | seen after, notified | seen after, `{ trx }` | gaps | judged | violations |',
    '|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|',
    ...results.map(rowOf),
  ].join('\n');
}

function rowOf(result: RunResult): string {
  const { fault, title, reads, writes, hits, loadsPerKey, staleness, gaps, judged, violated } = result;
  const share = (hit: number): string => `${(hit * 100).toFixed(0)} %`;
  const cells = [
    `\`${fault}\`: ${title}`,
    thousands(reads),
    thousands(writes),
    `${share(hits.local)}, ${share(hits.shared)}`,
    loadsPerKey.toFixed(0),
    figures(staleness.notified),
    figures(staleness['by heartbeat']),
    String(gaps),
    thousands(judged),
    violated === 0 ? '0' : `**${violated}**`,
  ];
  return `| ${cells.join(' | ')} |`;
}
