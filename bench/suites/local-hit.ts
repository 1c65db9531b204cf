/** Local hits: what a call costs that is answered in the process, against awaiting a bare async function. */
import { Cache, Cached } from 'keepsake';
import { LRUCache } from 'lru-cache';
import { openDatabase, PATIENT, SCHEMA } from '../fixtures/database.js';
import { type Product, smallProduct } from '../fixtures/product.js';
import { type LocalRival, loadRivals } from '../harness/rivals.js';
import { type Measured, runRounds, type Subject } from '../harness/rounds.js';
import type { Series } from '../harness/statistics.js';
import type { Effort, Promised, Suite, SuiteResult } from '../harness/suite.js';
import { median, type Table, withSpread } from '../harness/table.js';

type Metric = 'nanoseconds' | 'statements';

/** Keys in use: a power of two, so that picking one costs nothing. */
const KEYS = 1024;
const PICK = KEYS - 1;

/** Calls of one sample: enough for the clock, and for each subject to pay for its own garbage. */
const CALLS = 32 * KEYS;

/** What the decorated hit with two tags may cost more than the bare function. */
const ALLOWED_NS = 1000;

const PRODUCTS = Array.from({ length: KEYS }, (_, id) => smallProduct(id));

async function bare(id: number): Promise<Product | undefined> {
  return PRODUCTS[id];
}

const lru = new LRUCache<string, Product>({ max: 10_000 });

async function inLru(id: number): Promise<Product | undefined> {
  return lru.get(`product:${id}`);
}

const POLICY = { ttl: '1h' } as const;
const GIVEN = Object.freeze({ ttl: '1h', tags: ['products'] });

class Products {
  @Cached('untagged:{id}', POLICY)
  async untagged(id: number): Promise<Product | undefined> {
    return bare(id);
  }

  @Cached('tagged:{id}', { ...POLICY, tags: ['products', 'product:{id}'] })
  async tagged(id: number): Promise<Product | undefined> {
    return bare(id);
  }

  @Cached('cloned:{id}', { ...POLICY, tags: ['products', 'product:{id}'], isolation: 'cloned' })
  async cloned(id: number): Promise<Product | undefined> {
    return bare(id);
  }

  @Cached({ ...POLICY, tags: ['products', 'product:{id}'] })
  async keyedByArguments(id: number): Promise<Product | undefined> {
    return bare(id);
  }
}

const products = new Products();

/**
 * The loops are written out, one for each subject: in a shared one the call would see all of them, and the engine could optimise none.
 * Each adds up what it was answered, so that nothing can be left out.
 */
const LOOPS: Readonly<Record<string, (times: number) => Promise<number>>> = {
  'bare async function': async (times) => {
    let sum = 0;
    for (let i = 0; i < times; i++) sum += amount(await bare(i & PICK));
    return sum;
  },
  'lru-cache in an async function': async (times) => {
    let sum = 0;
    for (let i = 0; i < times; i++) sum += amount(await inLru(i & PICK));
    return sum;
  },
  '@Cached, no tags': async (times) => {
    let sum = 0;
    for (let i = 0; i < times; i++) sum += amount(await products.untagged(i & PICK));
    return sum;
  },
  '@Cached, two tags': async (times) => {
    let sum = 0;
    for (let i = 0; i < times; i++) sum += amount(await products.tagged(i & PICK));
    return sum;
  },
  '@Cached, two tags, key of all arguments': async (times) => {
    let sum = 0;
    for (let i = 0; i < times; i++) sum += amount(await products.keyedByArguments(i & PICK));
    return sum;
  },
  "@Cached, two tags, isolation 'cloned'": async (times) => {
    let sum = 0;
    for (let i = 0; i < times; i++) sum += amount(await products.cloned(i & PICK));
    return sum;
  },
  'Cache.get': async (times) => {
    let sum = 0;
    for (let i = 0; i < times; i++) sum += amount(await Cache.get<Product>(`given:${i & PICK}`));
    return sum;
  },
  'Cache.getOrSet': async (times) => {
    let sum = 0;
    for (let i = 0; i < times; i++) {
      const id = i & PICK;
      sum += amount(await Cache.getOrSet(`given:${id}`, () => bare(id), GIVEN));
    }
    return sum;
  },
};

const BARE = 'bare async function';
const IN_LRU = 'lru-cache in an async function';
const PROMISED = '@Cached, two tags';

function amount(product: Product | undefined): number {
  return product === undefined ? Number.NaN : product.price.amount;
}

export const localHit: Suite = {
  name: 'local',
  title: 'hits of the local tier',
  async run(effort: Effort): Promise<SuiteResult> {
    await using database = await openDatabase();
    const { options, statements } = database.counted(4);
    await using cache = await Cache.configure({
      connection: options,
      schema: SCHEMA,
      timeouts: PATIENT,
      // Statements of the stream are not those of hits; and without a stream copies are validated anew every `localLease`.
      notify: 'off',
      localLease: '1h',
    });
    for (const [id, product] of PRODUCTS.entries()) lru.set(`product:${id}`, product);
    // On a machine that is busy enough a fill may fail, and its value is kept for a moment only: so until all are there.
    while (cache.stats().local.entries < 5 * KEYS || cache.stats().store.health !== 'well') {
      await Promise.all(PRODUCTS.map((_, id) => callAll(id)));
      await cache.idle();
    }
    const rivals = effort.rivals === 'included' ? await openRivals() : [];
    try {
      const loops = [...Object.entries(LOOPS), ...rivals.map(({ name, loop }) => [name, loop] as const)];
      const subjects = loops.map(([name, loop]) => subject(name, loop, statements));
      return resultOf(
        await runRounds(subjects, { rounds: effort.rounds * 3, warmups: 5 }),
        rivals.map(({ name }) => name),
      );
    } finally {
      for (const { close } of rivals) await close();
    }
  },
};

async function openRivals(): Promise<readonly LocalRival[]> {
  const { openLocalRivals } = await loadRivals();
  return openLocalRivals({ keys: KEYS, load: async (id) => PRODUCTS[id] ?? smallProduct(id), amount });
}

function callAll(id: number): Promise<unknown> {
  return Promise.all([
    products.untagged(id),
    products.tagged(id),
    products.keyedByArguments(id),
    products.cloned(id),
    Cache.getOrSet(`given:${id}`, () => bare(id), GIVEN),
  ]);
}

function subject(name: string, loop: (times: number) => Promise<number>, statements: () => number): Subject<Metric> {
  return {
    name,
    check: async () => {
      const sum = await loop(KEYS);
      if (sum !== SUM) throw new Error(`Expected the answers to add up to ${SUM}, got ${sum}`);
    },
    sample: async () => {
      const before = statements();
      // Processor time: the clock on the wall would also count the neighbours' work whenever this process has to wait for them.
      const began = process.cpuUsage();
      const sum = await loop(CALLS);
      const { user, system } = process.cpuUsage(began);
      if (sum !== (CALLS / KEYS) * SUM) throw new Error(`\`${name}\` answered something else while it was timed`);
      return { nanoseconds: ((user + system) * 1000) / CALLS, statements: statements() - before };
    },
  };
}

/** What the answers to all keys add up to. */
const SUM = PRODUCTS.reduce((sum, product) => sum + amount(product), 0);

function resultOf(measured: (name: string) => Measured<Metric>, rivals: readonly string[]): SuiteResult {
  const reference = measured(BARE).nanoseconds;
  const names = [...Object.keys(LOOPS), ...rivals];
  const ours = measured(PROMISED).nanoseconds;
  const slower = Object.fromEntries(rivals.map((name) => [name, measured(name).nanoseconds.over(ours)]));
  const more = measured(PROMISED).nanoseconds.minus(reference);
  const queries = Math.max(...names.flatMap((name) => measured(name).statements.values));
  const table: Table = {
    title: 'Local hit, nanoseconds per awaited call',
    head: ['', 'ns (quartiles)', 'more than bare', 'times bare'],
    rows: names.map((name) => {
      const { nanoseconds } = measured(name);
      const others =
        name === BARE ? ['', ''] : [withSpread(nanoseconds.minus(reference)), median(nanoseconds.over(reference))];
      return [name, withSpread(nanoseconds), ...others];
    }),
  };
  const series: Record<string, Series> = {};
  for (const name of names) {
    series[`${name}: ns`] = measured(name).nanoseconds;
    series[`${name}: statements`] = measured(name).statements;
  }
  return {
    tables: [table],
    series: {
      ...series,
      [`${PROMISED}: ns more than bare`]: more,
      [`${PROMISED}: times lru-cache in an async function`]: ours.over(measured(IN_LRU).nanoseconds),
    },
    promises: [
      ...comparedWith(slower),
      {
        promise: `a decorated local hit with two tags costs at most ${ALLOWED_NS} ns more than a bare async function`,
        seen: `${withSpread(more)} ns`,
        verdict: more.median <= ALLOWED_NS ? 'kept' : 'broken',
      },
      {
        promise: 'local hits issue no statement',
        seen: `at most ${queries} in a sample`,
        verdict: queries === 0 ? 'kept' : 'broken',
      },
    ],
  };
}

/** What is promised over other libraries: `slower` says how many times as long as ours their hits take. */
function* comparedWith(slower: Readonly<Record<string, Series>>): Generator<Promised> {
  const names = Object.keys(slower);
  if (names.length === 0) return;
  const fastest = Math.min(...Object.values(slower).map((series) => series.median));
  yield {
    promise: 'a decorated local hit with two tags is at least as fast as that of the fastest of the others',
    seen: `the fastest takes ${fastest.toFixed(2)} times as long`,
    verdict: fastest >= 1 ? 'kept' : 'broken',
  };
  for (const name of ['bentocache', 'cacheable']) {
    const times = slower[name]?.median ?? Number.NaN;
    yield {
      promise: `a hit takes ${name} at least 5 times as long`,
      seen: `${times.toFixed(1)} times`,
      verdict: times >= 5 ? 'kept' : 'broken',
    };
  }
}
