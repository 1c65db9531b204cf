/** The report: the table at the end, and what it says in words. */
import type { Row } from './journal.js';

interface Column {
  readonly title: string;
  readonly align: 'left' | 'right';
  readonly cell: (row: Row, above: Row | undefined) => string;
}

const COLUMNS: readonly Column[] = [
  { title: '', align: 'right', cell: (row, above) => (row.step === above?.step ? '' : String(row.step)) },
  { title: 'call', align: 'left', cell: (row) => row.call },
  { title: 'source', align: 'left', cell: (row) => (row.source === 'none' ? '-' : row.source) },
  { title: 'state', align: 'left', cell: (row) => row.state },
  { title: 'ms', align: 'right', cell: (row) => milliseconds(row.ms) },
  { title: 'answer', align: 'left', cell: (row) => row.answer },
];

/** The rows as aligned text, an empty line before each step. */
export function table(rows: readonly Row[]): string {
  const cells = rows.map((row, index) => COLUMNS.map((column) => column.cell(row, rows[index - 1])));
  const widths = COLUMNS.map(({ title }, at) =>
    Math.max(title.length, ...cells.map((line) => widthOf(line[at] ?? ''))),
  );
  const line = (texts: readonly string[]): string =>
    COLUMNS.map(({ align }, at) => pad(texts[at] ?? '', widths[at] ?? 0, align))
      .join('  ')
      .trimEnd();
  const lines = [line(COLUMNS.map(({ title }) => title)), widths.map((width) => '-'.repeat(width)).join('  ')];
  for (const [index, row] of rows.entries()) {
    if (index > 0 && row.step !== rows[index - 1]?.step) lines.push('');
    lines.push(line(cells[index] ?? []));
  }
  return lines.join('\n');
}

/** What the table says, in words. */
export function summary(rows: readonly Row[], cities: number): string {
  const ms = (source: Row['source']): string => {
    const calls = rows.filter((row) => row.source === source && row.call.includes("search('sao paulo')"));
    return milliseconds(Math.min(...calls.map((row) => row.ms))).trimEnd();
  };
  return [
    `search('sao paulo') took ${ms('loader')} ms from its table of ${cities.toLocaleString('en')} rows, ${ms('shared')} ms from the shared tier`,
    `(one query by primary key), and ${ms('local')} ms from the local tier (no query).`,
    '',
    'source  loader: the method ran.  shared: an entry in PostgreSQL.  local: a copy in this process.',
    'state   miss: nothing usable was there.  fresh: served.  early: served, and refreshed in the background.',
    '        stale: expired, and served because the method failed.  error: the method failed, and so did the call.',
    '',
    'The methods are in examples/quickstart/city-service.ts, what the words mean in docs/glossary.md.',
    '',
  ].join('\n');
}

/** Three digits that count; the decimal points stand below each other. */
function milliseconds(ms: number): string {
  const digits = ms >= 100 ? 0 : ms >= 10 ? 1 : ms >= 1 ? 2 : 3;
  const text = ms.toFixed(digits);
  return digits === 0 ? `${text}    ` : text + ' '.repeat(3 - digits);
}

function pad(text: string, width: number, align: Column['align']): string {
  const space = ' '.repeat(Math.max(0, width - widthOf(text)));
  return align === 'left' ? text + space : space + text;
}

/** Letters with accents may be two characters each. */
function widthOf(text: string): number {
  return [...text.normalize('NFC')].length;
}
