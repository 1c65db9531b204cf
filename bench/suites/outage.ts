/**
 * An outage: the store swallows everything without a word, while 200 callers go on. Before the breaker opens each waits for one deadline of the
 * store; after that, for its loader. Callers who never pause ask for as much as one thread can do, and wait for it and for each other: what they see
 * is the processor time of a call, 200 times. So that is measured as well, beside that of the bare loader through the same callers; and
 * they are measured again with pauses, which leave what a call takes by itself.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { createCache } from 'keepsake';
import { TcpProxy } from '../../test/support/tcp-proxy.js';
import { type BenchDatabase, openDatabase, SCHEMA } from '../fixtures/database.js';
import { type Measured, runRounds, type Subject } from '../harness/rounds.js';
import { quantile } from '../harness/statistics.js';
import type { Effort, Promised, Suite, SuiteResult } from '../harness/suite.js';
import { median, type Table } from '../harness/table.js';

const CALLERS = 200;

/** Milliseconds: a loader's work, and the store's deadline, which is the default. */
const LOADER = 5;
const DEADLINE = 250;

/** What may come on top, in milliseconds. */
const OVER_DEADLINE = 50;
const OVER_LOADER = 10;

/** Longest time until the breaker must have opened, in milliseconds: five deadlines, and a machine that is late. */
const PATIENCE = 30_000;

/** Longest pause between two calls of one caller, in milliseconds, where they pause at all. */
const PAUSE = 90;

const PHASES = ['until the breaker opens', 'afterwards', 'afterwards, with pauses'] as const;

type Phase = (typeof PHASES)[number];
const FIGURES = ['p50', 'p99', 'max', 'cpu', 'calls'] as const;

type Metric = `${(typeof FIGURES)[number]} ${Phase}` | 'opened';

interface Driven {
  /** What each call took, in milliseconds. */
  readonly took: readonly number[];
  /** Microseconds of this process's processor time for each, all its threads and the callers themselves included. */
  readonly cpu: number;
}

export const outage: Suite = {
  name: 'outage',
  title: 'calls while the store is a black hole',
  async run(effort: Effort): Promise<SuiteResult> {
    await using database = await openDatabase();
    const subjects = [blackHole(database, effort.sampleMs), bareLoader(effort.sampleMs)];
    const measured = await runRounds(subjects, { rounds: effort.rounds, warmups: 1 });
    return resultOf(measured('getOrSet over a black hole'), measured('the bare loader'));
  },
};

/** Calls of missing keys, by all callers at once, in a cache that was well until now. */
function blackHole(database: BenchDatabase, sampleMs: number): Subject<Metric> {
  const sample = async (): Promise<Record<Metric, number>> => {
    const proxy = await TcpProxy.start(database.connectionString);
    const connection = proxy.url(database.connectionString);
    const name = `bench-outage-${proxy.port}`;
    const logger = { warn: () => undefined };
    const cache = await createCache({ name, connection, schema: SCHEMA, startup: 'fail', sweep: false, logger });
    try {
      let opened = Number.POSITIVE_INFINITY;
      cache.on('breaker', ({ state }) => {
        if (state === 'open') opened = Math.min(opened, performance.now());
      });
      let asked = 0;
      const call = async (): Promise<void> => {
        asked += 1;
        const n = asked;
        const value = await cache.getOrSet(`${name}:${n}`, () => load(n), { ttl: '1h' });
        if (value !== n) throw new Error(`Asked for ${n}, got ${value}`);
      };
      await drive((since) => since < 100, call);
      await proxy.behave('black-hole');
      const gone = performance.now();
      const before = await drive((_, now) => now < Math.min(opened, gone + PATIENCE), call);
      const after = await drive((since) => since < sampleMs, call);
      const paused = await drive((since) => since < 2 * sampleMs, call, PAUSE);
      return {
        ...phase('until the breaker opens', before),
        ...phase('afterwards', after),
        ...phase('afterwards, with pauses', paused),
        opened: opened - gone,
      };
    } finally {
      await proxy.behave('pass');
      proxy.cut();
      await cache.close();
      await proxy.close();
    }
  };
  return { name: 'getOrSet over a black hole', check: async () => undefined, sample };
}

/** What the same callers take without any cache. */
function bareLoader(sampleMs: number): Subject<Metric> {
  const sample = async (): Promise<Record<Metric, number>> => {
    const call = async (): Promise<void> => void (await load(0));
    const calls = await drive((since) => since < sampleMs, call);
    const paused = await drive((since) => since < 2 * sampleMs, call, PAUSE);
    return {
      ...phase('until the breaker opens', calls),
      ...phase('afterwards', calls),
      ...phase('afterwards, with pauses', paused),
      opened: 0,
    };
  };
  return { name: 'the bare loader', check: async () => undefined, sample };
}

async function load(n: number): Promise<number> {
  await wait(LOADER);
  return n;
}

/** All callers call again and again while `isOn` (milliseconds since the beginning, and the instant), with pauses of up to so long; answers every call. */
async function drive(
  isOn: (since: number, now: number) => boolean,
  call: () => Promise<void>,
  longestPause = 0,
): Promise<Driven> {
  const took: number[] = [];
  const cpu = process.cpuUsage();
  const start = performance.now();
  const caller = async (): Promise<void> => {
    for (let began = performance.now(); isOn(began - start, began); began = performance.now()) {
      await call();
      took.push(performance.now() - began);
      if (longestPause > 0) await wait(Math.random() * longestPause);
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  const { user, system } = process.cpuUsage(cpu);
  return { took, cpu: (user + system) / took.length };
}

function phase(name: Phase, { took, cpu }: Driven): Record<Metric, number> {
  const figures = {
    p50: quantile(took, 0.5),
    p99: quantile(took, 0.99),
    max: Math.max(...took),
    cpu,
    calls: took.length,
  };
  const named = Object.entries(figures).map(([figure, value]) => [`${figure} ${name}`, value]);
  return Object.fromEntries(named) as Record<Metric, number>;
}

function resultOf(ours: Measured<Metric>, bare: Measured<Metric>): SuiteResult {
  const table: Table = {
    title: `${CALLERS} callers over a black hole: store deadline ${DEADLINE} ms, loader ${LOADER} ms`,
    head: ['', 'p50 ms', 'p99 ms', 'max ms', 'CPU µs a call', 'calls a round'],
    rows: [
      ...PHASES.map((name) => [name, ...FIGURES.map((figure) => median(ours[`${figure} ${name}`]))]),
      ...PHASES.slice(1).map((name) => [
        `the bare loader${name.replace('afterwards', '')}`,
        ...FIGURES.map((figure) => median(bare[`${figure} ${name}`])),
      ]),
    ],
  };
  return {
    tables: [table],
    promises: [
      within(ours, 'until the breaker opens', DEADLINE + OVER_DEADLINE, `store deadline + ${OVER_DEADLINE} ms`),
      within(ours, 'afterwards', LOADER + OVER_LOADER, `loader + ${OVER_LOADER} ms`),
      within(ours, 'afterwards, with pauses', LOADER + OVER_LOADER, `loader + ${OVER_LOADER} ms`),
    ],
    series: {
      'p99 ms until the breaker opens': ours['p99 until the breaker opens'],
      'p99 ms afterwards': ours['p99 afterwards'],
      'p99 ms afterwards, with pauses': ours['p99 afterwards, with pauses'],
      'p99 ms of the bare loader': bare['p99 afterwards'],
      'CPU µs of a call afterwards': ours['cpu afterwards'],
      'CPU µs of the bare loader': bare['cpu afterwards'],
      'ms until the breaker opened': ours.opened,
    },
  };
}

function within(ours: Measured<Metric>, name: Phase, bound: number, words: string): Promised {
  const p99 = ours[`p99 ${name}`];
  return {
    promise: `${CALLERS} callers over a black hole, ${name}: p99 within ${words}`,
    seen: `${p99.median.toFixed(1)} ms, at most ${bound}; ${Math.max(...p99.values).toFixed(1)} in the worst round`,
    verdict: p99.median <= bound ? 'kept' : 'broken',
  };
}
