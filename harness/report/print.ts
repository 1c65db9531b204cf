/** Results as a table for terminals. */
import { renderTable } from '../../bench/harness/table.js';
import type { Percentiles, RunResult } from './result.js';

const HEAD = [
  'fault',
  'reads',
  'writes',
  'local hits',
  'shared hits',
  'loads a key',
  'read p50/p99/max ms',
  'seen after, notified',
  'seen after, by heartbeat',
  'gaps',
  'stall ms',
  'violations',
] as const;

function rowOf(result: RunResult): readonly string[] {
  const { fault, reads, writes, hits, loadsPerKey, latency, staleness, gaps, stall, violated } = result;
  return [
    fault,
    thousands(reads),
    thousands(writes),
    percent(hits.local),
    percent(hits.shared),
    loadsPerKey.toFixed(0),
    figures(latency),
    figures(staleness.notified),
    figures(staleness['by heartbeat']),
    String(gaps),
    stall.toFixed(0),
    String(violated),
  ];
}

export function tableOf(results: readonly RunResult[]): string {
  return renderTable({ title: '', head: HEAD, rows: results.map(rowOf) });
}

/** What the columns mean that do not say so. */
export const LEGEND =
  'seen after: how long other processes still read what was invalidated, p50 / p99 / max ms; by heartbeat: it was invalidated with { trx }';

/** `1.2 / 8.4 / 31`: median, 99th percentile, maximum. */
export function figures({ samples, p50, p99, max }: Percentiles): string {
  return samples === 0 ? '-' : [p50, p99, max].map(short).join(' / ');
}

function short(value: number): string {
  return value >= 10 || value === 0 ? value.toFixed(0) : value.toFixed(value >= 1 ? 1 : 2);
}

export function thousands(value: number): string {
  return value.toLocaleString('en-US').replaceAll(',', ' ');
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
