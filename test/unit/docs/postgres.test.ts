/** The schema reference of docs/postgres.md names every table, column, index and constraint of the reviewed schema. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const root = new URL('../../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');

const schema = read('test/postgres/__snapshots__/schema.txt');

/** By table, its columns. */
const tables = schema
  .split(/^(?=\S)/m)
  .filter((table) => table.trim() !== '')
  .map((table) => {
    const [head = '', ...lines] = table.trimEnd().split('\n');
    const columns = lines.flatMap((line) => /^ {2}([a-z_]+) (?!PRIMARY|CHECK)(?!UNIQUE|INDEX)/.exec(line)?.[1] ?? []);
    return { name: (head.split(' ')[0] ?? '').replace(/^cache/, '<cache>'), columns };
  });

/** A table's section; policies have a page of their own, and Kysely's tables no columns of ours. */
function sectionOf(name: string): string {
  if (name === '<cache>_policies') return read('docs/run-time-policies.md');
  const sections = read('docs/postgres.md').split(/^### /m);
  return sections.find((section) => section.split('\n')[0]?.includes(`\`${name}\``)) ?? '';
}

describe('docs/postgres.md', () => {
  it('finds tables', () => {
    expect(tables.length).toBeGreaterThan(9);
  });

  it.each(tables)('$name', ({ name, columns }) => {
    const section = sectionOf(name);
    expect(section).not.toBe('');
    const isKyselys = name.startsWith('<cache>_migration');
    const named = new Set([...section.matchAll(/`([^`]+)`/g)].flatMap(([, text = '']) => text.split(/[ ,]+/)));
    expect(isKyselys ? [] : columns.filter((column) => !named.has(column))).toEqual([]);
  });
});
