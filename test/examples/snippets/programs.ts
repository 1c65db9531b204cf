/** Programs around snippets of the documentation: what comes before and after them, what stands for what they leave out, what they print. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { type Decorators, transpile } from './compiler.js';
import { LEFT_OUT, root } from './fences.js';

export interface Program {
  /** Options of Node. */
  readonly args?: readonly string[];
  /** SQL that prepares the database. */
  readonly prepare: string;
  /** What comes before the snippet, in its module. */
  readonly before?: string;
  /** What `{ … }` stands for. */
  readonly body?: string;
  /** What follows the snippet. */
  readonly after: string;
  readonly output: string | RegExp;
}

export interface ProgramRun {
  readonly status: number;
  readonly output: string;
  readonly errors: string;
}

const PRODUCTS = `
  drop table if exists product;
  create table product (id integer primary key, name text not null);
  insert into product values (42, 'Tea pot')`;

/** By the name in the fence: \`\`\`ts id=name */
export const PROGRAMS: Readonly<Record<string, Program>> = {
  example: {
    prepare: PRODUCTS,
    after: `
      const products = new Products();
      const { name } = (await products.find(42)) ?? { name: 'missing' };
      await db.query("update product set name = 'Samovar'");
      const cached = await products.find(42);
      await products.rename(42, 'Kettle');
      console.log(name, cached?.name, (await products.find(42))?.name);
      await Cache.close();
      await db.end();`,
    output: 'Tea pot Tea pot Kettle\n',
  },
  race: {
    prepare: 'select',
    after: '',
    output: 'the slow load answered 10\nthe next call answered 12\n',
  },
  // Their assertions write to stderr when they do not hold.
  'testing-memory': { prepare: 'select', after: '', output: '' },
  'testing-chaos': { prepare: 'select', after: '', output: '' },
  failover: { prepare: 'select', after: '', output: 'stale: rates\ntrue\n' },
  'early-refresh': { prepare: 'select', after: '', output: '1\n2\n' },
  timeouts: { prepare: 'select', after: '', output: 'nobody waits any more\ntrue\n' },
  'testing-clock': { prepare: 'select', after: '', output: '' },
  // As its reader runs it.
  'store-contract': {
    args: ['--test', '--test-reporter=spec'],
    prepare: 'select',
    after: '',
    output: /^ℹ pass 1[4-9]\d\n[\s\S]*^ℹ fail 0\n/m,
  },
  embedded: {
    prepare: 'select',
    after: `
      await Cache.set('k', 'kept', { ttl: '1h' });
      console.log(await Cache.get('k'), Cache.stats().store.health);
      await Cache.close();`,
    output: 'kept well\n',
  },
  'embedded-kept': {
    prepare: 'select',
    after: `
      await Cache.set('k', 'kept', { ttl: '1h' });
      await Cache.close();
      await Cache.configure({ connection: 'embedded', embedded: { directory: '.keepsake/db' } });
      console.log(await Cache.get('k'));
      await Cache.close();`,
    output: 'kept\n',
  },
  nestjs: {
    prepare: 'select',
    before: "import 'reflect-metadata'; import { NestFactory } from '@nestjs/core'; import { Cache } from 'keepsake';",
    body: "return { id, name: 'Tea pot' };",
    after: `
      const application = await NestFactory.createApplicationContext(AppModule, { logger: false });
      const products = application.get(Products);
      const { name } = await products.find(7);
      await products.find(7);
      const { loads } = Cache.stats();
      await products.clear();
      await products.find(7);
      console.log(name, loads, Cache.stats().loads);
      await application.close();
      try { Cache.named('default'); } catch ({ code }) { console.log(code); }`,
    output: 'Tea pot 1 2\nNOT_CONFIGURED\n',
  },
};

/** Runs a module as a program of its own, as a user of the built package. */
export async function runProgram(
  module: string,
  program: Program,
  url: string,
  decorators: Decorators,
): Promise<ProgramRun> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(program.prepare);
  await client.end();
  // Inside the package, so that it can import it by its name; the folder is ignored by git.
  const folder = join(root, '.cache', `snippet-${randomBytes(4).toString('hex')}`);
  await mkdir(folder, { recursive: true });
  const cwd = await mkdtemp(join(tmpdir(), 'keepsake-snippet-'));
  // The embedded server is another user's where this one is root.
  await chmod(cwd, 0o755);
  try {
    const path = join(folder, 'program.mjs');
    const { before = '', body = LEFT_OUT, after } = program;
    const text = `${before} ${module.replaceAll(LEFT_OUT, body)}\n${after}\n`;
    await writeFile(path, transpile(text, decorators));
    return await run([...(program.args ?? []), path], cwd, url);
  } finally {
    await rm(folder, { recursive: true, force: true });
    await rm(cwd, { recursive: true, force: true });
  }
}

function run(args: readonly string[], cwd: string, url: string): Promise<ProgramRun> {
  // A program is none of the tests that its test runner may be running.
  const { NODE_TEST_CONTEXT: _, ...inherited } = process.env;
  return new Promise((resolve) => {
    const options = { cwd, env: { ...inherited, DATABASE_URL: url }, timeout: 60_000 };
    execFile(process.execPath, args, options, (error, output, errors) => {
      resolve({ status: error === null ? 0 : Number(error.code ?? -1), output, errors });
    });
  });
}
