/** Compiles the fixtures of test/fixtures as users' projects are compiled, and runs them on plain Node against the built package. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as swc from '@swc/core';
import { transformWithEsbuild } from 'vite';

export type Mode = 'legacy' | 'standard';

/** One line of a fixture's report; what is in it is the fixture's own business. */
export type Reported = Readonly<Record<string, unknown>>;

const root = fileURLToPath(new URL('../../', import.meta.url));
const fixtures = join(root, 'test/fixtures');
const require = createRequire(import.meta.url);
const tsc = require.resolve('typescript/bin/tsc');

/** Compilers, under the names their packages have here. */
export type TypeScript = 'typescript' | 'typescript-6' | 'typescript-7';

/** Not every version lets its compiler be imported by its path. */
function compilerOf(version: TypeScript): string {
  return join(dirname(require.resolve(`${version}/package.json`)), 'bin/tsc');
}

interface Ran {
  readonly status: number;
  readonly output: string;
}

function run(args: readonly string[]): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: root }, (error, stdout, stderr) => {
      const status = error === null ? 0 : 1;
      resolve({ status, output: status === 0 ? stdout : `${stdout}${stderr}` });
    });
  });
}

/** A folder with the package installed in it, as the temporary project that fixtures are compiled into. */
async function makeProject(): Promise<string> {
  if (!existsSync(join(root, 'dist/src/index.js'))) throw new Error('The package is not built: npm run build');
  const folder = await mkdtemp(join(tmpdir(), 'keepsake-fixtures-'));
  await mkdir(join(folder, 'node_modules'));
  await symlink(root, join(folder, 'node_modules/keepsake'));
  await symlink(
    dirname(fileURLToPath(import.meta.resolve('reflect-metadata'))),
    join(folder, 'node_modules/reflect-metadata'),
  );
  await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  return folder;
}

/** What a fixture reported, in its order, and by name. */
export interface Report {
  readonly all: readonly Reported[];
  of(name: string): Reported;
}

/** Compiled fixtures of one mode. */
export class Compiled {
  readonly #folder: string;
  readonly #reports = new Map<string, Promise<Report>>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** What one of them, such as `both/methods`, reports when it runs. It runs once. */
  run(fixture: string): Promise<Report> {
    const report = this.#reports.get(fixture) ?? this.#run(fixture);
    this.#reports.set(fixture, report);
    return report;
  }

  async remove(): Promise<void> {
    await rm(this.#folder, { recursive: true });
  }

  async #run(fixture: string): Promise<Report> {
    const { status, output } = await run([join(this.#folder, `${fixture}.js`)]);
    if (status !== 0) throw new Error(`${fixture} failed:\n${output}`);
    const lines = output.split('\n').filter((line) => line.startsWith('{'));
    const all = lines.map((line) => JSON.parse(line) as Reported);
    const of = (name: string): Reported => {
      const found = all.find((reported) => reported['name'] === name);
      if (found === undefined) throw new Error(`${fixture} reported nothing about ${name}:\n${output}`);
      const { name: _name, ...seen } = found;
      return seen;
    };
    return { all, of };
  }
}

/** Compiles the fixtures of a mode with a TypeScript compiler; more options may follow. */
export async function compileWithTsc(
  mode: Mode,
  options: readonly string[] = [],
  version: TypeScript = 'typescript',
): Promise<Compiled> {
  const folder = await makeProject();
  const { status, output } = await run([
    compilerOf(version),
    '-p',
    join(fixtures, mode),
    '--noEmit',
    'false',
    '--outDir',
    folder,
    ...options,
  ]);
  if (status !== 0) throw new Error(`tsc failed:\n${output}`);
  return new Compiled(folder);
}

/** How a compiler that knows no types turns one file into JavaScript. */
type Transform = (source: string, file: string) => Promise<string>;

/** Compiles the fixtures that both modes share with esbuild, which knows no types. */
export function compileWithEsbuild(mode: Mode, minified: 'minified' | 'readable'): Promise<Compiled> {
  return transformed(async (source, file) => {
    const { code } = await transformWithEsbuild(source, file, {
      target: 'es2022',
      format: 'esm',
      minify: minified === 'minified',
      tsconfigRaw: { compilerOptions: { experimentalDecorators: mode === 'legacy' } },
    });
    return code;
  });
}

/** The same with SWC, which writes metadata of types in legacy mode, as NestJS projects have it. */
export function compileWithSwc(mode: Mode, minified: 'minified' | 'readable'): Promise<Compiled> {
  const transform =
    mode === 'legacy' ? { legacyDecorator: true, decoratorMetadata: true } : { decoratorVersion: '2022-03' as const };
  return transformed(async (source, filename) => {
    const { code } = await swc.transform(source, {
      filename,
      swcrc: false,
      module: { type: 'es6' },
      jsc: {
        target: 'es2022',
        parser: { syntax: 'typescript', decorators: true },
        transform,
        ...(minified === 'minified' && { minify: { mangle: true, compress: true, module: true } }),
      },
      minify: minified === 'minified',
    });
    return code;
  });
}

async function transformed(transform: Transform): Promise<Compiled> {
  const folder = await makeProject();
  await mkdir(join(folder, 'both'));
  for (const file of await readdir(join(fixtures, 'both'))) {
    const source = await readFile(join(fixtures, 'both', file), 'utf8');
    await writeFile(join(folder, 'both', file.replace(/\.ts$/, '.js')), await transform(source, file));
  }
  return new Compiled(folder);
}

/** The lines on which the compiler finds mistakes, and those marked as having one: `mistakes.ts:5`. */
export async function findMistakes(
  mode: Mode,
): Promise<{ readonly found: readonly string[]; readonly marked: readonly string[] }> {
  const config = join(fixtures, 'mistakes', `tsconfig.${mode}.json`);
  const { output } = await run([tsc, '-p', config, '--pretty', 'false', '--listFiles', '--skipLibCheck']);
  const found = [...output.matchAll(/^(\S+\.ts)\((\d+),\d+\): error/gm)].map(
    ([, file = '', line]) => `${basename(file)}:${line}`,
  );
  const compiled = output
    .split('\n')
    .filter((line) => /^\S+\.ts$/.test(line) && dirname(relative(fixtures, line)) === 'mistakes');
  const marked: string[] = [];
  for (const file of compiled) {
    for (const [index, line] of (await readFile(file, 'utf8')).split('\n').entries()) {
      if (line.endsWith('// refused')) marked.push(`${basename(file)}:${index + 1}`);
    }
  }
  return { found: [...new Set(found)].sort(), marked: marked.sort() };
}
