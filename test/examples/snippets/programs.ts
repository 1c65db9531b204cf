/** Programs around snippets of the documentation that can run: what comes before and after them, and what they print. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { root } from './fences.js';

export interface Program {
  /** SQL that prepares the database. */
  readonly prepare: string;
  /** What follows the snippet. */
  readonly after: string;
  readonly output: string;
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
};

/** Runs a module as a program of its own, as a user of the built package. */
export async function runProgram(module: string, program: Program, url: string): Promise<ProgramRun> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(program.prepare);
  await client.end();
  // Inside the package, so that it can import it by its name; the folder is ignored by git.
  const folder = join(root, '.cache', `snippet-${randomBytes(4).toString('hex')}`);
  await mkdir(folder, { recursive: true });
  try {
    const path = join(folder, 'program.ts');
    await writeFile(path, `${module}\n${program.after}\n`);
    return await run(path, url);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function run(path: string, url: string): Promise<ProgramRun> {
  const tsx = join(dirname(createRequire(import.meta.url).resolve('tsx/package.json')), 'dist/cli.mjs');
  return new Promise((resolve) => {
    const options = { cwd: root, env: { ...process.env, DATABASE_URL: url }, timeout: 60_000 };
    execFile(process.execPath, [tsx, path], options, (error, output, errors) => {
      resolve({ status: error === null ? 0 : Number(error.code ?? -1), output, errors });
    });
  });
}
