import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CODECS } from './codecs-under-test.js';
import { sampleArticle, sampleRows, sampleVector } from './samples.js';

const page = readFileSync(new URL('../../../docs/codecs.md', import.meta.url), 'utf8');
const table = page.split('### Sizes and speeds')[1]?.split('\n\n## ')[0] ?? '';
const rows = [...table.matchAll(/^\| (.*?) ?\| `(\w+)`(, compressed)? \| ([\d.]+) \|/gm)];

/** As the page orders them. */
const SAMPLES = [sampleRows(), sampleArticle(), sampleVector()];
const ORDER = ['superjson', 'superjson, compressed,', 'msgpack', 'msgpack, compressed,'];

function sizeOf(name: string, sample: unknown): number {
  const codec = CODECS.find((one) => one.name === name);
  return Buffer.from(codec?.make().encode(sample).body ?? '').length;
}

describe('docs/codecs.md says how large values become', () => {
  it('has a row for each codec and sample', () => {
    expect(rows.length).toBe(SAMPLES.length * ORDER.length);
  });

  it.each(rows.map((row, index) => [index, row[4]] as const))('row %i: %s', (index, said) => {
    const [sample, name = ''] = [SAMPLES[Math.floor(index / ORDER.length)], ORDER[index % ORDER.length]];
    const row = rows[index] ?? [];
    expect(`${row[2]}${row[3] ?? ''}${row[3] === undefined ? '' : ','}`).toBe(name);
    // Versions of zlib differ by a little.
    expect(Math.abs(sizeOf(name, sample) / sizeOf('superjson', sample) - Number(said))).toBeLessThan(0.02);
  });
});
