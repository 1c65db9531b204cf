/** Bar charts as SVG: one horizontal bar for each value, with a whisker from quartile to quartile. */

export interface Bar {
  readonly label: string;
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

const WIDTH = 760;
const LABELS = 290;
const ROW = 26;
const TOP = 40;

/** The chart; our own bars stand out from the others by their colour. */
export function barChart(title: string, bars: readonly Bar[]): string {
  const most = Math.max(...bars.map(({ value, high }) => Math.max(value, high)));
  const scale = (WIDTH - LABELS - 90) / most;
  const height = TOP + bars.length * ROW + 14;
  const rows = bars.map((bar, row) => rowOf(bar, TOP + row * ROW, scale));
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="13">
<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>
<text x="12" y="24" font-size="15" font-weight="bold" fill="#222222">${escapeXml(title)}</text>
${rows.join('\n')}
</svg>
`;
}

function rowOf({ label, value, low, high }: Bar, y: number, scale: number): string {
  const isOurs = /keepsake|@Cached|Cache\./i.test(label);
  const middle = y + ROW / 2;
  const at = (of: number): string => (LABELS + of * scale).toFixed(1);
  return [
    `<text x="${LABELS - 8}" y="${middle + 4}" text-anchor="end" fill="#222222">${escapeXml(label)}</text>`,
    `<rect x="${LABELS}" y="${y + 4}" width="${Math.max(1, value * scale).toFixed(1)}" height="${ROW - 8}" fill="${isOurs ? '#2f6fb7' : '#b8c0c8'}"/>`,
    `<line x1="${at(low)}" x2="${at(high)}" y1="${middle}" y2="${middle}" stroke="#222222" stroke-width="1.5"/>`,
    `<text x="${(LABELS + Math.max(value, high) * scale + 8).toFixed(1)}" y="${middle + 4}" fill="#222222">${figure(value)}</text>`,
  ].join('');
}

function figure(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en-US') : value.toPrecision(3);
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
