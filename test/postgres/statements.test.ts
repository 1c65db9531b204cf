/**
 * The statements: their text, the indexes their plans use, how many are sent, and what an open transaction costs them.
 */
import pg from 'pg';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { COUNTER_BOUNDS } from '../../src/kernel/counter.js';
import type { EntryWrite } from '../../src/ports/store.js';
import { quoted, type Tables, tableNames } from '../../src/postgres/names.js';
import { countOnStatement, countSeveralOnStatement } from '../../src/postgres/queries/count-on.js';
import { deleteStatement } from '../../src/postgres/queries/delete.js';
import { deltaStatement } from '../../src/postgres/queries/delta.js';
import { extendStatement } from '../../src/postgres/queries/extend.js';
import { fillStatement } from '../../src/postgres/queries/fill.js';
import { gatherStatement } from '../../src/postgres/queries/gather.js';
import { incrementStatement } from '../../src/postgres/queries/increment.js';
import { invalidateStatement } from '../../src/postgres/queries/invalidate.js';
import { listStatement } from '../../src/postgres/queries/list.js';
import { forgetLocksStatement, holdLockStatement, takeLockStatement } from '../../src/postgres/queries/locks.js';
import { postponeStatement } from '../../src/postgres/queries/postpone.js';
import { publishStatement } from '../../src/postgres/queries/publish.js';
import { putStatement } from '../../src/postgres/queries/put.js';
import { glanceStatement, readStatement } from '../../src/postgres/queries/read.js';
import { setStatement } from '../../src/postgres/queries/set.js';
import { setAloneStatement } from '../../src/postgres/queries/set-alone.js';
import { setIfAbsentStatement } from '../../src/postgres/queries/set-if-absent.js';
import { touchStatement } from '../../src/postgres/queries/touch.js';
import { poolConfig } from '../../src/postgres/startup.js';
import type { Statement } from '../../src/postgres/statement.js';
import { createPostgresStore } from '../../src/postgres/store.js';
import { testNames, useDatabase, usePool } from '../support/database.js';
import { bodyOf, connect, countingPool, openStore, PATIENT, SCOPE, table, tables, write } from './fixture.js';

const BUILDERS = {
  'glance-quiet': (tables: Tables) => glanceStatement(tables, 'quiet'),
  'glance-busy': (tables: Tables) => glanceStatement(tables, 'busy'),
  'gather-quiet-values': (tables: Tables) => gatherStatement(tables, 'quiet', 'values'),
  'gather-busy-whole': (tables: Tables) => gatherStatement(tables, 'busy', 'whole'),
  read: readStatement,
  list: listStatement,
  set: setStatement,
  'set-alone': setAloneStatement,
  'set-if-absent': setIfAbsentStatement,
  fill: fillStatement,
  extend: extendStatement,
  put: putStatement,
  publish: publishStatement,
  delete: deleteStatement,
  touch: touchStatement,
  postpone: postponeStatement,
  invalidate: invalidateStatement,
  delta: deltaStatement,
  increment: incrementStatement,
  'count-on-quiet': (tables: Tables) => countOnStatement(tables, 'quiet'),
  'count-on-busy': (tables: Tables) => countOnStatement(tables, 'busy'),
  'count-several-on-quiet': (tables: Tables) => countSeveralOnStatement(tables, 'quiet'),
  'count-several-on-busy': (tables: Tables) => countSeveralOnStatement(tables, 'busy'),
  'take-lock': takeLockStatement,
  'hold-lock': holdLockStatement,
  'forget-locks': forgetLocksStatement,
};

const database = useDatabase();
const admin = usePool(database);

const ids = (count: number, step = 1) => Array.from({ length: count }, (_, i) => `k${i * step}`);
const scopes = `{${SCOPE.scopeNames.map((name) => `"${name}"`).join(',')}}`;

beforeAll(async () => {
  const store = createPostgresStore({ connection: database.url, ...SCOPE, ...testNames(), timeouts: PATIENT });
  await store.open();
  const lifetimes = { ...write('').lifetimes, sliding: 60_000 };
  await Promise.all(ids(5000).map((id) => store.set({ ...write(id, { tags: ['a', 'b'] }), lifetimes })));
  await store.invalidate(
    ids(2000).map((id) => `t|${id}`),
    'delete',
  );
  await store.close();
  await admin().query(`analyze ${table()}`);
}, 60_000);

/** A node of a plan with the figures of its execution. */
interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Actual Loops': number;
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
  readonly Plans?: readonly PlanNode[];
}

/** The generic plan of a statement as our own connections make it, executed. */
async function planOf(statement: Statement, parameters: readonly string[]): Promise<PlanNode> {
  const client = new pg.Client(poolConfig(database.url, { poolSize: 1, timeouts: PATIENT, settings: 'pinned' }));
  await client.connect();
  try {
    await client.query(`prepare statement as ${statement.text}`);
    const literals = parameters.map((parameter) => pg.escapeLiteral(parameter)).join(', ');
    await client.query('begin');
    const { rows } = await client.query<{ 'QUERY PLAN': { Plan: PlanNode }[] }>(
      `explain (analyze, buffers, timing off, format json) execute statement(${literals})`,
    );
    await client.query('rollback');
    const plan = rows[0]?.['QUERY PLAN'][0]?.Plan;
    if (plan === undefined) throw new Error('No plan');
    return plan;
  } finally {
    await client.end();
  }
}

function* nodesOf(plan: PlanNode): Generator<PlanNode> {
  yield plan;
  for (const child of plan.Plans ?? []) yield* nodesOf(child);
}

const blocksOf = (plan: PlanNode) => plan['Shared Hit Blocks'] + plan['Shared Read Blocks'];

const prefix = testNames().prefix;

describe('text', () => {
  const sample = quoted(tableNames({ schema: 'My "Schema"', prefix: 'Ünï ', table: 'cache' }));

  it.each(Object.entries(BUILDERS))('%s', async (name, build) => {
    await expect(`${build(sample).text}\n`).toMatchFileSnapshot(`__snapshots__/${name}.sql`);
  });

  it.each(Object.entries(BUILDERS))('%s casts every parameter and writes lower case', (_, build) => {
    const { text } = build(sample);
    expect(text.match(/\$\d+(?!::|\d)/g)).toBeNull();
    const keywords = text.replaceAll(/'[^']*'|"[^"]*"/g, '');
    expect(keywords).toBe(keywords.toLowerCase());
  });

  it('is named after its text, so that stores of other tables can share a connection', () => {
    const other = quoted(tableNames({ schema: 'public', prefix: '', table: 'cache' }));
    expect(readStatement(sample).name).not.toBe(readStatement(other).name);
    expect(readStatement(sample)).toEqual(readStatement(sample));
  });
});

describe('plans', () => {
  const wanted = `{${ids(100, 7).join(',')}}`;

  it.each([
    ['glance-quiet', [wanted]],
    ['glance-busy', [wanted]],
    ['gather-quiet-values', [wanted]],
    ['gather-busy-whole', [wanted]],
    ['read', [wanted, scopes]],
    ['touch', [wanted, scopes]],
    ['delete', [wanted, scopes, 'channel', '{}']],
    ['list', ['k1', 'k1000', 'k2', 'k1%', '100', '1000000', 'true', scopes]],
    ['delta', ['1:1:', '100']],
    ['count-on-quiet', ['k7', '1', '0', '9']],
    ['count-on-busy', ['k7', '1', '0', '9']],
    ['count-several-on-quiet', ['{k1,k700}', '{1,1}', '{0,0}', '{9,9}']],
    ['count-several-on-busy', ['{k1,k700}', '{1,1}', '{0,0}', '{9,9}']],
    ['increment', ['{k1,k700}', '{1,1}', '{0,0}', '{9,9}', '{NULL,NULL}', scopes, 'channel', '{a,b}']],
  ] as const)('%s finds rows and invalidations by their indexes only', async (name, parameters) => {
    const plan = await planOf(BUILDERS[name](tables()), parameters);
    const used = [...nodesOf(plan)].filter(
      (node) => node['Relation Name'] === `${prefix}cache` || node['Relation Name'] === `${prefix}cache_invalidations`,
    );
    const kinds = new Set(used.map((node) => node['Node Type']));
    for (const writing of ['ModifyTable', 'LockRows']) kinds.delete(writing);
    expect(
      [...kinds].every((kind) => /^Index (Only )?Scan$|^Tid Scan$/.test(kind)),
      [...kinds].join(),
    ).toBe(true);
    const index = name === 'delta' ? `${prefix}cache_invalidations_xid_idx` : `${prefix}cache_pkey`;
    expect(new Set(used.map((node) => node['Index Name']))).toContain(index);
  });

  it('nothing invalidated since: the probe looks nothing up', async () => {
    const store = await openStore({ connection: database.url });
    await Promise.all(ids(100, 7).map((id) => store.set(write(id, { tags: ['a', 'b'] }))));
    const plan = await planOf(readStatement(tables()), [wanted, scopes]);
    const probes = [...nodesOf(plan)].filter(
      (node) => node['Relation Name'] === `${prefix}cache_invalidations` && node['Actual Loops'] > 0,
    );
    // The one look at the youngest invalidation of all.
    expect(probes.map((node) => node['Index Name'])).toEqual([`${prefix}cache_invalidations_xid_idx`]);
  });

  it('a touch writes no index: the new version of the row stays on its page', async () => {
    const store = await openStore({ connection: database.url });
    const lifetimes = { ...write('').lifetimes, sliding: 60_000 };
    await store.set({ ...write('hot'), lifetimes });
    const other = await connect(database.url);
    const updates = async () => {
      await other.query('select pg_stat_clear_snapshot()');
      const { rows } = await other.query<{ all: string; hot: string }>(
        `select n_tup_upd as all, n_tup_hot_upd as hot from pg_stat_all_tables where relid = $1::regclass`,
        [table()],
      );
      return { all: Number(rows[0]?.all), hot: Number(rows[0]?.hot) };
    };
    const before = await updates();
    for (let i = 0; i < 5; i += 1) expect((await store.touch('hot'))?.fresh).toBeGreaterThan(0);
    await store.close(); // sessions report their counts when they end, if not before
    await expect.poll(async () => (await updates()).all - before.all, { timeout: 10_000 }).toBeGreaterThanOrEqual(5);
    const after = await updates();
    expect(after.hot - before.hot).toBe(after.all - before.all);
  });
});

describe('INVARIANT 8a: a transaction left open slows nothing', () => {
  it('20 000 invalidations of one tag while it is open', async () => {
    const [store, open] = [await openStore({ connection: database.url }), await connect(database.url)];
    const wanted = `{${ids(100, 7).join(',')}}`;
    const rewrite = () => Promise.all(ids(100, 7).map((id) => store.set(write(id, { tags: ['hot', 'b'] }))));
    await rewrite();
    const read = readStatement(tables());
    const undisturbed = blocksOf(await planOf(read, [wanted, scopes]));
    await open.query('begin');
    await open.query('select pg_current_xact_id()');
    await rewrite(); // the open transaction is in all their snapshots
    const beside = blocksOf(await planOf(read, [wanted, scopes]));
    await open.query(
      `insert into ${table('_invalidations')} (name, kind) select 't|open-' || i, 'delete' from generate_series(1, 20000) as i`,
    );
    const besideRows = blocksOf(await planOf(read, [wanted, scopes]));
    await admin().query(`create procedure flood(name text) language plpgsql as $$
      begin
        for i in 1..20000 loop
          insert into ${table('_invalidations')} (name, kind) values (name, 'delete');
          commit;
        end loop;
      end $$`);
    await admin().query("call flood('t|hot')");
    const hidden = await planOf(read, [wanted, scopes]);
    await rewrite();
    const valid = await planOf(read, [wanted, scopes]);
    await open.query('rollback');
    // A range and a point or two for each of 100 entries' five names, however many rows the tag has.
    const bound = undisturbed + 100 * 5 * 10;
    // What the open transaction has logged is not stepped over: its rows fill some hundred blocks.
    expect(besideRows - beside).toBeLessThan(50);
    expect(blocksOf(hidden)).toBeLessThan(bound);
    expect(blocksOf(valid)).toBeLessThan(bound);
    expect(await bodyOf(store, 'k7')).toBe('value');
  }, 60_000);
});

describe('INVARIANT 8a: increments', () => {
  it.each(['count-on-busy', 'count-several-on-busy'] as const)(
    '%s steps over nothing that an open transaction has logged',
    async (name) => {
      const [store, open] = [await openStore({ connection: database.url }), await connect(database.url)];
      await store.counters?.increment(name, { by: 1n, ttl: undefined, ...COUNTER_BOUNDS });
      await open.query('begin');
      await open.query('select pg_current_xact_id()');
      // A snapshot names an open transaction once a younger one has ended.
      await store.set(write('younger'));
      const given = [name, '1', '0', '9'].map((one) => (name === 'count-on-busy' ? one : `{${one}}`));
      const blocks = async () => blocksOf(await planOf(BUILDERS[name](tables()), given));
      const before = await blocks();
      await open.query(
        `insert into ${table('_invalidations')} (name, kind) select 't|beside-' || i, 'delete' from generate_series(1, 20000) as i`,
      );
      expect((await blocks()) - before).toBeLessThan(20);
      await open.query('rollback');
    },
  );
});

describe('batches', () => {
  it('100 concurrent gets of distinct keys issue at most 4 statements', async () => {
    const { pool, statements } = countingPool(database.url);
    const store = await openStore({ connection: { pool } });
    // A crowd of its own, for connections that have been checked.
    await Promise.all(ids(10).map((id) => bodyOf(store, id)));
    statements.length = 0;
    const bodies = await Promise.all(ids(100, 7).map((id) => bodyOf(store, id)));
    expect(bodies).toEqual(new Array(100).fill('value'));
    expect(statements.length).toBeGreaterThan(0);
    expect(statements.length).toBeLessThanOrEqual(4);
  });

  it('100 concurrent sets, and 100 of one key, issue few statements', async () => {
    const { pool, statements } = countingPool(database.url);
    const store = await openStore({ connection: { pool } });
    await Promise.all(ids(10).map((id) => store.set(write(id))));
    statements.length = 0;
    const receipts = await Promise.all([
      ...ids(100).map((id) => store.set(write(`many-${id}`))),
      ...ids(100).map((body) => store.set(write('one', { body }))),
    ]);
    expect(statements.length).toBeLessThanOrEqual(4);
    expect(receipts).toHaveLength(200);
    expect(await bodyOf(store, 'one')).toBe('k99');
  });
});

describe('a glance', () => {
  const [QUIET, BUSY] = [glanceStatement(tables(), 'quiet').text, glanceStatement(tables(), 'busy').text];
  const GLANCES: ReadonlySet<string | undefined> = new Set([QUIET, BUSY]);
  const FULL = readStatement(tables()).text;

  it('is all that is read of entries younger than every invalidation', async () => {
    const { pool, statements } = countingPool(database.url);
    const store = await openStore({ connection: { pool } });
    await store.invalidate(['t|glance-before'], 'delete');
    await Promise.all(ids(20).map((id) => store.set(write(`glance-${id}`, { tags: ['a'] }))));
    statements.length = 0;
    const bodies = await Promise.all(ids(20).map((id) => bodyOf(store, `glance-${id}`)));
    expect(bodies).toEqual(new Array(20).fill('value'));
    expect(statements.filter((text) => !GLANCES.has(text))).toEqual([]);
    expect(statements.length).toBeGreaterThan(0);
  });

  it('is followed by the whole rule for entries it proves nothing of, and left out while it is of no use', async () => {
    const { pool, statements } = countingPool(database.url);
    const store = await openStore({ connection: { pool } });
    await Promise.all(['kept', 'hit'].map((id) => store.set(write(`glance-${id}`, { tags: [`glance-${id}`] }))));
    await store.invalidate(['t|glance-hit'], 'delete');
    statements.length = 0;
    const both = await Promise.all(['kept', 'hit'].map((id) => bodyOf(store, `glance-${id}`)));
    expect(both).toEqual(['value', undefined]);
    expect(GLANCES).toContain(statements[0]);
    expect(statements.slice(1)).toEqual([FULL]);
    for (let i = 0; i < 33; i += 1) expect(await bodyOf(store, 'glance-kept')).toBe('value');
    expect(statements.slice(2, 34)).toEqual(new Array(32).fill(FULL));
    expect(GLANCES).toContain(statements[34]);
    expect(statements.slice(35)).toEqual([FULL]);
  });

  it('takes a step to the end of the log while nothing else writes, and looks between open transactions while some do', async () => {
    const { pool, statements } = countingPool(database.url);
    const store = await openStore({ connection: { pool } });
    await Promise.all(['kept', 'hit'].map((id) => store.set(write(`open-${id}`, { tags: [`open-${id}`] }))));
    const open = await connect(database.url);
    await open.query('begin');
    await open.query('select pg_current_xact_id()');
    // A snapshot names an open transaction once a younger one has ended.
    await store.set(write('open-other'));
    await bodyOf(store, 'open-kept');
    statements.length = 0;
    expect(await bodyOf(store, 'open-kept')).toBe('value');
    expect(statements).toEqual([BUSY]);
    // Younger than the open transaction, and visible: an edge that both must see.
    await store.invalidate(['t|open-hit'], 'delete');
    expect(await bodyOf(store, 'open-hit')).toBeUndefined();
    await open.query('rollback');
    // Transactions of other databases of the server count: other tests have long ones.
    const quiet = async (): Promise<void> => {
      statements.length = 0;
      await store.set(write('open-new'));
      await bodyOf(store, 'open-new');
      await bodyOf(store, 'open-new');
      expect(statements.at(-1)).toBe(QUIET);
    };
    await vi.waitFor(quiet, { timeout: 10_000 });
    await store.invalidate(['t|open-kept'], 'delete');
    expect(await bodyOf(store, 'open-kept')).toBeUndefined();
  });

  it('says the same of an entry as the whole rule', async () => {
    const store = await openStore({ connection: database.url });
    const tags = ['plain', '', 'NULL', '{a,"b"}', 'back\\slash', 'line\nbreak', 'ünï 🐘', 'a'.repeat(300)];
    const lives = [{ ttl: 60_000 }, { ttl: Infinity }, { ttl: 60_000, grace: 7_000 }, { ttl: 60_000, sliding: 1_000 }];
    const kinds = lives.flatMap((life) => [
      { life, given: tags },
      { life, given: [] },
    ]);
    const writes = kinds.map(({ life, given }, i): EntryWrite => {
      const plain = write(`same-${i}`, { tags: given });
      return { ...plain, encoded: { encoding: 'json', body: '"é"' }, lifetimes: { ...plain.lifetimes, ...life } };
    });
    for (const one of writes) await store.set(one);
    const told = async () => {
      const reads = await Promise.all(writes.map(({ id }) => store.read(id)));
      return reads.map(({ entry }) => {
        if (entry === undefined) throw new Error('An entry is not there');
        const { encoded, tags: its, sliding, remaining, ceiling, age } = entry;
        // To the second, as both are read at different moments.
        const seconds = Object.values({ ...remaining, ceiling, age }).map((ms) => Math.round(ms / 10_000));
        return { encoded, tags: its, sliding, seconds };
      });
    };
    const glanced = await told();
    await store.invalidate(['t|same-as-nobody'], 'delete');
    expect(await told()).toEqual(glanced);
    expect(glanced.map(({ tags: its }) => its)).toEqual(writes.map((one) => one.tags));
  });

  it('of a missing entry is a miss with a token', async () => {
    const store = await openStore({ connection: database.url });
    const { entry, token } = await store.read('glance-nobody');
    expect(entry).toBeUndefined();
    expect(token.snapshot).toMatch(/^\d+:\d+:/);
    expect(token.incarnation).toContain(':');
  });
});
