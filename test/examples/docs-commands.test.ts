/** What else the documentation tells its readers to run: commands, with the options they are given, and SQL. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { parseOptions } from '../../harness/options.js';
import { createCache } from '../../src/configure.js';
import config from '../../vitest.config.js';
import { useDatabase } from '../support/database.js';
import { fencesOf, PAGES, readPage, root } from './snippets/fences.js';

/** A command of a page, without the variables before it and the comment behind it. */
interface Command {
  readonly place: string;
  readonly words: readonly string[];
}

const commands = PAGES.flatMap(commandsOf);

describe('every command of the documentation exists', () => {
  it('finds commands', () => {
    expect(new Set(commands.map(({ words: [first] }) => first))).toEqual(new Set(['npm', 'npx', 'node', 'psql']));
    expect(commands.length).toBeGreaterThan(30);
  });

  it.each(commands.map((command) => ({ ...command, text: command.words.join(' ') })))(
    '$place: $text',
    async (command) => {
      expect(await mistakeIn(command.words)).toBeUndefined();
    },
  );

  it.each([
    'npm run no',
    'npx keepsake no',
    'npx keepsake migrate --no',
    'npm run harness -- --fault no',
    'npm run bench -- --only no',
  ])('would notice `%s`', async (text) => {
    expect(await mistakeIn(text.split(' '))).toBeDefined();
  });
});

describe('every SQL of the documentation runs', () => {
  const database = useDatabase();
  const statements = PAGES.flatMap(fencesOf).filter(({ language }) => language === 'sql');

  it('finds SQL', () => {
    expect(statements.length).toBeGreaterThan(7);
  });

  it.each(statements.map(({ page, line, code }) => ({ name: `${page}:${line}`, code })))('$name', async ({ code }) => {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await client.query('create schema if not exists my_schema');
    for (const schema of ['public', 'my_schema'])
      await (await createCache({ name: schema, connection: database.url, startup: 'fail', schema })).close();
    await client.query('begin');
    await client.query('create role app; create table report (day date, body text, fence bigint)');
    // What has parameters is prepared and not executed.
    await client.query(code.includes('$1') ? `prepare snippet as ${code}` : code);
    await client.query('rollback');
    await client.end();
  });
});

/** Of fences line by line, and of texts. */
function commandsOf(page: string): readonly Command[] {
  const lines = fencesOf(page).flatMap(({ language, line, code }) =>
    language === 'sh' ? code.split('\n').map((text, index) => ({ place: `${page}:${line + index}`, text })) : [],
  );
  const texts = readPage(page)
    .split('\n')
    .flatMap((text, index) =>
      [...text.matchAll(/`([^`]+)`/g)].map(([, code = '']) => ({ place: `${page}:${index + 1}`, text: code })),
    );
  return [...lines, ...texts].flatMap(({ place, text }) =>
    (text.split(' #')[0] ?? '').split('&&').flatMap((part) => {
      const words = [...part.replace(/ > .*/, '').matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
        ([, single, double, plain]) => single ?? double ?? plain ?? '',
      );
      const bare = words.slice(words.findIndex((word) => !/^[A-Z_]+=/.test(word)));
      return /^(?:npm|npx|node|psql)$/.test(bare[0] ?? '') && bare.length > 1 ? [{ place, words: bare }] : [];
    }),
  );
}

/** What is wrong with a command, if anything is. */
async function mistakeIn([program, ...args]: readonly string[]): Promise<string | undefined> {
  if (program === 'npm' && args[0] === 'run')
    return await mistakeInScript(args[1] ?? '', args.slice(args.indexOf('--') + 1));
  if (program === 'npx' && args[0] === 'keepsake') return await mistakeInCommandLine(args.slice(1));
  if (program === 'npx' && args[0] === 'vitest') {
    const projects = config.test?.projects?.map((project) =>
      Reflect.get(Object(Reflect.get(Object(project), 'test')), 'name'),
    );
    const asked = args.flatMap((word, index) => (args[index - 1] === '--project' ? [word] : []));
    const missing = asked.find((name) => projects?.includes(name) !== true);
    if (missing !== undefined) return `There is no project ${missing}`;
  }
  const file = args.find((word) => /\.(?:ts|js|mjs)$/.test(word));
  if (file !== undefined && !existsSync(join(root, file))) return `There is no ${file}`;
  if (file === 'bench/main.ts') return await mistakeInScript('bench', args.slice(args.indexOf(file) + 1));
  return undefined;
}

async function mistakeInScript(name: string, args: readonly string[]): Promise<string | undefined> {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  if (scripts[name] === undefined) return `There is no script ${name}`;
  if (!args.some((word) => word.startsWith('--'))) return undefined;
  if (name === 'harness') {
    try {
      return parseOptions(args) === 'help' ? 'It only helps' : undefined;
    } catch (error) {
      return String(error);
    }
  }
  if (name !== 'bench') return `Nobody knows the options of ${name}`;
  const help = await outputOf(['--import', 'tsx', 'bench/main.ts', ...args, '--help']);
  if (help.failure !== undefined) return help.failure;
  const suites = args.flatMap((word, index) => (args[index - 1] === '--only' ? word.split(',') : []));
  const missing = suites.find((suite) => !help.output.includes(`\n  ${suite} `));
  return missing === undefined ? undefined : `There is no suite ${missing}`;
}

/** It reads the options before it helps; help on what is no command is about all of them. */
async function mistakeInCommandLine(args: readonly string[]): Promise<string | undefined> {
  const { output, failure } = await outputOf(['dist/src/cli/main.js', ...args, '--help']);
  const [command = '--help'] = args;
  if (failure !== undefined || command.startsWith('--')) return failure;
  return output.startsWith(`Usage: keepsake ${command} `) || output.startsWith(`Usage: keepsake ${command}\n`)
    ? undefined
    : `There is no command ${command}`;
}

function outputOf(args: readonly string[]): Promise<{ readonly output: string; readonly failure: string | undefined }> {
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: root, timeout: 60_000 }, (error, output, errors) => {
      resolve({ output, failure: error === null ? undefined : errors || error.message });
    });
  });
}
