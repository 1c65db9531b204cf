import { describe, expect, it } from 'vitest';
import { quoted, tableNames } from '../../src/postgres/names.js';
import { sweepStatement } from '../../src/postgres/queries/sweep.js';
import { bodyOf, connect, SCOPE, table, write } from './fixture.js';
import { database, fill, HORIZON, lasting, loaded, MINUTE, older, place } from './sweeper-fixture.js';

describe('entries', () => {
  it('dead ones go, fresh and stale ones stay, and the numbers say so', async () => {
    const { store, pass, ids } = await place();
    await fill(store, loaded('dead', { ttl: MINUTE }));
    await fill(store, loaded('fresh'));
    await fill(store, lasting('stale', { ttl: MINUTE, grace: 60 * MINUTE }));
    await fill(store, lasting('forever', { ttl: Infinity }));
    await pass(2 * MINUTE);
    expect(await store.sweep()).toEqual({
      outcome: 'finished',
      entries: 4,
      removed: 1,
      settled: 0,
      compacted: 0,
      evicted: 0,
    });
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

  it('INVARIANT 8a: mass invalidations go after the deadline as well, all of them, and nothing they said is forgotten', async () => {
    const { store, client, names, pass, log } = await place();
    const mass = table('_mass', names);
    await fill(store, loaded('hidden', { tags: ['big:7'], ttl: Infinity }));
    await fill(store, loaded('live', { tags: ['big:8'], ttl: Infinity }));
    const { token } = await store.read('loading');
    await client.query(`begin; insert into ${table('_invalidations', names)} (name, kind) values ('t|big', 'delete');
      insert into ${mass} (bucket, hashes) select hash & 1023, array[hash] from hashtextextended('t|big:7', 0) as hash;
      insert into ${mass} (bucket, hashes) select i % 1024, array[i] from generate_series(1, 2500) as i; commit`);
    expect(await bodyOf(store, 'hidden')).toBeUndefined();
    await store.sweep();
    await pass(HORIZON);
    await client.query(`insert into ${mass} (bucket, hashes) values (0, '{1024}')`);
    await store.sweep();
    expect(await log()).toEqual([]);
    expect((await client.query(`select from ${mass}`)).rowCount).toBe(1);
    expect([await bodyOf(store, 'hidden'), await bodyOf(store, 'live')]).toEqual([undefined, 'value']);
    expect(await store.fill(loaded('loading', { tags: ['big:7'] }), older(token, HORIZON))).toMatchObject({
      reason: 'deadline',
    });
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
