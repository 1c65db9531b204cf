import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { encodeArguments } from '../../../src/keys/encode.js';
import { createKeyBuilder } from '../../../src/keys/key-builder.js';

const page = readFileSync(new URL('../../../docs/keys.md', import.meta.url), 'utf8');

/** The rows of the table below a marker, cells without their backquotes. */
function rowsBelow(marker: string): string[][] {
  const table = page.split(`<!-- ${marker} -->\n`)[1]?.split('\n\n')[0] ?? '';
  const lines = table.split('\n').slice(2);
  return lines.map((line) =>
    line.split(' | ').map((cell) => cell.replace(/^\| |^`|`$| \|$/g, '').replace(/^`|`$/g, '')),
  );
}

function evaluate(list: string): unknown[] {
  return new Function(`return [${list}]`)() as unknown[];
}

describe('docs/keys.md says what happens', () => {
  const templates = rowsBelow('templates');
  const encodings = rowsBelow('encoding');

  it('has examples', () => {
    expect(templates.length).toBeGreaterThan(10);
    expect(encodings.length).toBeGreaterThan(10);
  });

  it.each(templates)('%s of (%s) is %s', (key = '', list = '', expected) => {
    const find = (id: unknown, user: unknown, pageNumber: unknown) => [id, user, pageNumber];
    const builder = createKeyBuilder({ key, useCase: 'Users.find', fn: find, params: ['id', 'user', 'page'] });
    expect(builder.build(undefined, evaluate(list))).toBe(expected);
  });

  it.each(encodings)('%s reads %s', (list = '', expected) => {
    expect(encodeArguments(evaluate(list), 'Users.find')).toBe(expected);
  });
});
