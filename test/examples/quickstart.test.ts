import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { beforeAll, describe, expect, it } from 'vitest';
import { useDatabase } from '../support/database.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const tsx = join(dirname(createRequire(import.meta.url).resolve('tsx/package.json')), 'dist/cli.mjs');

/** Every row of the table at the end: its call, where the answer came from, and what was found. */
const FACTS = [
  ["search('sao paulo')", 'loader', 'miss'],
  ["search('sao paulo')", 'local', 'fresh'],
  ["1000 x search('sao paulo')", 'local', 'fresh'],
  ['20 x nearest(27.99, 86.93)', 'loader', 'miss'],
  ["2nd process: search('sao paulo')", 'shared', 'fresh'],
  ["2nd process: search('sao paulo')", 'local', 'fresh'],
  ["extremes('IS')", 'loader', 'miss'],
  ["add('São Paulo da Lembrança')", '-', 'invalidate'],
  ["extremes('IS')", 'local', 'fresh'],
  ["search('sao paulo')", 'loader', 'miss'],
  ["2nd process: search('sao paulo')", 'shared', 'fresh'],
  ['namesakes()', 'loader', 'miss'],
  ['namesakes()', 'local', 'early'],
  ['its refresh', 'loader', 'refresh'],
  ['namesakes()', 'local', 'fresh'],
  ['largest()', 'loader', 'miss'],
  ['locked: nearest(64.1, -21.9)', 'loader', 'error'],
  ['locked: largest()', 'shared', 'stale'],
  ['locked: largest()', 'shared', 'stale'],
  ['largest()', 'loader', 'miss'],
  ["getOrSet('southern')", 'loader', 'miss'],
  ["getOrSet('southern')", 'local', 'fresh'],
  ["search('hogwarts')", 'loader', 'miss'],
];

interface Run {
  readonly status: number;
  readonly output: string;
  readonly errors: string;
}

/** What `npm run demo` runs after its install and its build, which `npm test` has made as well. */
function quickstart(env: Readonly<Record<string, string>>): Promise<Run> {
  const { DATABASE_URL: _, ...inherited } = process.env;
  return new Promise((resolve) => {
    const options = { cwd: root, env: { ...inherited, ...env }, timeout: 120_000 };
    execFile(process.execPath, [tsx, 'examples/quickstart/main.ts'], options, (error, output, errors) => {
      resolve({ status: error === null ? 0 : Number(error.code ?? -1), output, errors });
    });
  });
}

/** The cells of each row below the head of the table. */
function rowsOf(
  output: string,
): readonly { readonly facts: readonly string[]; readonly ms: number; readonly answer: string }[] {
  const [, , below = ''] = /^( *call +source +state +ms +answer)\n[- ]+\n((?:.+\n|\n(?=[ \d]))+)/m.exec(output) ?? [];
  const lines = below.split('\n').filter((line) => /^[ \d]/.test(line));
  return lines.map((line) => {
    const [call = '', source = '', state = '', ms = '', answer = ''] = line.slice(1).trim().split(/ {2,}/);
    return { facts: [call, source, state], ms: Number(ms), answer };
  });
}

describe('the quickstart on an embedded server', () => {
  let run: Run;

  beforeAll(async () => {
    run = await quickstart({});
  });

  it('ends well, without a warning', () => {
    expect(run).toMatchObject({ status: 0, errors: '' });
  });

  it('shows where every answer came from, in what state', () => {
    expect(rowsOf(run.output).map(({ facts }) => facts)).toEqual(FACTS);
  });

  it('says how long each took', () => {
    const times = rowsOf(run.output).map(({ ms }) => ms);
    expect(times.length).toBe(FACTS.length);
    expect(times.every((ms) => ms > 0)).toBe(true);
  });

  it('INVARIANT 12: loads once for twenty callers of a missing key', () => {
    expect(rowsOf(run.output).find(({ facts }) => facts[0]?.startsWith('20 x'))?.answer).toBe('20 callers, 1 load');
  });

  it('finds the new city after the invalidation, and not before, in either process', () => {
    const searches = rowsOf(run.output).filter(({ facts }) => facts[0]?.endsWith("search('sao paulo')"));
    const counts = searches.map(({ answer }) => Number.parseInt(answer, 10)).filter((count) => !Number.isNaN(count));
    const before = counts[0] ?? 0;
    expect(before).toBeGreaterThan(1);
    expect(counts).toEqual([before, before, before, before, before + 1, before + 1]);
  });

  it('loads more than 100 000 cities, and shows it without control characters where there is no terminal', () => {
    const [, count = ''] = /([\d,]+) rows in/.exec(run.output) ?? [];
    expect(Number(count.replaceAll(',', ''))).toBeGreaterThan(100_000);
    expect(run.output).not.toContain('\r');
    expect(run.output).not.toContain('\u001b');
  });
});

describe('the quickstart on a server of yours', () => {
  const database = useDatabase();

  it('shows the same, and leaves nothing behind', async () => {
    const run = await quickstart({ DATABASE_URL: database.url });
    expect(run).toMatchObject({ status: 0, errors: '' });
    expect(rowsOf(run.output).map(({ facts }) => facts)).toEqual(FACTS);
    expect(run.output + run.errors).not.toContain(`:${new URL(database.url).password}@`);
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    const { rows } = await client.query(
      `select nspname from pg_namespace where nspname !~ '^(pg_|information_schema)'`,
    );
    await client.end();
    expect(rows).toEqual([{ nspname: 'public' }]);
  });
});
