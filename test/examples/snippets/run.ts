/** Running snippets: each in a thread of its own, as a module over the built package, with the application it takes for granted around it. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import ts from 'typescript';
import { type Fence, root } from './fences.js';

/** A snippet that is only compiled. */
interface CompiledOnly {
  readonly page: string;
  /** A text of it, and of no other of its page. */
  readonly text: string;
  readonly why: string;
}

export const COMPILED_ONLY: readonly CompiledOnly[] = [
  {
    page: 'docs/events.md',
    text: 'Cache.events({ buffer: 1000 })',
    why: 'a loop over events ends when the cache is closed',
  },
  {
    page: 'docs/events.md',
    text: 'Cache.events({ cluster: true })',
    why: 'likewise; test/postgres hears other processes',
  },
  {
    page: 'docs/embedded.md',
    text: "connection: 'embedded'",
    why: 'starts servers; test/postgres/embedded.test.ts does',
  },
  { page: 'docs/stores.md', text: 'describeStoreContract', why: 'defines tests; test/unit/testing runs the suite' },
];

export function isCompiledOnly({ page, code }: Fence): boolean {
  return COMPILED_ONLY.some((only) => only.page === page && code.includes(only.text));
}

/** What the database has when snippets run; dropped and made for each of them. */
export const SCHEMA = `
  drop table if exists product, users, order_lines;
  create table product (id integer primary key, name text not null, price integer not null default 1);
  create table users (id integer primary key, name text not null);
  create table order_lines (order_id integer, line integer, amount numeric, primary key (order_id, line));
  insert into product values (42, 'Tea pot')`;

/** The application of `ambient.d.ts`, and a cache where the snippet configures none. */
function prelude(snippet: string, hasOwnCache: boolean): string {
  const configure = `await Cache.configure({ connection: process.env.DATABASE_URL, startup: 'fail', timeouts: { read: '10s', write: '10s' } });`;
  return `
    import { parentPort } from 'node:worker_threads';
    import { Cache } from 'keepsake';
    Object.assign(globalThis, {
      FetchError: class FetchError extends Error {},
      products: { find: async (id) => ({ id, name: 'Tea pot' }) },
      createReport: async () => undefined,
      fetchRates: async () => ({ source: 'example', validFor: 60_000 }),
    });
    ${hasOwnCache ? '' : configure}
    await import(${JSON.stringify(`./${snippet}`)});
    await Cache.close();
    parentPort.postMessage('ended');`;
}

/** Runs a module; what went wrong, or undefined. */
export async function runSnippet(module: string, database: string): Promise<string | undefined> {
  // Inside the package, so that it can import it by its name; the folder is ignored by git.
  const folder = join(root, '.cache', `snippet-${process.pid}-${Math.random().toString(36).slice(2)}`);
  await mkdir(folder, { recursive: true });
  try {
    const options = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true };
    await writeFile(
      join(folder, 'snippet.mjs'),
      ts.transpileModule(module.replaceAll("throw new Error('left out')", 'return null'), { compilerOptions: options })
        .outputText,
    );
    await writeFile(join(folder, 'main.mjs'), prelude('snippet.mjs', /Cache\.configure\(|createCache\(/.test(module)));
    return await inThread(join(folder, 'main.mjs'), database);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function inThread(path: string, database: string): Promise<string | undefined> {
  const env = { ...process.env, DATABASE_URL: database };
  const worker = new Worker(path, { env, stdout: true, stderr: true, execArgv: ['--no-warnings'] });
  return new Promise((resolve) => {
    let outcome: string | undefined = 'it ended in the middle: nothing kept its thread alive';
    const late = setTimeout(() => {
      outcome = 'it did not end';
      void worker.terminate();
    }, 60_000);
    worker.on('message', () => {
      outcome = undefined;
      // Pages do not close every pool and client they open.
      void worker.terminate();
    });
    worker.on('error', (error: unknown) => {
      outcome = error instanceof Error ? (error.stack ?? error.message) : String(error);
    });
    worker.on('exit', () => {
      clearTimeout(late);
      resolve(outcome);
    });
  });
}
