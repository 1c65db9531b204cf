/** Whole collections: a thousand warm rows from either tier against the select one would write by hand, one row's read being their base. */
import { type CacheInstance, createCache } from 'keepsake';
import type pg from 'pg';
import { type BenchDatabase, openDatabase, PATIENT, SCHEMA } from '../fixtures/database.js';
import { type Measured, runRounds, type Subject } from '../harness/rounds.js';
import type { Series } from '../harness/statistics.js';
import type { Effort, Promised, Suite, SuiteResult } from '../harness/suite.js';
import { median, ratio, type Table, withSpread } from '../harness/table.js';

type Metric = 'milliseconds' | 'cpu';

const ROWS = 1_000;
const IDS = Array.from({ length: ROWS }, (_, id) => id + 1);
const KEYS = IDS.map((id) => `row:${id}`);

/** What the select by hand may be exceeded by, and what the local tier must be faster by. */
const ALLOWED = 1.5;
const TIMES_FASTER = 10;

interface ShopRow {
  readonly id: number;
  readonly name: string;
  readonly price: number;
  readonly currency: string;
  readonly in_stock: boolean;
  readonly text: string;
}

const BY_HAND = 'select by hand';
const BY_HAND_DATED = 'select by hand, rows with a timestamptz';
const DATED = 'readMany, shared tier, rows with a timestamptz';
const SHARED = ['getMany, shared tier', 'getOrSetMany, shared tier', 'readMany, shared tier'] as const;
const LOCAL = ['getMany, local tier', 'getOrSetMany, local tier', 'readMany, local tier'] as const;

/** What the prices of all rows add up to. */
const SUM = IDS.reduce((sum, id) => sum + 1_000 + id, 0);

export const tables: Suite = {
  name: 'tables',
  title: 'a thousand warm rows at once',
  async run(effort: Effort): Promise<SuiteResult> {
    await using database = await openDatabase();
    const pool = database.pool(database.counted(4).options);
    await createTables(pool);
    await using shared = await open(database, 'shared');
    await using local = await open(database, 'local');
    await pool.query('analyze');
    const asked = subjectsOf(pool, shared, local);
    const subjects = Object.entries(asked).map(([name, call]) => subject(name, call, effort.sampleMs / 4));
    return resultOf(await runRounds(subjects, { rounds: effort.rounds, warmups: 5 }));
  },
};

async function createTables(pool: pg.Pool): Promise<void> {
  const columns = 'id integer primary key, name text, price integer, currency text, in_stock boolean, text text';
  const values = "n, 'Jacket ' || n, 1000 + n, 'EUR', n % 2 = 0, 'Waterproof, with a hood.'";
  const source = `generate_series(1, ${ROWS}) as n`;
  await pool.query(`create table shop (${columns})`);
  await pool.query(`insert into shop select ${values} from ${source}`);
  await pool.query(`create table dated (${columns}, changed_at timestamptz)`);
  await pool.query(`insert into dated select ${values}, now() from ${source}`);
}

async function open(database: BenchDatabase, tier: 'shared' | 'local'): Promise<CacheInstance> {
  const cache = await createCache({
    name: `bench-tables-${tier}`,
    connection: database.counted(4).options,
    schema: SCHEMA,
    prefix: `${tier}_`,
    timeouts: PATIENT,
    // Without a stream copies are validated anew after every `localLease`.
    ...(tier === 'shared' ? { local: false } : { notify: 'off', localLease: '1h' }),
  });
  return cache;
}

type Answered = Iterable<{ readonly price: number } | null | undefined>;

function subjectsOf(
  pool: pg.Pool,
  shared: CacheInstance,
  local: CacheInstance,
): Readonly<Record<string, () => Promise<Answered>>> {
  const byHand = (table: string) => async () => {
    const text = `select * from ${table} where id = any($1::int[])`;
    return (await pool.query<ShopRow>({ name: `by_hand_${table}`, text, values: [IDS] })).rows;
  };
  const load = async (keys: readonly string[]): Promise<ShopRow[]> => {
    const ids = keys.map((key) => Number(key.slice('row:'.length)));
    return (await pool.query<ShopRow>('select * from shop where id = any($1::int[]) order by id', [ids])).rows;
  };
  const getOrSetMany = async (cache: CacheInstance) =>
    (await cache.getOrSetMany<ShopRow>(KEYS, load, { ttl: '1h', tags: ['rows'] })).values();
  const getMany = async (cache: CacheInstance) => (await cache.getMany<ShopRow>(KEYS)).values();
  const table = (cache: CacheInstance, name: string) =>
    cache.table<ShopRow, number>(name, { schema: SCHEMA, primaryKey: ['id'], ttl: '1h' });
  const [sharedRows, localRows, datedRows] = [table(shared, 'shop'), table(local, 'shop'), table(shared, 'dated')];
  const fillLocal = async () => void (await getOrSetMany(local));
  const [getManyShared, getOrSetManyShared, readManyShared] = SHARED;
  const [getManyLocal, getOrSetManyLocal, readManyLocal] = LOCAL;
  let localIsFull: Promise<void> | undefined;
  return {
    [BY_HAND]: byHand('shop'),
    [getOrSetManyShared]: () => getOrSetMany(shared),
    [getManyShared]: () => getMany(shared),
    [readManyShared]: () => sharedRows.readMany(IDS),
    [getManyLocal]: async () => {
      localIsFull ??= fillLocal();
      await localIsFull;
      return await getMany(local);
    },
    [getOrSetManyLocal]: () => getOrSetMany(local),
    [readManyLocal]: () => localRows.readMany(IDS),
    [BY_HAND_DATED]: byHand('dated'),
    [DATED]: () => datedRows.readMany(IDS),
  };
}

function subject(name: string, call: () => Promise<Answered>, ms: number): Subject<Metric> {
  const checked = async (): Promise<void> => {
    let sum = 0;
    for (const row of await call()) sum += row?.price ?? Number.NaN;
    if (sum !== SUM) throw new Error(`Expected the prices of all rows to add up to ${SUM}, got ${sum}`);
  };
  return {
    name,
    check: checked,
    sample: async () => {
      const cpu = process.cpuUsage();
      const began = performance.now();
      let calls = 0;
      do {
        await checked();
        calls += 1;
      } while (performance.now() - began < ms);
      const { user, system } = process.cpuUsage(cpu);
      return { milliseconds: (performance.now() - began) / calls, cpu: (user + system) / 1000 / calls };
    },
  };
}

function resultOf(measured: (name: string) => Measured<Metric>): SuiteResult {
  const series: Record<string, Series> = {};
  const row = (name: string, reference: string): readonly string[] => {
    const { milliseconds, cpu } = measured(name);
    series[`${name}: ms`] = milliseconds;
    series[`${name}: client CPU ms`] = cpu;
    if (name === reference) return [name, withSpread(milliseconds), median(cpu), '', ''];
    const times = milliseconds.over(measured(reference).milliseconds);
    const timesCpu = cpu.over(measured(reference).cpu);
    series[`${name}: times the select by hand`] = times;
    return [name, withSpread(milliseconds), median(cpu), ratio(times), ratio(timesCpu)];
  };
  const table: Table = {
    title: `${ROWS} warm rows at once`,
    head: ['', 'ms (quartiles)', 'client CPU ms', 'times by hand', 'client CPU, times by hand'],
    rows: [
      ...[BY_HAND, ...SHARED, ...LOCAL].map((name) => row(name, BY_HAND)),
      ...[BY_HAND_DATED, DATED].map((name) => row(name, BY_HAND_DATED)),
    ],
  };
  return { tables: [table], series, promises: [...promisesOf(measured)] };
}

function* promisesOf(measured: (name: string) => Measured<Metric>): Generator<Promised> {
  const reference = measured(BY_HAND).milliseconds;
  for (const name of SHARED) {
    const times = measured(name).milliseconds.over(reference);
    yield {
      promise: `${name}: ${ROWS} warm rows take at most ${ALLOWED} times as long as one select by hand`,
      seen: ratio(times),
      verdict: times.median <= ALLOWED ? 'kept' : 'broken',
    };
  }
  for (const name of LOCAL) {
    const times = reference.over(measured(name).milliseconds);
    yield {
      promise: `${name}: ${ROWS} warm rows are at least ${TIMES_FASTER} times faster than one select by hand`,
      seen: ratio(times),
      verdict: times.median >= TIMES_FASTER ? 'kept' : 'broken',
    };
  }
}
