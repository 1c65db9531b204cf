import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const root = new URL('../../../', import.meta.url);
const page = readFileSync(new URL('docs/events.md', root), 'utf8');

/** The rows of the table below a marker, as their cells. */
function rowsBelow(marker: string): string[][] {
  const table = page.split(`<!-- ${marker} -->\n`)[1]?.split('<!-- end -->')[0] ?? '';
  const lines = table.trim().split('\n').slice(2);
  return lines.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

function codesIn(cell: string | undefined): string[] {
  return [...(cell ?? '').matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);
}

const codesBelow = (marker: string): string[] => rowsBelow(marker).flatMap(([first]) => codesIn(first));

function statementsOf(path: string): readonly ts.Statement[] {
  return ts.createSourceFile(path, readFileSync(new URL(path, root), 'utf8'), ts.ScriptTarget.Latest, true).statements;
}

const events = statementsOf('src/kernel/events.ts');

function interfaceNamed(statements: readonly ts.Statement[], name: string): ts.InterfaceDeclaration {
  const found = statements.filter(ts.isInterfaceDeclaration).find((declaration) => declaration.name.text === name);
  if (found === undefined) throw new Error(`There is no interface ${name}`);
  return found;
}

function fieldsOf(declaration: ts.InterfaceDeclaration): Map<string, string> {
  const fields = declaration.members.filter(ts.isPropertySignature);
  return new Map(fields.map((field) => [field.name.getText(), field.type?.getText() ?? '']));
}

/** The texts of a union of literals. */
function literalsOf(text: string): string[] {
  return [...text.matchAll(/'([^']+)'/g)].map(([, literal = '']) => literal);
}

function unionNamed(name: string): string[] {
  const found = events.filter(ts.isTypeAliasDeclaration).find((alias) => alias.name.text === name);
  return literalsOf((found?.type.getText() ?? '').replaceAll(/\/\/.*$/gm, ''));
}

describe('docs/events.md says what there is', () => {
  const kinds = events
    .filter(ts.isInterfaceDeclaration)
    .filter((declaration) => declaration.heritageClauses?.[0]?.getText() === 'extends EventBase')
    .map(fieldsOf);

  it('every event type, with all of its fields', () => {
    const documented = rowsBelow('event types').map(([type, , fields]) => [codesIn(type)[0], codesIn(fields).sort()]);
    const actual = kinds.map((fields) => [
      literalsOf(fields.get('type') ?? '')[0],
      [...fields.keys()].filter((field) => field !== 'type').sort(),
    ]);
    expect(actual.length).toBeGreaterThan(5);
    expect(documented).toEqual(actual);
  });

  it('the fields of every event', () => {
    const base = [...fieldsOf(interfaceNamed(events, 'EventBase')).keys()];
    expect(codesBelow('fields of every event').sort()).toEqual(['type', ...base].sort());
  });

  it('every reason and operation', () => {
    expect(codesBelow('bypass reasons').sort()).toEqual(unionNamed('BypassReason').sort());
    expect(codesBelow('not-stored reasons').sort()).toEqual(unionNamed('NotStoredReason').sort());
    const operations = fieldsOf(interfaceNamed(events, 'ErrorEvent')).get('operation') ?? '';
    expect(codesBelow('operations').sort()).toEqual(literalsOf(operations).sort());
  });

  it('every number of stats()', () => {
    const counters = fieldsOf(interfaceNamed(statementsOf('src/engine/reporter.ts'), 'Counters'));
    const others = fieldsOf(interfaceNamed(statementsOf('src/engine/cache.ts'), 'CacheStats'));
    expect(codesBelow('statistics').sort()).toEqual([...counters.keys(), ...others.keys()].sort());
  });
});
