/** The sweeper against real transactions: what goes, what stays, and what may never come back. Time passes by moving rows and marks back. */
import type pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { EntryWrite, LoadToken, Store } from '../../src/ports/store.js';
import { quoted, tableNames } from '../../src/postgres/names.js';
import { sweepStatement } from '../../src/postgres/queries/sweep.js';
import { createPostgresStore, type PostgresStoreOptions } from '../../src/postgres/store.js';
import { testNames, useDatabase } from '../support/database.js';
import { FakeClock } from '../support/fake-clock.js';
import { bodyOf, connect, PATIENT, SCOPE, table, write } from './fixture.js';

const database = useDatabase();

const MINUTE = 60_000;
/** Past the load deadline and the margin. */
const HORIZON = SCOPE.loadDeadline + 2 * MINUTE;

let made = 0;

interface Place {
  readonly names: { schema: string; prefix: string };
  readonly store: Store & { sweep(): ReturnType<NonNullable<Store['sweep']>> };
  readonly client: pg.Client;
  open(options?: Partial<PostgresStoreOptions>): Promise<Place['store']>;
  /** Makes everything older: entries, the log, and marks. */
  pass(ms: number): Promise<void>;
  ids(): Promise<string[]>;
  log(): Promise<string[]>;
}

/** Tables of their own, with a store that sweeps by hand only. */
async function place(): Promise<Place> {
  made += 1;
  const names = { ...testNames(), prefix: `s${made}_` };
  const client = await connect(database.url);
  const at = (suffix = '') => table(suffix, names);
  const open = async (options: Partial<PostgresStoreOptions> = {}) => {
    const store = createPostgresStore({
      connection: database.url,
      ...SCOPE,
      ...names,
      timeouts: PATIENT,
      sweep: false,
      ...options,
    });
    onTestFinished(() => store.close());
    await store.open();
    return store as Place['store'];
  };
  return {
    names,
    store: await open(),
    client,
    open,
    async pass(ms) {
      const by = `interval '${ms} milliseconds'`;
      await client.query(`
        update ${at()} set expiresattime = expiresattime - ${by}, absoluteexpiration = absoluteexpiration - ${by},
          written_at = written_at - ${by}, stale_until = stale_until - ${by};
        update ${at('_invalidations')} set at = at - ${by};
        update ${at('_marks')} set at = at - ${by};
        update ${at('_leases')} set held_until = held_until - ${by}`);
    },
    ids: async () =>
      (await client.query<{ id: string }>(`select id from ${at()} order by id`)).rows.map(({ id }) => id),
    log: async () =>
      (await client.query<{ name: string }>(`select name from ${at('_invalidations')} order by name`)).rows.map(
        ({ name }) => name,
      ),
  };
}

const loaded = (id: string, parts: Parameters<typeof write>[1] = {}): EntryWrite => ({
  ...write(id, parts),
  loadMs: 5,
});

function lasting(id: string, lifetimes: Partial<EntryWrite['lifetimes']>, tags: string[] = []): EntryWrite {
  const plain = write(id, { tags });
  return { ...plain, loadMs: 5, lifetimes: { ...plain.lifetimes, ...lifetimes } };
}

async function fill(store: Store, entry: EntryWrite): Promise<LoadToken> {
  const { token } = await store.read(entry.id);
  expect(await store.fill(entry, token)).toMatchObject({ status: 'stored' });
  return token;
}

const older = (token: LoadToken, ms: number): LoadToken => ({ ...token, at: String(Number(token.at) - ms / 1000) });

describe('entries', () => {
  it('dead ones go, fresh and stale ones stay, and the numbers say so', async () => {
    const { store, pass, ids } = await place();
    await fill(store, loaded('dead', { ttl: MINUTE }));
    await fill(store, loaded('fresh'));
    await fill(store, lasting('stale', { ttl: MINUTE, grace: 60 * MINUTE }));
    await fill(store, lasting('forever', { ttl: Infinity }));
    await pass(2 * MINUTE);
    expect(await store.sweep()).toEqual({ outcome: 'finished', entries: 4, removed: 1, settled: 0, compacted: 0 });
    expect(await ids()).toEqual(['forever', 'fresh', 'stale']);
    expect((await store.read('stale')).entry?.remaining.stale).toBeGreaterThan(MINUTE);
  });

  it('loaded ones that a tag, a clear or a key has deleted go at once, of every namespace', async () => {
    const { store, ids } = await place();
    for (const id of ['tagged', 'kept', '[ns]cleared', '[other]kept', '[]kept', '[ns]]odd']) {
      await fill(store, loaded(id, { tags: id === 'tagged' ? ['t'] : [] }));
    }
    await store.invalidate(['t|t', 'n|ns'], 'delete');
    expect(await store.sweep()).toMatchObject({ removed: 3 });
    expect(await ids()).toEqual(['[]kept', '[other]kept', 'kept']);
    await store.invalidate(['n|]'], 'delete');
    expect(await store.sweep()).toMatchObject({ removed: 3 });
    expect(await ids()).toEqual([]);
  });

  it('INVARIANT 7: what was set fences older loads until the deadline, dead, deleted or not; then it goes', async () => {
    const { store, pass, ids } = await place();
    const { token } = await store.read('dead');
    await store.set(write('dead', { ttl: MINUTE }));
    await store.set(write('deleted', { tags: ['t'] }));
    await store.invalidate(['t|t'], 'delete');
    await pass(SCOPE.loadDeadline - MINUTE);
    expect(await store.sweep()).toMatchObject({ removed: 0, settled: 1 });
    expect(await ids()).toEqual(['dead', 'deleted']);
    expect(await store.fill(loaded('dead'), older(token, SCOPE.loadDeadline - MINUTE))).toMatchObject({
      status: 'refused',
      reason: 'newer',
    });
    await pass(3 * MINUTE);
    expect(await store.sweep()).toMatchObject({ removed: 2 });
    expect(await ids()).toEqual([]);
  });

  it('`expire` is written into the row, once, and no touch revives it', async () => {
    const { store, client, names } = await place();
    await fill(store, lasting('sliding', { ttl: undefined, sliding: 10 * MINUTE, grace: 60 * MINUTE }, ['t']));
    await fill(store, lasting('lasting', { grace: Infinity }, ['t']));
    await store.invalidate(['t|t'], 'expire');
    expect(await store.sweep()).toMatchObject({ removed: 0, settled: 2 });
    expect(await store.sweep()).toMatchObject({ removed: 0, settled: 0 });
    await client.query(`truncate ${table('_invalidations', names)}`);
    for (const id of ['sliding', 'lasting']) {
      expect(await store.touch(id)).toBeUndefined();
      const remaining = (await store.read(id)).entry?.remaining;
      expect(remaining?.fresh).toBeLessThanOrEqual(0);
      expect(remaining?.stale).toBeGreaterThan(50 * MINUTE);
    }
  });

  it('more of them than a statement takes, in the order of ids', async () => {
    const { open, pass, ids } = await place();
    const store = await open({ sweep: { every: 60 * MINUTE, batch: 3 } });
    const all = Array.from({ length: 10 }, (_, i) => `k${i}`);
    for (const id of all) await fill(store, loaded(id, { ttl: id === 'k4' ? 60 * MINUTE : MINUTE }));
    await pass(2 * MINUTE);
    expect(await store.sweep()).toMatchObject({ entries: 10, removed: 9 });
    expect(await ids()).toEqual(['k4']);
  });

  it('leases of holders that are long gone go too', async () => {
    const { store, client, names, pass } = await place();
    await store.leases?.acquire('left behind', 1000);
    await pass(2 * MINUTE);
    await store.leases?.acquire('held', 1000);
    await store.sweep();
    const { rows } = await client.query(`select id from ${table('_leases', names)}`);
    expect(rows).toEqual([{ id: 'held' }]);
  });
});

describe('compaction', () => {
  it('INVARIANT 8a: the log goes after the deadline, and nothing it said is forgotten', async () => {
    const { store, pass, log } = await place();
    await fill(store, lasting('sliding', { ttl: undefined, sliding: 600 * MINUTE, grace: 600 * MINUTE }, ['expired']));
    await fill(store, loaded('hidden', { tags: ['deleted'], ttl: Infinity }));
    await fill(store, loaded('live', { tags: ['live'] }));
    const { token } = await store.read('loading');
    await store.set(write('set', { tags: ['deleted'], ttl: Infinity }));
    await store.invalidate(['t|expired'], 'expire');
    await store.invalidate(['t|deleted', 'k|loading'], 'delete');
    expect(await store.sweep()).toMatchObject({ compacted: 0 });
    await pass(SCOPE.loadDeadline);
    expect(await store.sweep()).toMatchObject({ compacted: 0 });
    expect(await log()).toHaveLength(3);
    await pass(2 * MINUTE);
    expect(await store.sweep()).toMatchObject({ outcome: 'finished', compacted: 3 });
    expect(await log()).toEqual([]);
    await store.touch('sliding');
    expect((await store.read('sliding')).entry?.remaining.fresh).toBeLessThanOrEqual(0);
    expect([await bodyOf(store, 'hidden'), await bodyOf(store, 'set'), await bodyOf(store, 'live')]).toEqual([
      undefined,
      undefined,
      'value',
    ]);
    expect(await store.fill(loaded('loading'), older(token, HORIZON))).toMatchObject({ reason: 'deadline' });
  });

  it('rows younger than the mark stay', async () => {
    const { store, pass, log } = await place();
    await store.invalidate(['t|old'], 'delete');
    await store.sweep();
    await pass(HORIZON);
    await store.invalidate(['t|young'], 'delete');
    expect(await store.sweep()).toMatchObject({ compacted: 1 });
    expect(await log()).toEqual(['t|young']);
  });

  it('INVARIANT 8a: a transaction left open keeps the log, and what it commits late; sweeping goes on', async () => {
    const { store, client, names, pass, log, ids } = await place();
    const late = await connect(database.url);
    await late.query('begin');
    await late.query(`insert into ${table('_invalidations', names)} (name, kind) values ('t|late', 'delete')`);
    await fill(store, loaded('late', { tags: ['late'], ttl: Infinity }));
    await fill(store, loaded('dead', { ttl: MINUTE }));
    await store.invalidate(['t|early'], 'delete');
    await store.sweep();
    await pass(HORIZON);
    expect(await store.sweep()).toMatchObject({ outcome: 'finished', removed: 1, compacted: 0 });
    expect(await ids()).toEqual(['late']);
    await late.query('commit');
    expect(await bodyOf(store, 'late')).toBeUndefined();
    // A mark from before the commit cannot see it: only what that mark sees may go.
    expect(await store.sweep()).toMatchObject({ removed: 1, compacted: 1 });
    expect(await log()).toEqual(['t|late']);
    await pass(HORIZON);
    expect(await store.sweep()).toMatchObject({ compacted: 0 });
    await pass(HORIZON);
    expect(await store.sweep()).toMatchObject({ compacted: 1 });
    expect((await client.query(`select from ${table('_marks', names)}`)).rowCount).toBeLessThan(4);
  });

  it('INVARIANT 8a: a fill that was judged before the deadline and commits after it holds the log back', async () => {
    const { store, names, pass, log } = await place();
    const { token } = await store.read('slow');
    await store.invalidate(['t|t'], 'delete');
    await store.sweep();
    await pass(HORIZON);
    const slow = await connect(database.url);
    await slow.query('begin');
    await slow.query(
      `insert into ${table('', names)} (id, value, expiresattime, tags, snapshot, load_ms, stored_as)
       values ('slow', 'old', 'infinity', '{t}', $1, 1, 'text')`,
      [token.snapshot],
    );
    expect(await store.sweep()).toMatchObject({ compacted: 0 });
    await slow.query('commit');
    expect(await bodyOf(store, 'slow')).toBeUndefined();
    await store.sweep();
    expect(await bodyOf(store, 'slow')).toBeUndefined();
    await pass(HORIZON);
    await store.sweep();
    expect(await log()).toEqual([]);
    expect(await bodyOf(store, 'slow')).toBeUndefined();
  });

  it('INVARIANT 8a: a row that somebody has locked is returned to, and without it the log stays', async () => {
    const { store, open, client, names, pass, log } = await place();
    await fill(store, lasting('locked', { ttl: Infinity, grace: Infinity }, ['t']));
    await store.invalidate(['t|t'], 'expire');
    await store.sweep();
    await client.query(`update ${table('', names)} set expiresattime = 'infinity', stale_until = 'infinity'`); // as if it had been skipped
    await pass(HORIZON);
    // Who holds the row began after this mark, so that nothing else stands in the way of compaction.
    await client.query(
      `insert into ${table('_marks', names)} (incarnation, snapshot) select incarnation, pg_current_snapshot() from ${table('_marks', names)}`,
    );
    await client.query('begin');
    await client.query(`select from ${table('', names)} for share`);
    const impatient = await open({ timeouts: { read: 5000, write: 300 } });
    expect(await impatient.sweep()).toMatchObject({ outcome: 'interrupted', settled: 0, compacted: 0 });
    expect(await log()).toEqual(['t|t']);
    const waiting = store.sweep();
    await client.query('select pg_sleep(0.2)');
    await client.query('commit');
    expect(await waiting).toMatchObject({ outcome: 'finished', settled: 1, compacted: 1 });
    expect((await store.read('locked')).entry?.remaining.fresh).toBeLessThanOrEqual(0);
  });

  it('INVARIANT 8a: a touch that is older than the `expire`, and comes after the sweep, revives nothing', async () => {
    const { store, client, names } = await place();
    await fill(store, lasting('touched', { ttl: undefined, sliding: 60 * MINUTE, grace: 60 * MINUTE }, ['t']));
    await client.query('begin');
    await client.query(`select from ${table('', names)} for update`);
    const touching = store.touch('touched');
    const watcher = await connect(database.url);
    await expect
      .poll(async () => (await watcher.query('select from pg_locks where not granted')).rowCount, { timeout: 10_000 })
      .toBeGreaterThan(0);
    await watcher.query(`insert into ${table('_invalidations', names)} (name, kind) values ('t|t', 'expire')`);
    const { text } = sweepStatement(quoted(tableNames({ ...names, table: 'cache' })));
    await client.query(text, ['', 10]);
    await client.query('commit');
    await touching;
    await watcher.query(`truncate ${table('_invalidations', names)}`);
    expect((await store.read('touched')).entry?.remaining.fresh).toBeLessThanOrEqual(0);
  });

  it('marks of another incarnation count for nothing', async () => {
    const { store, client, names, pass, log } = await place();
    await store.invalidate(['t|t'], 'delete');
    await store.sweep();
    await pass(HORIZON);
    await client.query(`update ${table('_boot', names)} set id = gen_random_uuid()`);
    expect(await store.sweep()).toMatchObject({ compacted: 0 });
    expect(await log()).toEqual(['t|t']);
  });
});

describe('several at once', () => {
  it('one process at a time; a claim that is not renewed passes on', async () => {
    const { store, open, pass } = await place();
    const other = await open();
    await other.leases?.acquire('[sweeper', 30_000);
    expect(await store.sweep()).toMatchObject({ outcome: 'elsewhere', entries: 0 });
    await pass(MINUTE);
    expect(await store.sweep()).toMatchObject({ outcome: 'finished' });
    expect(await other.sweep()).toMatchObject({ outcome: 'finished' });
  });

  it('INVARIANT 31: two sweepers, batches of writes and invalidations of random tags never deadlock', async () => {
    const { store, open, names, client } = await place();
    const other = await open();
    const text = sweepStatement(quoted(tableNames({ ...names, table: 'cache' }))).text;
    const before = await deadlocks(client);
    let running: 'yes' | 'no' = 'yes';
    const until = async (work: () => Promise<unknown>) => {
      while (running === 'yes') await work();
    };
    const random = (most: number) => Math.floor(Math.random() * most);
    const someWrites = (one: Store) => () =>
      Promise.all(
        Array.from({ length: 30 }, async () => {
          const id = `k${random(40)}`;
          if (random(3) === 0) return one.delete(id);
          const entry = lasting(id, { sliding: MINUTE, ttl: undefined, grace: random(2) * MINUTE }, [`t${random(5)}`]);
          if (random(2) === 0) return one.set({ ...entry, loadMs: undefined });
          await one.touch(id);
          return one.fill(entry, (await one.read(id)).token);
        }),
      );
    const work = [
      until(() => store.sweep()),
      until(() => client.query(text, ['', 7])), // a second one that knows of no claim
      until(someWrites(store)),
      until(someWrites(other)),
      until(() => store.invalidate([`t|t${random(5)}`, `t|t${random(5)}`], random(2) === 0 ? 'delete' : 'expire')),
    ];
    setTimeout(() => {
      running = 'no';
    }, 2_000);
    await Promise.all(work);
    expect(await deadlocks(client)).toBe(before);
  }, 30_000);

  it('table, log and marks converge under constant writing', async () => {
    const { store, client, names, pass } = await place();
    const count = async (suffix: string) =>
      Number((await client.query(`select count(*) from ${table(suffix, names)}`)).rows[0]?.count);
    const sizes: number[] = [];
    for (let round = 0; round < 12; round += 1) {
      await Promise.all(
        Array.from({ length: 100 }, (_, i) =>
          fill(store, loaded(`r${round}-${i}`, { ttl: 3 * MINUTE, tags: [`t${i}`] })),
        ),
      );
      await store.set(write(`set-${round}`, { ttl: MINUTE }));
      await store.invalidate(
        Array.from({ length: 20 }, (_, i) => `t|t${i}`),
        'delete',
      );
      await store.sweep();
      sizes.push((await count('')) + (await count('_invalidations')) + (await count('_marks')));
      await pass(4 * MINUTE);
    }
    expect(Math.max(...sizes.slice(6))).toBeLessThanOrEqual(Math.max(...sizes.slice(0, 6)));
  }, 30_000);
});

/** Deadlocks of this database so far. */
async function deadlocks(client: pg.Client): Promise<number> {
  await client.query(`select pg_stat_clear_snapshot()`);
  return Number(
    (await client.query(`select deadlocks from pg_stat_database where datname = current_database()`)).rows[0]
      ?.deadlocks,
  );
}

describe('when', () => {
  const settled = (check: () => Promise<unknown>) => expect.poll(check, { timeout: 10_000 });

  it('by itself, half a period to one and a half after opening, then every period; after `close` never again', async () => {
    const { open, client, names, pass, ids } = await place();
    const clock = new FakeClock();
    const store = await open({ clock, sweep: { every: MINUTE, batch: 10 } });
    const dies = async () => {
      await fill(store, loaded('dead', { ttl: MINUTE }));
      await pass(2 * MINUTE);
    };
    await dies();
    clock.advance(MINUTE / 2 - 1);
    expect(await ids()).toEqual(['dead']);
    clock.advance(MINUTE + 2);
    await settled(ids).toEqual([]);
    await expect.poll(() => clock.timers).toBe(1);
    await dies();
    clock.advance(MINUTE);
    await settled(ids).toEqual([]);
    await expect.poll(() => clock.timers).toBe(1);
    await dies();
    await store.close();
    expect(clock.timers).toBe(0);
    expect((await client.query(`select from ${table('', names)}`)).rowCount).toBe(1);
  });

  it('`sweep: false` does nothing by itself', async () => {
    const { open } = await place();
    const clock = new FakeClock();
    await open({ clock });
    expect(clock.timers).toBe(0);
  });

  it('failures are reported, throw into no call, and end nothing', async () => {
    const { open, client, names } = await place();
    const clock = new FakeClock();
    const errors: unknown[] = [];
    const store = await open({
      clock,
      sweep: { every: MINUTE, batch: 10 },
      onSweepError: (error) => errors.push(error),
    });
    await client.query(`alter table ${table('_marks', names)} rename to gone`);
    clock.advance(2 * MINUTE);
    await expect.poll(() => errors.length).toBe(1);
    await expect.poll(() => clock.timers).toBe(1);
    await expect(store.sweep()).rejects.toMatchObject({ code: 'STORE_FAILED' });
    expect(await bodyOf(store, 'x')).toBeUndefined();
  });
});
