/** Aligned tables for terminals, and how numbers stand in them. */
import type { Series } from './statistics.js';

export interface Table {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** A table as text: the first column to the left, all others to the right. */
export function renderTable({ title, head, rows }: Table): string {
  const widths = head.map((label, column) => Math.max(label.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => pad(cell, widths[column] ?? 0, column === 0 ? 'left' : 'right')).join('  ');
  const rule = widths.map((width) => '-'.repeat(width)).join('  ');
  return [title, '', line(head), rule, ...rows.map(line)].map((text) => text.trimEnd()).join('\n');
}

function pad(text: string, width: number, side: 'left' | 'right'): string {
  return side === 'left' ? text.padEnd(width) : text.padStart(width);
}

/** A number with as many digits as mean something. */
function figure(value: number): string {
  const magnitude = Math.abs(value);
  if (magnitude >= 100) return Math.round(value).toLocaleString('en-US').replaceAll(',', ' ');
  return value.toFixed(magnitude >= 10 ? 1 : 2);
}

/** The median. */
export function median(series: Series): string {
  return figure(series.median);
}

/** The median and the spread: `1.24 (1.20 to 1.31)`. */
export function withSpread(series: Series): string {
  return `${figure(series.median)} (${figure(series.low)} to ${figure(series.high)})`;
}

/** A ratio with its spread: `1.24x (1.20 to 1.31)`. */
export function ratio(series: Series): string {
  return `${figure(series.median)}x (${figure(series.low)} to ${figure(series.high)})`;
}
