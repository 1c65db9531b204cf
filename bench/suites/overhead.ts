/** Overhead: what scopes, a policy provider and observers add to a local hit, unused and in use. */
import { type CacheInstance, type CacheOptions, createCache } from 'keepsake';
import { type Product, smallProduct } from '../fixtures/product.js';
import { type Measured, runRounds, type Subject } from '../harness/rounds.js';
import type { Series } from '../harness/statistics.js';
import type { Effort, Promised, Suite, SuiteResult } from '../harness/suite.js';
import { ratio, type Table, withSpread } from '../harness/table.js';

type Metric = 'nanoseconds';

const KEYS = 1024;
const CALLS = 16 * KEYS;
const POLICY = Object.freeze({ ttl: '1h' });

/** What those in use may add, in nanoseconds. */
const ALLOWED_NS = 1000;

/** And what a scope may that was opened once, and has ended: none of a later call's business. */
const ALLOWED_UNUSED = 1.05;

const PLAIN = 'none of them';
const BARE = 'bare async function';

const PRODUCTS = Array.from({ length: KEYS }, (_, id) => smallProduct(id));

interface Contender {
  readonly name: string;
  readonly options: CacheOptions;
  /** How a sample is run. */
  readonly around: (cache: CacheInstance, run: () => Promise<number>) => Promise<number>;
}

const plainly: Contender['around'] = (_, run) => run();

const CONTENDERS: readonly Contender[] = [
  { name: PLAIN, options: {}, around: plainly },
  { name: 'one observer', options: { observer: { onEvent: () => undefined } }, around: plainly },
  { name: 'a policy provider', options: { policyProvider: () => ({ grace: '1m' }) }, around: plainly },
  { name: 'inside of a scope', options: {}, around: (cache, run) => cache.enable(run) },
];

export const overhead: Suite = {
  name: 'overhead',
  title: 'what scopes, providers and observers add to a local hit',
  async run(effort: Effort): Promise<SuiteResult> {
    const before = await measure(CONTENDERS.slice(0, 3), effort);
    await using other = await createCache({ name: 'bench-overhead other', connection: 'null' });
    // The first scope that a process opens may be felt by all calls after it, which is what "unused" is measured by.
    await other.enable(async () => undefined);
    const after = await measure(CONTENDERS, effort);
    return resultOf(before, after);
  },
};

async function measure(contenders: readonly Contender[], effort: Effort): Promise<(name: string) => Measured<Metric>> {
  const caches: CacheInstance[] = [];
  try {
    const subjects: Subject<Metric>[] = [];
    for (const contender of contenders) {
      const { name, options, around } = contender;
      const cache = await createCache({ name: `bench-overhead ${name}`, connection: 'null', ...options });
      caches.push(cache);
      for (const id of PRODUCTS.keys()) await hit(cache, id);
      subjects.push(subject(name, (loop) => around(cache, loop), cache));
    }
    subjects.push(subject(BARE, (loop) => loop(), undefined));
    return await runRounds(subjects, { rounds: effort.rounds * 2, warmups: 5 });
  } finally {
    for (const cache of caches) await cache.close();
  }
}

function hit(cache: CacheInstance, id: number): Promise<Product> {
  return cache.getOrSet(`given:${id}`, async () => PRODUCTS[id] ?? smallProduct(id), { ...POLICY, tiers: 'local' });
}

function subject(
  name: string,
  around: (loop: () => Promise<number>) => Promise<number>,
  cache: CacheInstance | undefined,
): Subject<Metric> {
  const policy = Object.freeze({ ...POLICY, tiers: 'local' as const });
  const missing = (): Promise<Product> => Promise.reject(new Error('An entry is not there'));
  const bare = async (id: number): Promise<Product> => PRODUCTS[id] ?? smallProduct(id);
  // Written out twice: in a shared loop the call would see both.
  const bareLoop = async (): Promise<number> => {
    let sum = 0;
    for (let i = 0; i < CALLS; i += 1) sum += (await bare(i % KEYS)).price.amount;
    return sum;
  };
  const loop = async (): Promise<number> => {
    if (cache === undefined) return await bareLoop();
    let sum = 0;
    for (let i = 0; i < CALLS; i += 1) sum += (await cache.getOrSet(`given:${i % KEYS}`, missing, policy)).price.amount;
    return sum;
  };
  const expected = (CALLS / KEYS) * PRODUCTS.reduce((sum, { price }) => sum + price.amount, 0);
  const checked = async (): Promise<void> => {
    const sum = await around(loop);
    if (sum !== expected) throw new Error(`Expected the answers to add up to ${expected}, got ${sum}`);
  };
  return {
    name,
    check: checked,
    sample: async () => {
      const began = process.cpuUsage();
      await checked();
      const { user, system } = process.cpuUsage(began);
      return { nanoseconds: ((user + system) * 1000) / CALLS };
    },
  };
}

function resultOf(before: (name: string) => Measured<Metric>, after: (name: string) => Measured<Metric>): SuiteResult {
  const series: Record<string, Series> = {};
  const promises: Promised[] = [];
  const plainBefore = before(PLAIN).nanoseconds;
  const plainAfter = after(PLAIN).nanoseconds;
  const row = (name: string, measured: Series, reference: Series): readonly string[] => {
    series[`${name}: ns`] = measured;
    series[`${name}: ns more`] = measured.minus(reference);
    return [name, withSpread(measured), withSpread(measured.minus(reference)), ratio(measured.over(reference))];
  };
  const rows = [[PLAIN, withSpread(plainBefore), '', '']];
  for (const { name } of CONTENDERS.slice(1, 3)) rows.push([...row(name, before(name).nanoseconds, plainBefore)]);
  rows.push([`${PLAIN}, once a scope was opened`, withSpread(plainAfter), '', '']);
  for (const { name } of CONTENDERS.slice(3)) rows.push([...row(name, after(name).nanoseconds, plainAfter)]);
  const toBare = (measured: (name: string) => Measured<Metric>): Series =>
    measured(PLAIN).nanoseconds.over(measured(BARE).nanoseconds);
  const unused = toBare(after).over(toBare(before));
  promises.push({
    promise:
      'a scope that was opened once, and has ended, adds less than 5 % to hits, as times of a bare async function',
    seen: ratio(unused),
    verdict: unused.median <= ALLOWED_UNUSED ? 'kept' : 'broken',
  });
  for (const { name } of CONTENDERS) {
    const more = series[`${name}: ns more`];
    if (more === undefined) continue;
    promises.push({
      promise: `${name}: at most ${ALLOWED_NS} ns more for a local hit`,
      seen: `${withSpread(more)} ns`,
      verdict: more.median <= ALLOWED_NS ? 'kept' : 'broken',
    });
  }
  const table: Table = {
    title: 'A local hit of getOrSet, nanoseconds of processor time',
    head: ['', 'ns (quartiles)', 'more', 'times'],
    rows,
  };
  return { tables: [table], series, promises };
}
