/** The shared tier: operations that go to PostgreSQL, against plain prepared statements on a pool of the same size. */
import { openDatabase } from '../fixtures/database.js';
import {
  fiftyKilobyteProduct,
  hundredByteRecord,
  kilobyteProduct,
  type Priced,
  repeatableNumbers,
} from '../fixtures/product.js';
import { openSides, type Setting, type SharedSide } from '../fixtures/shared-sides.js';
import { drive, type LoadMetric } from '../harness/load.js';
import { type Measured, runRounds, type Subject } from '../harness/rounds.js';
import type { Series } from '../harness/statistics.js';
import type { Effort, Promised, Suite, SuiteResult } from '../harness/suite.js';
import { median, ratio, type Table } from '../harness/table.js';

const OPERATIONS = [
  'get',
  'set',
  'read 90/10',
  'write 10/90',
  'getMany 100',
  'incr',
  'getOrSet hit',
  'getOrSet miss',
] as const;
const SIDES = ['keepsake', 'plain pg'] as const;

type Operation = (typeof OPERATIONS)[number];
type Side = (typeof SIDES)[number];

/** Something measured on both sides: an operation, by so many callers at once. */
interface Cell {
  readonly operation: Operation;
  readonly callers: number;
}

/** A setting and what is measured in it. */
interface Part extends Setting {
  /** Undefined: the usual setting. */
  readonly label: string | undefined;
  readonly cells: readonly Cell[];
}

const recordsOf = (count: number, make: (id: number) => Priced): readonly Priced[] =>
  Array.from({ length: count }, (_, id) => make(id));

const USUAL: Setting = {
  prefix: '',
  durability: 'unlogged',
  pool: 4,
  records: recordsOf(5_000, kilobyteProduct),
};

const crossed = (operations: readonly Operation[], callers: readonly number[]): readonly Cell[] =>
  operations.flatMap((operation) => callers.map((count) => ({ operation, callers: count })));

/** All operations for all callers in the usual setting; and of each other setting, which differs in one thing, what shows the difference. */
function partsOf(matrix: Effort['matrix']): readonly Part[] {
  if (matrix === 'usual') return [{ ...USUAL, label: undefined, cells: crossed(['get', 'set'], [1, 20, 100]) }];
  const callers = [1, 20, 100, 500];
  const cells = [...crossed(['get', 'set'], callers), ...crossed(OPERATIONS.slice(2), [20])];
  return [
    { ...USUAL, label: undefined, cells: crossed(OPERATIONS, callers) },
    { ...USUAL, label: '100 B', prefix: 'small_', records: recordsOf(5_000, hundredByteRecord), cells },
    { ...USUAL, label: '50 KB', prefix: 'large_', records: recordsOf(500, fiftyKilobyteProduct), cells },
    { ...USUAL, label: 'logged', prefix: 'logged_', durability: 'logged', cells },
    { ...USUAL, label: 'pool of 1', prefix: 'pool_1_', pool: 1, cells },
    { ...USUAL, label: 'pool of 10', prefix: 'pool_10_', pool: 10, cells },
  ];
}

type Found = (name: string) => Measured<LoadMetric>;

export const sharedTier: Suite = {
  name: 'shared',
  title: 'operations of the shared tier',
  async run(effort: Effort): Promise<SuiteResult> {
    await using database = await openDatabase();
    const tables: Table[] = [];
    const series: Record<string, Series> = {};
    const promises: Promised[] = [];
    for (const part of partsOf(effort.matrix)) {
      await using sides = await openSides(database, part);
      const subjects = part.cells.flatMap((cell) =>
        SIDES.map((side) => subject(part, cell, side, sides[side], effort.sampleMs)),
      );
      const measured = await runRounds(subjects, { rounds: effort.rounds, warmups: 3 });
      tables.push(...tablesOf(part, measured));
      Object.assign(series, seriesOf(part, measured));
      if (part.label === undefined) promises.push(promiseOf(part, measured));
    }
    return { tables, series, promises };
  },
};

function subject(part: Part, cell: Cell, side: Side, one: SharedSide, ms: number): Subject<LoadMetric> {
  const { operation, callers } = cell;
  const keys = part.records.length;
  // A number for the record, and one of ten for what is done with it.
  const next = repeatableNumbers(keys * 10, callers);
  const call = async (): Promise<void> => {
    const drawn = next();
    await callOf(operation, one, Math.floor(drawn / keys))(drawn % keys);
  };
  return {
    name: nameOf(part, cell, side),
    check: call,
    sample: () => drive({ callers, ms, statements: one.statements, call }),
  };
}

/** `turn`: from 0 to 9. */
function callOf(operation: Operation, one: SharedSide, turn: number): (id: number) => Promise<void> {
  switch (operation) {
    case 'get':
      return one.get;
    case 'set':
      return one.set;
    case 'read 90/10':
      return turn < 9 ? one.get : one.set;
    case 'write 10/90':
      return turn < 1 ? one.get : one.set;
    case 'getMany 100':
      return one.getMany;
    case 'incr':
      return one.incr;
    case 'getOrSet hit':
      return one.getOrSetHit;
    case 'getOrSet miss':
      return one.getOrSetMiss;
  }
}

function nameOf({ label }: Part, { operation, callers }: Cell, side: Side): string {
  const where = label === undefined ? '' : `${label}: `;
  return `${where}${operation}, ${callers} ${callers === 1 ? 'caller' : 'callers'}, ${side}`;
}

const HEAD = ['', 'per second', 'p50 ms', 'p95 ms', 'CPU µs', 'statements/1000', 'throughput to pg', 'CPU to pg'];

/** The usual setting has a table for each operation, another one a table of its own. */
function tablesOf(part: Part, measured: Found): readonly Table[] {
  const rows = (cells: readonly Cell[], labelOf: (cell: Cell) => string) =>
    cells.flatMap((cell) =>
      SIDES.map((side) => [`${labelOf(cell)}, ${side}`, ...figuresOf(part, cell, side, measured)]),
    );
  if (part.label !== undefined) {
    const title = `Shared tier, ${part.label}, by callers`;
    return [{ title, head: HEAD, rows: rows(part.cells, ({ operation, callers }) => `${operation}, ${callers}`) }];
  }
  return OPERATIONS.map((operation) => ({
    title: `Shared ${operation} of 1 KB with 2 tags, by callers`,
    head: HEAD,
    rows: rows(
      part.cells.filter((cell) => cell.operation === operation),
      ({ callers }) => String(callers),
    ),
  })).filter(({ rows }) => rows.length > 0);
}

function figuresOf(part: Part, cell: Cell, side: Side, measured: Found): readonly string[] {
  const { perSecond, p50, p95, cpu, statements } = measured(nameOf(part, cell, side));
  const figures = [perSecond, p50, p95, cpu, statements].map(median);
  if (side === 'plain pg') return [...figures, '', ''];
  const reference = measured(nameOf(part, cell, 'plain pg'));
  return [...figures, ratio(perSecond.over(reference.perSecond)), ratio(cpu.over(reference.cpu))];
}

function seriesOf(part: Part, measured: Found): Readonly<Record<string, Series>> {
  const series: Record<string, Series> = {};
  for (const cell of part.cells) {
    const reference = measured(nameOf(part, cell, 'plain pg'));
    for (const side of SIDES) {
      const name = nameOf(part, cell, side);
      const { perSecond, cpu, statements } = measured(name);
      Object.assign(series, { [`${name}: per second`]: perSecond, [`${name}: µs of CPU`]: cpu });
      if (side === 'plain pg') continue;
      series[`${name}: statements for 1000`] = statements;
      series[`${name}: throughput, times plain pg`] = perSecond.over(reference.perSecond);
      series[`${name}: CPU, times plain pg`] = cpu.over(reference.cpu);
    }
  }
  return series;
}

function promiseOf(part: Part, measured: Found): Promised {
  const { statements } = measured(nameOf(part, { operation: 'get', callers: 100 }, 'keepsake'));
  const most = Math.max(...statements.values);
  return {
    promise: '100 callers share statements: at most 40 for 1000 gets',
    seen: `${Math.round(most)} in the worst round`,
    verdict: most <= 40 ? 'kept' : 'broken',
  };
}
