/** The shared tier: gets and sets that go to PostgreSQL, against plain prepared statements on a pool of the same size. */
import { createCache } from 'keepsake';
import { openDatabase, PATIENT, SCHEMA } from '../fixtures/database.js';
import { createPlainTable } from '../fixtures/plain-table.js';
import { kilobyteProduct, type Product, repeatableNumbers } from '../fixtures/product.js';
import { drive, type LoadMetric } from '../harness/load.js';
import { type Measured, runRounds, type Subject } from '../harness/rounds.js';
import type { Series } from '../harness/statistics.js';
import type { Effort, Suite, SuiteResult } from '../harness/suite.js';
import { median, ratio, type Table } from '../harness/table.js';

const POOL = 4;
const KEYS = 5_000;
const CALLERS = [1, 20, 100] as const;
const OPERATIONS = ['get', 'set'] as const;
const SIDES = ['keepsake', 'plain pg'] as const;

type Operation = (typeof OPERATIONS)[number];
type Side = (typeof SIDES)[number];

/** Gets and sets of one side, and its statements so far. */
interface Contender extends Readonly<Record<Operation, (id: number) => Promise<void>>> {
  readonly statements: () => number;
}

const PRODUCTS = Array.from({ length: KEYS }, (_, id) => kilobyteProduct(id));

const tagsOf = (id: number): string[] => ['products', `product:${id % 100}`];

export const sharedTier: Suite = {
  name: 'shared',
  title: 'gets and sets of the shared tier',
  async run(effort: Effort): Promise<SuiteResult> {
    await using database = await openDatabase();
    const ours = database.counted(POOL);
    await using cache = await createCache({
      name: 'bench-shared',
      connection: ours.options,
      poolSize: POOL,
      schema: SCHEMA,
      local: false,
      timeouts: PATIENT,
    });
    const theirs = database.counted(POOL);
    const table = await createPlainTable(database.pool(theirs.options));
    const contenders: Record<Side, Contender> = {
      keepsake: {
        statements: ours.statements,
        get: async (id) => check(id, await cache.get<Product>(`product:${id}`)),
        set: async (id) => cache.set(`product:${id}`, productOf(id), { ttl: '1h', tags: tagsOf(id) }),
      },
      'plain pg': {
        statements: theirs.statements,
        get: async (id) => check(id, await table.get(`product:${id}`)),
        set: async (id) => table.set(`product:${id}`, productOf(id), tagsOf(id)),
      },
    };
    for (const side of SIDES) await Promise.all(PRODUCTS.map((_, id) => contenders[side].set(id)));
    await database.pool(theirs.options).query('analyze');
    const subjects = OPERATIONS.flatMap((operation) =>
      CALLERS.flatMap((callers) =>
        SIDES.map((side) => subject(operation, callers, side, contenders[side], effort.sampleMs)),
      ),
    );
    return resultOf(await runRounds(subjects, { rounds: effort.rounds, warmups: 3 }));
  },
};

function subject(
  operation: Operation,
  callers: number,
  side: Side,
  contender: Contender,
  ms: number,
): Subject<LoadMetric> {
  const next = repeatableNumbers(KEYS, callers);
  return {
    name: nameOf(operation, callers, side),
    check: async () => {
      await Promise.all(PRODUCTS.map((_, id) => contender.get(id)));
    },
    sample: () =>
      drive({ callers, ms, statements: contender.statements, call: async () => contender[operation](next()) }),
  };
}

function productOf(id: number): Product {
  const product = PRODUCTS[id];
  if (product === undefined) throw new RangeError(`There is no product ${id}`);
  return product;
}

function check(id: number, product: Product | undefined): void {
  const { text, price } = productOf(id);
  if (product?.text !== text || product.price.amount !== price.amount) throw new Error(`Product ${id} is not there`);
}

function nameOf(operation: Operation, callers: number, side: Side): string {
  return `${operation}, ${callers} ${callers === 1 ? 'caller' : 'callers'}, ${side}`;
}

function resultOf(measured: (name: string) => Measured<LoadMetric>): SuiteResult {
  const series: Record<string, Series> = {};
  const tables = OPERATIONS.map((operation): Table => {
    const rows = CALLERS.flatMap((callers) => {
      const reference = measured(nameOf(operation, callers, 'plain pg'));
      return SIDES.map((side) => {
        const name = nameOf(operation, callers, side);
        const { perSecond, p50, p95, cpu, statements } = measured(name);
        Object.assign(series, { [`${name}: per second`]: perSecond, [`${name}: µs of CPU`]: cpu });
        if (side === 'keepsake') {
          series[`${name}: statements for 1000`] = statements;
          series[`${name}: throughput, times plain pg`] = perSecond.over(reference.perSecond);
          series[`${name}: CPU, times plain pg`] = cpu.over(reference.cpu);
        }
        const times =
          side === 'plain pg' ? ['', ''] : [ratio(perSecond.over(reference.perSecond)), ratio(cpu.over(reference.cpu))];
        return [`${callers}, ${side}`, ...[perSecond, p50, p95, cpu, statements].map(median), ...times];
      });
    });
    return {
      title: `Shared ${operation} of 1 KB with 2 tags, by callers`,
      head: ['', 'per second', 'p50 ms', 'p95 ms', 'CPU µs', 'statements/1000', 'throughput to pg', 'CPU to pg'],
      rows,
    };
  });
  const most = Math.max(...measured(nameOf('get', 100, 'keepsake')).statements.values);
  return {
    tables,
    series,
    promises: [
      {
        promise: '100 callers share statements: at most 40 for 1000 gets',
        seen: `${Math.round(most)} in the worst round`,
        verdict: most <= 40 ? 'kept' : 'broken',
      },
    ],
  };
}
