/** The chart of the staleness window: for each fault, how long other processes still read what was invalidated; on a logarithmic axis. */
import type { Heard } from '../check/checker.js';
import type { Percentiles, RunResult } from './result.js';

const WIDTH = 860;
const LEFT = 150;
const RIGHT = 30;
const TOP = 56;
const ROW = 40;

/** The axis, in milliseconds; whatever is shorter stands at its beginning. */
const FROM = 1;
const TO = 10_000;

const COLOURS: Readonly<Record<Heard, string>> = { notified: '#2a78d6', 'by heartbeat': '#b35c00' };
const OFFSETS: Readonly<Record<Heard, number>> = { notified: -7, 'by heartbeat': 7 };
const LABELS: Readonly<Record<Heard, string>> = {
  notified: 'our own statements, Cache.transaction',
  'by heartbeat': '{ trx }',
};

export function stalenessChart(results: readonly RunResult[], localLease: number): string {
  const bottom = TOP + results.length * ROW;
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${bottom + 44}" font-family="system-ui, sans-serif" font-size="12">`,
    `<title>How long other processes still read what was invalidated</title>`,
    `<rect width="${WIDTH}" height="${bottom + 44}" fill="#ffffff"/>`,
    ...legend(),
    ...axis(bottom),
    line(x(localLease), TOP - 8, x(localLease), bottom, '#c00000', 'stroke-dasharray="4 3"'),
    text(x(localLease), TOP - 12, 'localLease', 'middle', '#c00000'),
    ...results.flatMap((result, index) => row(result, TOP + index * ROW + ROW / 2)),
    '</svg>',
  ];
  return `${lines.join('\n')}\n`;
}

function legend(): readonly string[] {
  const heards = Object.keys(COLOURS) as Heard[];
  return [
    ...heards.flatMap((heard, index) => {
      const at = LEFT + index * 270;
      return [`<circle cx="${at}" cy="16" r="4" fill="${COLOURS[heard]}"/>`, text(at + 10, 20, LABELS[heard], 'start')];
    }),
    text(WIDTH - RIGHT, 20, 'dot: p50, bar: to p99, tick: max', 'end', '#555555'),
  ];
}

function axis(bottom: number): readonly string[] {
  const ticks = [1, 10, 100, 1_000, 10_000];
  return [
    ...ticks.flatMap((ms) => [
      line(x(ms), TOP, x(ms), bottom, '#dddddd'),
      text(x(ms), bottom + 16, ms < 1_000 ? `${ms} ms` : `${ms / 1_000} s`, 'middle'),
    ]),
    text(LEFT, bottom + 34, 'at most 1 ms, or not seen', 'start', '#555555'),
  ];
}

function row({ fault, staleness }: RunResult, y: number): readonly string[] {
  const marks = (Object.keys(COLOURS) as Heard[]).flatMap((heard) =>
    mark(staleness[heard], y + OFFSETS[heard], COLOURS[heard]),
  );
  return [text(LEFT - 12, y + 4, fault, 'end'), ...marks];
}

function mark({ samples, p50, p99, max }: Percentiles, y: number, colour: string): readonly string[] {
  if (samples === 0) return [];
  return [
    line(x(p50), y, x(p99), y, colour, 'stroke-width="5" stroke-opacity="0.45"'),
    line(x(p99), y, x(max), y, colour, 'stroke-opacity="0.45"'),
    line(x(max), y - 5, x(max), y + 5, colour, 'stroke-width="2"'),
    `<circle cx="${x(p50)}" cy="${y}" r="4" fill="${colour}"/>`,
  ];
}

function x(ms: number): number {
  const share = Math.log(Math.min(TO, Math.max(FROM, ms)) / FROM) / Math.log(TO / FROM);
  return Math.round((LEFT + share * (WIDTH - LEFT - RIGHT)) * 10) / 10;
}

function line(x1: number, y1: number, x2: number, y2: number, colour: string, more = ''): string {
  return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="${colour}" ${more}/>`;
}

function text(at: number, y: number, words: string, anchor: 'start' | 'middle' | 'end', colour = '#222222'): string {
  return `<text x="${at}" y="${y}" text-anchor="${anchor}" fill="${colour}">${words}</text>`;
}
