/** Counters over a real server: what is counted, whatever way it takes, and what a failing statement leaves behind. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COUNTER_BOUNDS, counterOf } from '../../src/kernel/counter.js';
import type { Increment, IncrementResult } from '../../src/ports/counters.js';
import type { Store } from '../../src/ports/store.js';
import { quoted, tableNames } from '../../src/postgres/names.js';
import { countOnStatement, countSeveralOnStatement } from '../../src/postgres/queries/count-on.js';
import { incrementStatement } from '../../src/postgres/queries/increment.js';
import { testNames, useDatabase, usePool } from '../support/database.js';
import { MIGRATED } from './cache-fixture.js';
import { bodyOf, connect, countingPool, openStore, table, write } from './fixture.js';

const database = useDatabase({ template: MIGRATED });
const pool = usePool(database);

const numRuns = Math.ceil(Number(process.env['KEEPSAKE_PROPERTY_RUNS'] ?? 400) / 10);
const seed = Number(process.env['KEEPSAKE_PROPERTY_SEED'] ?? 20_261_127);

const increment = (by: bigint, parts: Partial<Increment> = {}): Increment => ({
  by,
  ttl: undefined,
  ...COUNTER_BOUNDS,
  ...parts,
});

async function add(store: Store, id: string, by = 1n): Promise<bigint> {
  const result = await store.counters?.increment(id, increment(by));
  if (result?.status !== 'counted') throw new Error(`Expected an addition, got ${JSON.stringify(result)}`);
  return result.value;
}

const times = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));

const TABLES = quoted(tableNames({ ...testNames(), table: 'cache' }));
const WAYS = new Map([
  [countOnStatement(TABLES, 'quiet').text, 'one'],
  [countOnStatement(TABLES, 'busy').text, 'one, busy'],
  [countSeveralOnStatement(TABLES, 'quiet').text, 'several'],
  [countSeveralOnStatement(TABLES, 'busy').text, 'several, busy'],
  [incrementStatement(TABLES).text, 'whole'],
]);

/** A store, and the ways that additions took through it since it was asked last. */
async function countingStore(): Promise<{ store: Store; ways: () => (string | undefined)[] }> {
  const counted = countingPool(database.url);
  const store = await openStore({ connection: { pool: counted.pool } });
  const ways = () => counted.statements.splice(0).flatMap((text) => WAYS.get(text) ?? []);
  return { store, ways };
}

describe('a model', () => {
  const { least, most } = COUNTER_BOUNDS;
  const by = fc.constantFrom(...times(15, (n) => BigInt(n - 6)), 2n ** 53n, most, most - 3n, least, least + 5n);
  const bounds = fc.constantFrom(
    {},
    {},
    {},
    {},
    { least: -8n, most: 8n },
    { least: -(2n ** 53n) + 1n, most: 2n ** 53n - 1n },
  );
  const id = fc.integer({ min: 0, max: 2 });
  const call = fc.oneof(
    { weight: 30, arbitrary: fc.record({ kind: fc.constant('add' as const), id, by, bounds }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const), id }) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('set' as const),
        id,
        body: fc.constantFrom('5', '-3', '"x"', String(most), String(most + 1n), String(least), '007'),
      }),
    },
  );
  const pause = fc.constantFrom(
    'nothing',
    'nothing',
    'nothing',
    'nothing',
    'an invalidation of something else',
    'its invalidation',
    'a write of psql',
  );
  const rounds = fc.array(fc.tuple(fc.array(call, { minLength: 1, maxLength: 8 }), pause, id), {
    minLength: 10,
    maxLength: 30,
  });

  it(
    'INVARIANT 33: calls that travel together do what they would one by one, with overflows, deletes and other values between them',
    async () => {
      const both = [await countingStore(), await countingStore()];
      const stores = both.map(({ store }) => store);
      let run = 0;
      const property = fc.asyncProperty(rounds, async (given) => {
        run += 1;
        const idOf = (n: number): string => `model ${run} ${n}`;
        const model = new Map<number, string>();
        for (const [at, [calls, between, n]] of given.entries()) {
          const store = stores[at % 2];
          if (store === undefined) throw new Error('There are two');
          const [expected, answers]: [unknown[], Promise<unknown>[]] = [[], []];
          for (const one of calls) {
            if (one.kind === 'delete') {
              model.delete(one.id);
              answers.push(store.delete(idOf(one.id)).then(() => undefined));
              expected.push(undefined);
            } else if (one.kind === 'set') {
              model.set(one.id, one.body);
              const entry = write(idOf(one.id));
              answers.push(
                store.set({ ...entry, encoded: { encoding: 'json', body: one.body } }).then(() => undefined),
              );
              expected.push(undefined);
            } else {
              const wanted = increment(one.by, one.bounds);
              answers.push(store.counters?.increment(idOf(one.id), wanted).then(told) ?? Promise.resolve());
              expected.push(told(modelAdd(model, one.id, wanted)));
            }
          }
          expect(await Promise.all(answers)).toEqual(expected);
          if (between === 'an invalidation of something else') await store.invalidate([`t|else ${run}`], 'delete');
          if (between === 'its invalidation') {
            model.delete(n);
            await store.invalidate([`k|${idOf(n)}`], 'delete');
          }
          if (between === 'a write of psql' && counterIn(model, n) !== undefined) {
            model.set(n, '40');
            await pool().query(`update ${table()} set value = '40' where id = $1`, [idOf(n)]);
          }
        }
        for (const [n, body] of model) expect(await bodyOf(stores[0] as Store, idOf(n))).toBe(body);
      });
      await fc.assert(property, { numRuns, seed, includeErrorInReport: true });
      const ways = both.flatMap((one) => one.ways());
      for (const way of [/^one/, /^several/, /^whole/]) {
        expect(ways.filter((taken) => way.test(taken ?? '')).length).toBeGreaterThan(numRuns / 5);
      }
    },
    60_000 + 3_000 * numRuns,
  );

  function counterIn(model: Map<number, string>, n: number): bigint | undefined {
    const body = model.get(n);
    return body === undefined ? undefined : counterOf({ encoding: 'json', body });
  }

  function modelAdd(model: Map<number, string>, n: number, wanted: Increment): IncrementResult {
    const number = model.has(n) ? counterIn(model, n) : 0n;
    if (number === undefined) return { status: 'refused', reason: 'not-a-number' };
    const value = number + wanted.by;
    if (value < wanted.least || value > wanted.most) return { status: 'refused', reason: 'overflow' };
    model.set(n, String(value));
    return { status: 'counted', value, xid: 0 };
  }

  function told(result: IncrementResult | undefined): unknown {
    return result?.status === 'counted' ? result.value : result?.reason;
  }
});

describe('the short way', () => {
  it('is taken by counters that go on: one statement for all calls on one, and one for several', async () => {
    const { store, ways } = await countingStore();
    await Promise.all(['a', 'b'].map((id) => add(store, `short ${id}`)));
    await add(store, 'short a'); // finds out that the short way is open again
    ways();
    expect(await Promise.all(times(50, () => add(store, 'short a')))).toEqual(times(50, (i) => BigInt(i + 3)));
    expect(ways()).toEqual([expect.stringMatching(/^one/)]);
    await Promise.all(times(50, (i) => add(store, i % 2 === 0 ? 'short a' : 'short b')));
    expect(ways()).toEqual([expect.stringMatching(/^several/)]);
    expect([await bodyOf(store, 'short a'), await bodyOf(store, 'short b')]).toEqual(['77', '26']);
  });

  it('100 calls on one counter and one on each of 100 others that begin take at most 6 statements', async () => {
    const { store, ways } = await countingStore();
    const calls = times(200, (i) => add(store, i < 100 ? 'hot counter' : `n ${i}`));
    expect(await Promise.all(calls)).toEqual(times(200, (i) => (i < 100 ? BigInt(i + 1) : 1n)));
    expect(ways().length).toBeLessThanOrEqual(6);
  });

  it('is passed by more and more while it leads nowhere, and taken again when it does', async () => {
    const { store, ways } = await countingStore();
    const begin = async (i: number) => await add(store, `begins ${i}`);
    for (let i = 0; i < 70; i += 1) await begin(i);
    const taken = ways();
    expect(taken.filter((way) => way === 'whole')).toHaveLength(70);
    // Of 70 counters that begin it is tried by those numbered 0, 2, 6, 14, 30 and 62.
    expect(taken.filter((way) => way !== 'whole')).toHaveLength(6);
    for (let i = 0; i < 40; i += 1) await add(store, 'begins 0');
    expect(ways().at(-1)).toMatch(/^one/);
    expect(await bodyOf(store, 'begins 0')).toBe('41');
  });

  it('after an invalidation of anything the whole rule looks once, then the short way is open again', async () => {
    const { store, ways } = await countingStore();
    await add(store, 'looked at');
    for (let i = 0; i < 4; i += 1) await add(store, 'looked at');
    await store.invalidate(['t|of nobody'], 'delete');
    ways();
    for (let i = 0; i < 3; i += 1) await add(store, 'looked at');
    expect(ways()).toEqual([expect.stringMatching(/^one/), 'whole', 'whole', expect.stringMatching(/^one/)]);
    expect(await bodyOf(store, 'looked at')).toBe('8');
  });

  it('while writers are open it looks between them, and their invalidations count when they commit', async () => {
    const { store, ways } = await countingStore();
    const open = await connect(database.url);
    await open.query('begin');
    await open.query(`insert into ${table('_invalidations')} (name, kind) values ('k|beside', 'delete')`);
    for (let i = 1; i <= 5; i += 1) expect(await add(store, 'beside')).toBe(BigInt(i));
    expect(ways().at(-1)).toMatch(/busy|whole/);
    await open.query('commit');
    expect(await add(store, 'beside')).toBe(1n);
    expect(await add(store, 'beside')).toBe(2n);
  });

  it.each(['one', 'several'])(
    '%s: what another session does to the row it waits for is what it adds to',
    async (how) => {
      const { store, ways } = await countingStore();
      const [id, other] = [`waits ${how}`, `waits ${how}, too`];
      const both = () => Promise.all(how === 'one' ? [add(store, id)] : [add(store, id), add(store, other)]);
      for (let i = 0; i < 3; i += 1) await both();
      const session = await connect(database.url);
      const meanwhile = async (text: string) => {
        await session.query('begin');
        await session.query(text, [id]);
        const adding = both().then(([first]) => first, String);
        await expect
          .poll(
            async () => {
              const { rows } = await pool().query(
                'select from pg_stat_activity where wait_event_type = $1 and datname = current_database()',
                ['Lock'],
              );
              return rows.length;
            },
            { timeout: 20_000 },
          )
          .toBeGreaterThan(0);
        await session.query('commit');
        return await adding;
      };
      ways();
      const adds = `update ${table()} set value = '100', writer_xid = pg_current_xact_id() where id = $1`;
      expect(await meanwhile(adds)).toBe(101n);
      expect(
        await meanwhile(`update ${table()} set value = 'text', writer_xid = pg_current_xact_id() where id = $1`),
      ).toContain('not-a-number');
      await session.query(`update ${table()} set value = '5' where id = $1`, [id]);
      for (let i = 0; i < 5; i += 1) await both();
      expect(await meanwhile(`update ${table()} set expiresattime = clock_timestamp() where id = $1`)).toBe(1n);
      for (let i = 0; i < 5; i += 1) await both();
      expect(await meanwhile(`delete from ${table()} where id = $1`)).toBe(1n);
      expect(ways()).toContain(how);
      // Four times beside the row that others changed, and each of the other additions once.
      if (how === 'several') expect(await bodyOf(store, other)).toBe('17');
    },
  );
});

it('INVARIANT 31: several counters in whatever order, from two pools, never deadlock, and lose nothing', async () => {
  const stores = await Promise.all([1, 2].map(() => openStore({ connection: database.url })));
  const ids = times(10, (i) => `in order ${i}`);
  for (let i = 0; i < 3; i += 1) await Promise.all(ids.map((id) => add(stores[0] as Store, id)));
  const rounds = stores.map(async (store, which) => {
    for (let i = 0; i < 100; i += 1) {
      const order = which === 0 ? ids : ids.toReversed();
      await Promise.all(order.map((id) => add(store, id)));
    }
  });
  await Promise.all(rounds);
  expect(await Promise.all(ids.map((id) => bodyOf(stores[0] as Store, id)))).toEqual(ids.map(() => '203'));
  await Promise.all(stores.map((store) => store.close())); // sessions report their counts when they end, if not before
  const { rows } = await pool().query('select deadlocks from pg_stat_database where datname = current_database()');
  expect(rows).toEqual([{ deadlocks: '0' }]);
});

describe('a statement that fails', () => {
  /** Rows whose id begins so cannot be written. */
  async function curse(prefix: string, state: string): Promise<void> {
    const name = `curse_${prefix.split(' ')[0]}`;
    await pool().query(`create function ${name}() returns trigger language plpgsql as $$
      begin raise exception 'cursed' using errcode = '${state}'; end $$`);
    await pool().query(`create trigger ${name} before insert or update on ${table()} for each row
      when (starts_with(new.id, '${prefix}')) execute function ${name}()`);
  }

  const settled = async (calls: readonly Promise<bigint>[]) =>
    (await Promise.allSettled(calls)).map((one) => (one.status === 'fulfilled' ? one.value : String(one.reason)));

  it('rejects all its callers and counts nothing', async () => {
    const store = await openStore({ connection: database.url });
    await add(store, 'failing a');
    await add(store, 'failing b');
    await curse('failing', 'P0001');
    const answers = await settled(times(40, (i) => add(store, i % 2 === 0 ? 'failing a' : 'failing b')));
    expect(answers.every((answer) => String(answer).includes('StoreError'))).toBe(true);
    await pool().query(`drop trigger curse_failing on ${table()}`);
    expect([await add(store, 'failing a'), await add(store, 'failing b')]).toEqual([2n, 2n]);
  });

  it('for the data of one counter takes no other with it, and none is counted twice', async () => {
    const store = await openStore({ connection: database.url });
    const names = ['fine 1', 'fine 2', 'spoilt old'];
    for (let i = 0; i < 3; i += 1) await Promise.all(names.map((id) => add(store, id)));
    await curse('spoilt', '23514');
    // Counters that are there, in company of one that cannot be written; and of one that cannot begin.
    for (const spoilt of ['spoilt old', 'spoilt new']) {
      const ids = times(30, (i) => ['fine 1', spoilt, 'fine 2'][i % 3] ?? '');
      const answers = await settled(ids.map((id) => add(store, id)));
      for (const [i, id] of ids.entries()) {
        if (id === spoilt) expect(String(answers[i])).toContain('StoreError');
        else expect(typeof answers[i]).toBe('bigint');
      }
    }
    expect([await bodyOf(store, 'fine 1'), await bodyOf(store, 'fine 2')]).toEqual(['23', '23']);
    expect(await bodyOf(store, 'spoilt old')).toBe('3');
    expect(await bodyOf(store, 'spoilt new')).toBeUndefined();
  });

  it('after others of its batch were counted: those have their results, once', async () => {
    const store = await openStore({ connection: database.url });
    for (let i = 0; i < 3; i += 1) await Promise.all(times(3, (n) => add(store, `counted ${n}`)));
    await curse('begins badly', 'P0001');
    const answers = await settled([...times(3, (n) => add(store, `counted ${n}`)), add(store, 'begins badly')]);
    expect(answers.slice(0, 3)).toEqual([4n, 4n, 4n]);
    expect(answers[3]).toContain('StoreError');
    expect(await add(store, 'counted 0')).toBe(5n);
  });
});
