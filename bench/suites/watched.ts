/** Watched tables: what the triggers add to a single-row update and to one of many rows. */
import { createCache, watchTable } from 'keepsake';
import type pg from 'pg';
import { openDatabase, PATIENT, SCHEMA } from '../fixtures/database.js';
import { repeatableNumbers } from '../fixtures/product.js';
import { type Measured, runRounds, type Subject } from '../harness/rounds.js';
import type { Series } from '../harness/statistics.js';
import type { Effort, Promised, Suite, SuiteResult } from '../harness/suite.js';
import { ratio, type Table, withSpread } from '../harness/table.js';

type Metric = 'milliseconds';

const SIDES = ['unwatched', 'watched'] as const;
type Side = (typeof SIDES)[number];

const CLIENTS = [1, 8] as const;
const ROWS = 10_000;
const MANY_ROWS = 100_000;

/** What a watched update may cost, of one row and of many. */
const ALLOWED = 1.7;
const ALLOWED_MANY = 1.5;

const PREFIX = 'watching_';
const LOG = `${PREFIX}cache_invalidations`;
const MASS = `${PREFIX}cache_mass`;

export const watched: Suite = {
  name: 'watched',
  title: 'updates of watched tables',
  async run(effort: Effort): Promise<SuiteResult> {
    await using database = await openDatabase();
    const pool = database.pool(database.counted(Math.max(...CLIENTS)).options);
    const names = { schema: SCHEMA, prefix: PREFIX };
    // Only its tables are wanted: nobody reads while the log is emptied between samples.
    const connection = database.connectionString;
    await using _ = await createCache({ connection, ...names, notify: 'off', sweep: false, timeouts: PATIENT });
    for (const side of SIDES) {
      await pool.query(
        `create table ${side} (id integer primary key, name text, stock integer) with (fillfactor = 70)`,
      );
      await pool.query(`create table ${side}_many (id integer primary key, name text, stock integer)`);
      await pool.query(`insert into ${side} select n, 'Jacket ' || n, 0 from generate_series(0, ${ROWS - 1}) as n`);
      await pool.query(`insert into ${side}_many select n, 'Jacket', 0 from generate_series(1, ${MANY_ROWS}) as n`);
    }
    for (const table of ['watched', 'watched_many']) await watchTable(pool, { table, schema: SCHEMA, cache: names });
    await pool.query('vacuum analyze');
    const subjects = SIDES.flatMap((side) => [
      ...CLIENTS.map((clients) => ofOne(pool, side, clients, effort.sampleMs)),
      ofMany(pool, side),
    ]);
    return resultOf(await runRounds(subjects, { rounds: effort.rounds, warmups: 2 }));
  },
};

function ofOne(pool: pg.Pool, side: Side, clients: number, ms: number): Subject<Metric> {
  const text = `update ${side} set stock = stock + 1 where id = $1`;
  /** Rows of its own for each client: nobody waits for another's lock. */
  const client = async (number: number, until: number): Promise<number> => {
    const connection = await pool.connect();
    const next = repeatableNumbers(ROWS / clients, number + 1);
    let updates = 0;
    try {
      do {
        const id = next() * clients + number;
        const { rowCount } = await connection.query({ name: `update_${side}`, text, values: [id] });
        if (rowCount !== 1) throw new Error(`Row ${id} is not there`);
        updates += 1;
      } while (performance.now() < until);
    } finally {
      connection.release();
    }
    return updates;
  };
  return {
    name: nameOf(clients, side),
    check: () => checkLogged(pool, side, side, 'id = 1'),
    sample: async () => {
      await tidy(pool, side);
      const began = performance.now();
      const updates = await Promise.all(Array.from({ length: clients }, (_, number) => client(number, began + ms)));
      return { milliseconds: (performance.now() - began) / updates.reduce((sum, one) => sum + one, 0) };
    },
  };
}

function ofMany(pool: pg.Pool, side: Side): Subject<Metric> {
  const table = `${side}_many`;
  return {
    name: nameOf('many', side),
    check: async () => {
      await checkLogged(pool, side, table, 'id <= 10');
      await checkMass(pool, side, table);
    },
    sample: async () => {
      await tidy(pool, table);
      const began = performance.now();
      await pool.query(`update ${table} set stock = stock + 1`);
      return { milliseconds: performance.now() - began };
    },
  };
}

/** Dead rows and the log of the samples before are not this one's. */
async function tidy(pool: pg.Pool, table: string): Promise<void> {
  await pool.query(`truncate ${LOG}, ${MASS}`);
  await pool.query(`vacuum analyze ${table}, ${LOG}, ${MASS}`);
  await pool.query('checkpoint');
}

/** The log has the table's own tag and one of each row, or nothing. */
async function checkLogged(pool: pg.Pool, side: Side, table: string, where: string): Promise<void> {
  await pool.query(`truncate ${LOG}`);
  const { rowCount } = await pool.query(`update ${table} set stock = stock + 1 where ${where}`);
  const { rows } = await pool.query<{ count: string }>(`select count(*) from ${LOG}`);
  const expected = side === 'watched' ? (rowCount ?? 0) + 1 : 0;
  if (Number(rows[0]?.count) !== expected) throw new Error(`Expected ${expected} rows in the log`);
}

/** An update of all rows has told of each, or of none. */
async function checkMass(pool: pg.Pool, side: Side, table: string): Promise<void> {
  await pool.query(`truncate ${MASS}`);
  await pool.query(`update ${table} set stock = stock + 1`);
  const { rows } = await pool.query<{ count: string }>(
    `select count(distinct hash) from ${MASS} as m cross join unnest(m.hashes) as hash`,
  );
  const expected = side === 'watched' ? MANY_ROWS : 0;
  if (Number(rows[0]?.count) !== expected) throw new Error(`Expected ${expected} hashes of names`);
}

function nameOf(what: number | 'many', side: Side): string {
  if (what === 'many') return `${MANY_ROWS} rows at once, ${side}`;
  return `one row, ${what} ${what === 1 ? 'client' : 'clients'}, ${side}`;
}

function resultOf(measured: (name: string) => Measured<Metric>): SuiteResult {
  const series: Record<string, Series> = {};
  const promises: Promised[] = [];
  const rows = ([...CLIENTS, 'many'] as const).flatMap((what) => {
    const [plain, ours] = [nameOf(what, 'unwatched'), nameOf(what, 'watched')];
    const reference = measured(plain).milliseconds;
    const times = measured(ours).milliseconds.over(reference);
    const allowed = what === 'many' ? ALLOWED_MANY : ALLOWED;
    series[`${plain}: ms`] = reference;
    series[`${ours}: ms`] = measured(ours).milliseconds;
    series[`${ours}: times unwatched`] = times;
    promises.push({
      promise: `an update of ${ours}: at most ${allowed} times as long as unwatched`,
      seen: ratio(times),
      verdict: times.median <= allowed ? 'kept' : 'broken',
    });
    return [
      [plain, withSpread(reference), ''],
      [ours, withSpread(measured(ours).milliseconds), ratio(times)],
    ];
  });
  const table: Table = { title: 'Updates of a watched table', head: ['', 'ms an update', 'times'], rows };
  return { tables: [table], series, promises };
}
