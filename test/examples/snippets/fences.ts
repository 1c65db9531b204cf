/** The code in the documentation: every fence of every page, and the TypeScript ones as modules that can be compiled. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Every page of the documentation, by its path below the project. */
export const PAGES: readonly string[] = [
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  ...readdirSync(`${root}docs`)
    .filter((name) => name.endsWith('.md'))
    .sort()
    .map((name) => `docs/${name}`),
];

/** What stands for what pages leave out. */
export const LEFT_OUT = "throw new Error('left out');";

/** A fenced block of a page. */
export interface Fence {
  readonly page: string;
  /** The line of the page its first line is. */
  readonly line: number;
  readonly language: string;
  /** Words after the language: `id=name` has a program in `programs.ts` that runs it, `legacy` is for legacy decorators. */
  readonly words: readonly string[];
  readonly code: string;
}

export function readPage(page: string): string {
  return readFileSync(`${root}${page}`, 'utf8');
}

/** The fences of a page, in order. */
export function fencesOf(page: string): readonly Fence[] {
  const fences: Fence[] = [];
  let open:
    | { readonly line: number; readonly indent: number; readonly info: string; readonly lines: string[] }
    | undefined;
  for (const [index, line] of readPage(page).split('\n').entries()) {
    const indent = line.length - line.trimStart().length;
    const text = line.slice(Math.min(indent, open?.indent ?? indent));
    if (open === undefined) {
      if (text.startsWith('```')) open = { line: index + 2, indent, info: text.slice(3).trim(), lines: [] };
    } else if (text.trimEnd() === '```') {
      const [language = '', ...words] = open.info.split(/\s+/);
      fences.push({ page, line: open.line, language, words, code: open.lines.join('\n') });
      open = undefined;
    } else {
      open.lines.push(text);
    }
  }
  if (open !== undefined) throw new Error(`${page}:${open.line}: a fence that does not end`);
  return fences;
}

/** The TypeScript of a page: all of it compiles and runs. */
export function snippetsOf(page: string): readonly Fence[] {
  return fencesOf(page).filter(({ language }) => language === 'ts');
}

/** Whether a fence is for projects with legacy decorators and their metadata, as NestJS has them. */
export function isLegacy({ words }: Fence): boolean {
  return words.includes('legacy');
}

/** The name of a fence that is run, undefined for the others. */
export function idOf({ words }: Fence): string | undefined {
  return words.find((word) => word.startsWith('id='))?.slice('id='.length);
}

/**
 * A snippet as a module. Pages leave out what readers do not need, and here it is added, always on the snippet's own lines, so that
 * the compiler's line numbers are those of the page:
 *
 * - imports of what `keepsake` exports (`exported`, as an import names it);
 * - `{ … }` stands for a body;
 * - lines that are all objects are policies;
 * - decorators alone stand on a method.
 */
export function moduleOf({ code }: Fence, exported: readonly string[]): string {
  const whole = wrapped(code).replaceAll('{ … }', `{ ${LEFT_OUT} }`);
  const imported = exported.filter((item) => isMissing(whole, item.replace(/^type /, '')));
  return `import { ${imported.join(', ')} } from 'keepsake'; ${whole}\nexport {};\n`;
}

function wrapped(code: string): string {
  const lines = code.split('\n');
  if (lines.every((line) => /^\{.*\}( *\/\/.*)?$/.test(line))) {
    return lines.map((line) => line.replace(/^(\{.*\})/, 'void ($1 satisfies import("keepsake").Policy);')).join('\n');
  }
  if (lines.every((line) => /^@\w+\(.*\)$/.test(line))) {
    return `class Example { ${code}\nasync method(id: number, page?: number): Promise<string> { … } }`;
  }
  return code;
}

/** Whether `name` is used in the code, and not imported there. */
function isMissing(code: string, name: string): boolean {
  if (new RegExp(`^import .*\\b${name}\\b`, 'm').test(code)) return false;
  return new RegExp(`(?<![\\w.'"\`$])${name}\\b`).test(code.replaceAll(/\/\/.*$/gm, ''));
}
