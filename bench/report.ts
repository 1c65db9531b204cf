/**
 * The report: writes the figures of a saved run into docs/performance.md, between its two marks, and draws bench/results/*.svg.
 *
 *     npm run bench -- --save baseline && node --import tsx bench/report.ts baseline
 */
import { readFile, writeFile } from 'node:fs/promises';
import { barChart } from './harness/bar-chart.js';
import { readRun, type SavedRun } from './harness/results.js';
import type { Table } from './harness/table.js';

const BEGIN = '<!-- figures: written by bench/report.ts -->';
const END = '<!-- end of figures -->';
const page = new URL('../docs/performance.md', import.meta.url);
const results = new URL('results/', import.meta.url);

const name = process.argv[2] ?? 'baseline';
const run = await readRun(name);
const charts = await drawCharts(run);
const text = await readFile(page, 'utf8');
const [before, rest] = split(text, BEGIN);
const [, after] = split(rest, END);
await writeFile(page, `${before}${BEGIN}\n\n${figuresOf(run, charts)}\n\n${END}${after}`);
console.log(`docs/performance.md has the figures of bench/results/${name}.json; ${charts.length} charts`);

function split(whole: string, mark: string): readonly [string, string] {
  const at = whole.indexOf(mark);
  if (at < 0) throw new Error(`docs/performance.md has no \`${mark}\``);
  return [whole.slice(0, at), whole.slice(at + mark.length)];
}

function figuresOf({ date, machine, suites }: SavedRun, images: readonly string[]): string {
  const versions = Object.entries(machine.versions).map(([what, version]) => `${what} ${version}`);
  const where = `${machine.processor}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.system}; load at the beginning ${machine.load}`;
  const parts = [`Measured on ${date}: ${where}; ${versions.join(', ')}. From \`bench/results/${name}.json\`.`];
  for (const image of images) parts.push(`![${image.replace('.svg', '')}](../bench/results/${image})`);
  for (const { tables, promises } of Object.values(suites)) {
    for (const table of tables) parts.push(markdownOf(table));
    for (const { promise, seen, verdict } of promises) {
      parts.push(`- ${verdict === 'kept' ? 'Reached' : '**Not reached**'}: ${promise}: ${seen}.`);
    }
  }
  return parts
    .join('\n\n')
    .replaceAll(/\n\n(?=- )/g, '\n')
    .replaceAll(/(\|)\n- /g, '$1\n\n- ');
}

function markdownOf({ title, head, rows }: Table): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [`**${title}**`, '', line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

async function drawCharts({ suites }: SavedRun): Promise<readonly string[]> {
  const drawn: string[] = [];
  const draw = async (file: string, title: string, suite: string, pattern: RegExp): Promise<void> => {
    const bars = Object.entries(suites[suite]?.series ?? {}).flatMap(([series, { median, low, high }]) => {
      const label = pattern.exec(series)?.[1];
      return label === undefined ? [] : [{ label, value: median, low, high }];
    });
    if (bars.length === 0) return;
    await writeFile(new URL(file, results), barChart(title, bars));
    drawn.push(file);
  };
  await draw('local-hit.svg', 'Local hit: nanoseconds of processor time a call', 'local', /^(.*): ns$/);
  await draw('shared-get.svg', 'Shared get, 100 callers: calls a second', 'rivals', /^get, 100, (.*): per second$/);
  await draw(
    'shared-get-cpu.svg',
    'Shared get, 100 callers: client µs a call',
    'rivals',
    /^get, 100, (.*): client CPU µs$/,
  );
  return drawn;
}
