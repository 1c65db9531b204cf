import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as keepsake from '../../src/index.js';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const page = read('docs/troubleshooting.md');

/** The rows of the table between a marker and its end, without their backquotes. */
function rows(marker: string): string[][] {
  const table = page.split(`<!-- ${marker} -->`)[1]?.split('<!-- end -->')[0] ?? '';
  const lines = table.trim().split('\n').slice(2);
  return lines.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('`', '')),
  );
}

/** The members of a union of texts, as its source has them. */
function members(path: string, type: string): string[] {
  const union = new RegExp(`type ${type} =([^;]*);`).exec(read(path))?.[1] ?? '';
  return [...union.matchAll(/'([A-Z_]+)'/g)].map(([, member = '']) => member);
}

describe('docs/troubleshooting.md', () => {
  const codes = members('src/errors.ts', 'KeepsakeErrorCode');

  it('lists exactly the error codes there are, each with a cause and a remedy', () => {
    expect(codes.length).toBeGreaterThan(20);
    expect(rows('error codes').map(([code]) => code)).toEqual(codes);
    for (const cells of rows('error codes')) expect(cells.filter((cell) => cell.length > 0)).toHaveLength(4);
  });

  it('names an exported class for each code', () => {
    for (const [, name = ''] of rows('error codes')) expect(Object.keys(keepsake)).toContain(name);
  });

  it('lists exactly the codes of warnings there are', () => {
    const warnings = members('src/decorators/process-warnings.ts', 'WarningCode');
    expect(warnings.length).toBeGreaterThan(2);
    expect(rows('warnings').map(([code]) => code)).toEqual(warnings);
  });
});
