/** The examples that answer one question each: what they print, and that the documentation lists every one there is. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { useDatabase } from '../support/database.js';
import { runExample } from './run-example.js';

const database = useDatabase();

/** What each prints, line by line; the same in memory and over PostgreSQL where it runs in both. */
const PRINTED = {
  'standard-decorators': [
    'found Bergen and Bergen in 1 query',
    'renamed: Bjørgvin',
    'counted 1',
    'rain in Bergen',
    'rain in Bergen (stale: the service is down)',
  ],
  'several-caches': [
    'runs for two rounds: 2',
    'in the default cache: true false',
    'in reports: false true',
    'runs after clearing the default one: 3',
  ],
  'adaptive-lifetimes': ['open     kept for 1 min', 'closed   kept for 480 min', 'unknown  not kept', 'requests: 4'],
  'own-pool': ['kettles: 3', 'kettles: 2', 'kettles: 10', 'the pool is still ours'],
  'rotating-credentials': ['asked for the password at first: true', 'after the change: hello', 'asked again: true'],
  'cluster-events': [
    ...['loadStart', 'loadEnd', 'write', 'miss', 'hit'].map((type) => `Prices.find ${type}: 1`),
    'elsewhere invalidate: 1',
    'dropped: 0 ignored: 0',
  ],
  drizzle: ['at first: Tea pot', 'renamed: Kettle', 'rolled back: Changed my mind', 'still: Kettle'],
};

describe('examples', () => {
  it.each(Object.entries(PRINTED))('%s', async (name, lines) => {
    const { status, output, errors } = await runExample(name, { DATABASE_URL: database.url });
    expect({ status, errors, lines: output.trim().split('\n') }).toEqual({ status: 0, errors: '', lines });
  });

  it('testing-a-service', async () => {
    const { status, output } = await runExample('testing-a-service', {});
    expect(output).toMatch(/\bpass 4\b/);
    expect(status).toBe(0);
  });

  it('custom-store passes the contract suite', async () => {
    const { status, output } = await runExample('custom-store', {});
    expect(output).toMatch(/\bfail 0\b/);
    expect(Number(/\bpass (\d+)/.exec(output)?.[1])).toBeGreaterThan(140);
    expect(status).toBe(0);
  });

  it('the index of the documentation has a row for each', () => {
    const root = new URL('../../', import.meta.url);
    const index = readFileSync(new URL('docs/README.md', root), 'utf8');
    const rows = [...index.matchAll(/^\| \[[^\]]+\]\(\.\.\/examples\/([\w-]+)\//gm)].map(([, name = '']) => name);
    expect(rows.toSorted()).toEqual(readdirSync(new URL('examples', root)).toSorted());
  });
});
