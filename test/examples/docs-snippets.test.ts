import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { useDatabase } from '../support/database.js';
import { exportsOfKeepsake, type Module, mistakesIn } from './snippets/compiler.js';
import {
  type Fence,
  fencesOf,
  idOf,
  isLegacy,
  moduleOf,
  PAGES,
  readPage,
  root,
  snippetsOf,
} from './snippets/fences.js';
import { PROGRAMS, runProgram } from './snippets/programs.js';
import { ENDLESS, runSnippet, SCHEMA } from './snippets/run.js';

const exported = exportsOfKeepsake();
const snippets = PAGES.flatMap(snippetsOf);
const nameOf = ({ page, line }: Fence): string => `${page}:${line}`;

describe('every TypeScript snippet of the documentation compiles', () => {
  const modulesOf = (fences: readonly Fence[]): readonly Module[] =>
    fences.map((fence) => ({ name: nameOf(fence), text: moduleOf(fence, exported) }));
  const legacy = modulesOf(snippets.filter(isLegacy));
  const standard = modulesOf(snippets.filter((fence) => !isLegacy(fence)));
  const modules = [...standard, ...legacy];
  const wrong: Fence = { page: 'wrong', line: 1, language: 'ts', words: [], code: "{ ttl: '10m', tag: ['x'] }" };
  const mistakes = new Map([
    ...mistakesIn([...standard, { name: nameOf(wrong), text: moduleOf(wrong, exported) }]),
    ...mistakesIn(legacy, 'legacy'),
  ]);

  it('finds snippets, and no language that nobody checks', () => {
    expect(snippets.length).toBeGreaterThan(70);
    // Commands and SQL: docs-commands.test.ts. Without a language: output.
    const languages = PAGES.flatMap(fencesOf).map(({ language }) => language);
    expect(new Set(languages)).toEqual(new Set(['ts', 'sh', 'sql', 'mermaid', '']));
  });

  it.each(modules)('$name', ({ name }) => {
    expect(mistakes.get(name) ?? []).toEqual([]);
  });

  it('has no mistakes elsewhere', () => {
    const known = new Set([...modules, { name: nameOf(wrong) }].map(({ name }) => name));
    expect([...mistakes].filter(([name]) => !known.has(name))).toEqual([]);
  });

  it('would notice a mistake', () => {
    expect(mistakes.get(nameOf(wrong))).toEqual([expect.stringContaining("'tag' does not exist")]);
  });
});

describe('snippets that are whole programs run', () => {
  const database = useDatabase();
  const runnable = snippets.filter((fence) => idOf(fence) !== undefined);

  it('has a program for each, and each of the programs', () => {
    expect(new Set(runnable.map(idOf))).toEqual(new Set(Object.keys(PROGRAMS)));
    expect(runnable.length).toBe(Object.keys(PROGRAMS).length);
  });

  it.each(runnable.map((fence) => ({ name: nameOf(fence), fence })))('$name', async ({ fence }) => {
    const program = PROGRAMS[idOf(fence) ?? ''];
    if (program === undefined) throw new Error('There is no program of this name');
    const decorators = isLegacy(fence) ? 'legacy' : 'standard';
    const run = await runProgram(moduleOf(fence, exported), program, database.url, decorators);
    const { output } = program;
    expect(run).toEqual({
      status: 0,
      output: output instanceof RegExp ? expect.stringMatching(output) : output,
      errors: '',
    });
  });
});

describe('all other snippets run too', () => {
  const database = useDatabase();
  const others = snippets.filter((fence) => idOf(fence) === undefined);

  it.each(others.map((fence) => ({ name: nameOf(fence), fence })))('$name', async ({ fence }) => {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await client.query(SCHEMA);
    await client.end();
    expect(await runSnippet(fence, moduleOf(fence, exported), database.url)).toBeUndefined();
  });

  it('each of the endless ones is there', () => {
    const matching = ENDLESS.map(({ page, text }) =>
      snippets.filter((fence) => fence.page === page && fence.code.includes(text)),
    );
    expect(matching.map(({ length }) => length)).toEqual(ENDLESS.map(() => 1));
  });

  it('would notice one that fails, and one that never ends', async () => {
    const wrong: Fence = { page: 'wrong', line: 1, language: 'ts', words: [], code: '' };
    expect(await runSnippet(wrong, "throw new Error('this one');", database.url)).toContain('this one');
    expect(await runSnippet(wrong, 'await new Promise(() => undefined);', database.url)).toContain('in the middle');
  });
});

describe('links between pages lead somewhere', () => {
  const links = PAGES.flatMap((page) =>
    [...withoutFences(page).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = '']) =>
      /^(?:https?:|mailto:)/.test(target) ? [] : [{ page, target }],
    ),
  );

  it('finds links', () => {
    expect(links.length).toBeGreaterThan(20);
  });

  it.each(links)('$page: $target', ({ page, target }) => {
    const [path = '', anchor] = target.split('#');
    const file = path === '' ? page : join(dirname(page), path);
    expect(existsSync(join(root, file))).toBe(true);
    if (anchor !== undefined) expect(anchorsOf(file)).toContain(anchor);
  });

  it('the index lists every page', () => {
    const listed = links.filter(({ page }) => page === 'docs/README.md').map(({ target }) => `docs/${target}`);
    const pages = PAGES.filter((page) => page.startsWith('docs/') && page !== 'docs/README.md');
    expect(pages.filter((page) => !listed.includes(page))).toEqual([]);
  });
});

describe('README.md', () => {
  it('has at most 250 lines', () => {
    expect(readPage('README.md').trimEnd().split('\n').length).toBeLessThanOrEqual(250);
  });
});

function withoutFences(page: string): string {
  return fencesOf(page).reduce((text, { code }) => (code === '' ? text : text.replace(code, '')), readPage(page));
}

/** As GitHub makes them of headings. */
function anchorsOf(page: string): readonly string[] {
  return [...withoutFences(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
