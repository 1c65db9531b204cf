/** Running snippets: each in a thread of its own, as a module over the built package, with the application it takes for granted around it. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { transpile } from './compiler.js';
import { type Fence, LEFT_OUT, root } from './fences.js';

/** A snippet that goes on for as long as its cache does, and what happens beside it until it has printed something; then the cache is closed. */
interface Endless {
  readonly page: string;
  /** A text of it, and of no other of its page. */
  readonly text: string;
  readonly beside: string;
}

export const ENDLESS: readonly Endless[] = [
  {
    page: 'docs/events.md',
    text: 'Cache.events({ buffer: 1000 })',
    beside: "await Cache.set('product:42', 'Tea pot', { ttl: '1h' });",
  },
  {
    page: 'docs/events.md',
    text: 'Cache.events({ cluster: true })',
    // A cache of another name is another process to this one.
    beside: `
      const { createCache } = await import('keepsake');
      globalThis.other ??= await createCache({ name: 'other', connection: process.env.DATABASE_URL, publishEvents: { sample: 1 } });
      await other.set('product:42', 'Tea pot', { ttl: '1h' });`,
  },
];

function endlessOf({ page, code }: Fence): Endless | undefined {
  return ENDLESS.find((endless) => endless.page === page && code.includes(endless.text));
}

/** What the database has when snippets run; dropped and made for each of them. */
export const SCHEMA = `
  drop table if exists product, users, order_lines;
  create table product (id integer primary key, name text not null, price integer not null default 1);
  create table users (id integer primary key, name text not null);
  create table order_lines (order_id integer, line integer, amount numeric, primary key (order_id, line));
  insert into product values (42, 'Tea pot')`;

/** The application of `ambient.d.ts`, by the names that snippets use; each is made where one is used. */
const APPLICATION: Readonly<Record<string, string>> = {
  FetchError: 'class FetchError extends Error {}',
  products: "{ find: async (id) => ({ id, name: 'Tea pot' }) }",
  createReport: 'async () => undefined',
  fetchRates: "async () => ({ source: 'example', validFor: 60_000 })",
  dataSource: `await new (await import('typeorm')).DataSource({ type: 'postgres', url: process.env.DATABASE_URL }).initialize()`,
  sql: `(await import('postgres')).default(process.env.DATABASE_URL)`,
  // Stands in for Prisma: its client is not installed, and answers raw queries with rows as objects, as this does.
  prisma: `{
    async $transaction(run) {
      const { default: pg } = await import('pg');
      const client = new pg.Client(process.env.DATABASE_URL);
      await client.connect();
      await client.query('begin');
      const rowsOf = async (text, values) => (await client.query(text, values)).rows;
      const result = await run({
        $executeRaw: (texts, ...values) => rowsOf(texts.reduce((all, text, n) => all + '$' + n + text), values),
        $queryRawUnsafe: (text, ...values) => rowsOf(text, values),
      });
      await client.query('commit');
      await client.end();
      return result;
    },
  }`,
};

/** Runs the snippet in its application, with a cache where it configures none, and beside what it waits for. */
function mainOf(snippet: string, module: string, endless: Endless | undefined): string {
  const configure = `await Cache.configure({ connection: process.env.DATABASE_URL, startup: 'fail', timeouts: { read: '10s', write: '10s' } });`;
  const used = Object.entries(APPLICATION).filter(([name]) => new RegExp(`\\b${name}\\b`).test(module));
  return `
    import { setTimeout } from 'node:timers/promises';
    import { parentPort } from 'node:worker_threads';
    import { Cache } from 'keepsake';
    Object.assign(globalThis, { ${used.map(([name, made]) => `${name}: ${made}`).join(', ')} });
    ${/Cache\.configure\(|createCache\(/.test(module) ? '' : configure}
    let printed = false;
    const { log } = console;
    console.log = (...texts) => { printed = true; log(...texts); };
    const run = import(${JSON.stringify(`./${snippet}`)});
    ${endless === undefined ? 'await run;' : `while (!printed) { ${endless.beside} await setTimeout(20); }`}
    await Cache.close();
    await run;
    parentPort.postMessage('ended');`;
}

/** Runs a snippet as a module; what went wrong, or undefined. */
export async function runSnippet(fence: Fence, module: string, database: string): Promise<string | undefined> {
  // Inside the package, so that it can import it by its name; the folder is ignored by git.
  const folder = join(root, '.cache', `snippet-${process.pid}-${Math.random().toString(36).slice(2)}`);
  await mkdir(folder, { recursive: true });
  try {
    await writeFile(join(folder, 'snippet.mjs'), transpile(module.replaceAll(LEFT_OUT, 'return null;')));
    await writeFile(join(folder, 'main.mjs'), mainOf('snippet.mjs', module, endlessOf(fence)));
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
