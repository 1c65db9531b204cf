/** The validity rule against real transactions of other connections: what began before, during and after a load. */
import type pg from 'pg';
import { beforeAll, describe, expect, it } from 'vitest';
import { createPostgresStore } from '../../src/postgres/store.js';
import { testNames, useDatabase } from '../support/database.js';
import { bodyOf, connect, openStore, SCOPE, table, write } from './fixture.js';

const database = useDatabase();

beforeAll(async () => {
  const store = createPostgresStore({ connection: database.url, ...SCOPE, ...testNames() });
  await store.open();
  await store.close();
});

const invalidate = (client: pg.Client, name: string, kind = 'delete') =>
  client.query(
    `insert into ${table('_invalidations')} (name, kind) values ($1, $2) on conflict (name, xid) do update set kind = excluded.kind`,
    [name, kind],
  );

const openIt = () => openStore({ connection: database.url });

describe('a load races with the transaction that invalidates its tag', () => {
  it('INVARIANT 1: open when the load begins, committed before the fill: refused', async () => {
    const [store, other] = [await openIt(), await connect(database.url)];
    await other.query('begin');
    await invalidate(other, 't|before-fill');
    const { token } = await store.read('before-fill');
    await other.query('commit');
    expect(await store.fill(write('before-fill', { tags: ['before-fill'] }), token)).toEqual({
      status: 'refused',
      reason: 'invalidated',
    });
    expect(await bodyOf(store, 'before-fill')).toBeUndefined();
  });

  it('INVARIANT 1: open when the load begins and when it ends, committed after the fill: stored, and hidden by the commit', async () => {
    const [store, other] = [await openIt(), await connect(database.url)];
    await other.query('begin');
    await invalidate(other, 't|after-fill');
    const { token } = await store.read('after-fill');
    expect(await store.fill(write('after-fill', { tags: ['after-fill'] }), token)).toMatchObject({ status: 'stored' });
    expect(await bodyOf(store, 'after-fill')).toBe('value');
    await other.query('commit');
    expect(await bodyOf(store, 'after-fill')).toBeUndefined();
  });

  it('INVARIANT 1: begun and logged after the fill, its transaction older than the load: hidden by the commit', async () => {
    const [store, other] = [await openIt(), await connect(database.url)];
    await other.query('begin');
    await other.query('select pg_current_xact_id()');
    const { token } = await store.read('old-xid');
    await store.fill(write('old-xid', { tags: ['old-xid'] }), token);
    // Later transactions come and go, so that the old one is far behind.
    for (let i = 0; i < 5; i += 1) await store.invalidate([`t|unrelated-${i}`], 'delete');
    await invalidate(other, 't|old-xid');
    expect(await bodyOf(store, 'old-xid')).toBe('value');
    await other.query('commit');
    expect(await bodyOf(store, 'old-xid')).toBeUndefined();
  });

  it('INVARIANT 1: in the middle of the snapshot of the load, and the youngest invalidation of all: hidden by the commit', async () => {
    const [store, other] = [await openIt(), await connect(database.url)];
    await other.query('begin');
    await invalidate(other, 't|middle');
    // Transactions that begin later and end earlier, so that the open one is older than all the load can see.
    for (let i = 0; i < 3; i += 1) await store.set(write('unrelated'));
    const { token } = await store.read('middle');
    expect(token.snapshot).toMatch(/^(\d+):(?!\1:)\d+:\1$/);
    expect(await store.fill(write('middle', { tags: ['middle'] }), token)).toMatchObject({ status: 'stored' });
    expect(await bodyOf(store, 'middle')).toBe('value');
    await other.query('commit');
    expect(await bodyOf(store, 'middle')).toBeUndefined();
    expect(await store.fill(write('middle', { tags: ['middle'] }), token)).toMatchObject({ status: 'refused' });
  });

  it('INVARIANT 6: rolled back: as if it had never been, before and after the fill', async () => {
    const [store, other] = [await openIt(), await connect(database.url)];
    await other.query('begin');
    await invalidate(other, 't|rolled-back');
    const first = await store.read('rolled-back-1');
    const second = await store.read('rolled-back-2');
    expect(await store.fill(write('rolled-back-1', { tags: ['rolled-back'] }), first.token)).toMatchObject({
      status: 'stored',
    });
    await other.query('rollback');
    expect(await store.fill(write('rolled-back-2', { tags: ['rolled-back'] }), second.token)).toMatchObject({
      status: 'stored',
    });
    expect([await bodyOf(store, 'rolled-back-1'), await bodyOf(store, 'rolled-back-2')]).toEqual(['value', 'value']);
  });

  it('INVARIANT 8: a set is hidden by an invalidation that was under way when it was written', async () => {
    const [store, other] = [await openIt(), await connect(database.url)];
    await other.query('begin');
    await invalidate(other, 'k|under-way');
    await store.set(write('under-way'));
    expect(await bodyOf(store, 'under-way')).toBe('value');
    await other.query('commit');
    expect(await bodyOf(store, 'under-way')).toBeUndefined();
    await store.set(write('under-way', { body: 'anew' }));
    expect(await bodyOf(store, 'under-way')).toBe('anew');
  });

  it('INVARIANT 8a: entries loaded while a foreign transaction stays open see every later invalidation', async () => {
    const [store, other] = [await openIt(), await connect(database.url)];
    await other.query('begin');
    await invalidate(other, 't|something else');
    for (const round of [1, 2, 3]) {
      const { token } = await store.read('long');
      expect(await store.fill(write('long', { body: `round ${round}`, tags: ['long'] }), token)).toMatchObject({
        status: 'stored',
      });
      expect(await bodyOf(store, 'long')).toBe(`round ${round}`);
      await store.invalidate(['t|long'], 'delete');
      expect(await bodyOf(store, 'long')).toBeUndefined();
    }
    await other.query('rollback');
  });

  it('within one transaction the stronger kind of a name stays', async () => {
    const [store, other] = [await openIt(), await connect(database.url)];
    await store.set({ ...write('kinds'), lifetimes: { ...write('kinds').lifetimes, grace: 60_000 } });
    const { token } = await store.read('kinds');
    expect(token.snapshot).not.toBe('');
    await other.query('begin');
    await invalidate(other, 'k|kinds', 'expire');
    await invalidate(other, 'k|kinds', 'delete');
    await other.query('commit');
    expect((await store.read('kinds')).entry).toBeUndefined();
  });

  it('an entry and its invalidation in one transaction: its own writer counts as seen', async () => {
    const [store, other] = [await openIt(), await connect(database.url)];
    await store.set(write('own', { tags: ['own'] }));
    await other.query('begin');
    await invalidate(other, 't|own');
    await other.query(
      `update ${table()} set snapshot = pg_current_snapshot(), writer_xid = pg_current_xact_id(), value = 'mine' where id = 'own'`,
    );
    await other.query('commit');
    expect(await bodyOf(store, 'own')).toBe('mine');
  });

  it('kind `written` hides nothing and refuses nothing', async () => {
    const [store, other] = [await openIt(), await connect(database.url)];
    const { token } = await store.read('written-2');
    await store.set(write('written', { tags: ['w'] }));
    await invalidate(other, 't|w', 'written');
    expect(await bodyOf(store, 'written')).toBe('value');
    expect(await store.fill(write('written-2', { tags: ['w'] }), token)).toMatchObject({ status: 'stored' });
  });
});

describe('fills against rows', () => {
  it('INVARIANT 7: a set that is over still refuses loads older than it', async () => {
    const store = await openIt();
    const { token } = await store.read('over');
    await store.set(write('over', { ttl: 1 }));
    await expect.poll(() => bodyOf(store, 'over')).toBeUndefined();
    expect(await store.fill(write('over', { body: 'older than the set' }), token)).toEqual({
      status: 'refused',
      reason: 'newer',
    });
    const later = await store.read('over');
    expect(await store.fill(write('over', { body: 'later' }), later.token)).toMatchObject({ status: 'stored' });
  });

  it('the result of a load that is over makes room for another load, even an older one', async () => {
    const store = await openIt();
    const [older, newer] = [await store.read('load-over'), await store.read('load-over')];
    await store.fill({ ...write('load-over', { ttl: 1 }), loadMs: 5 }, newer.token);
    await expect.poll(() => bodyOf(store, 'load-over')).toBeUndefined();
    expect(await store.fill({ ...write('load-over'), loadMs: 5 }, older.token)).toMatchObject({ status: 'stored' });
  });

  it('the deadline in force is the largest of all processes', async () => {
    const short = createPostgresStore({
      connection: database.url,
      ...testNames(),
      scopeNames: [],
      loadDeadline: 1_000,
    });
    await short.open();
    const { token } = await short.read('deadline');
    const aged = (ms: number) => ({ ...token, at: String(Number(token.at) - ms / 1000) });
    expect(await short.fill(write('deadline'), aged(5_000))).toMatchObject({ status: 'stored' });
    expect(await short.fill(write('deadline-2'), aged(SCOPE.loadDeadline))).toEqual({
      status: 'refused',
      reason: 'deadline',
    });
    await short.close();
  });

  it('the age of a load is checked again after it waited for a row', async () => {
    const [store, other] = [await openIt(), await connect(database.url)];
    await store.set(write('waited'));
    const { token } = await store.read('waited');
    await other.query('begin');
    await other.query(`select from ${table()} where id = 'waited' for update`);
    const soon = { ...token, at: String(Number(token.at) - (SCOPE.loadDeadline - 700) / 1000) };
    const filling = store.fill(write('waited', { body: 'too late' }), soon);
    await other.query('select pg_sleep(0.9)');
    await other.query('commit');
    expect(await filling).toEqual({ status: 'refused', reason: 'deadline' });
    expect(await bodyOf(store, 'waited')).toBe('value');
  });
});

describe('damage', () => {
  it('INVARIANT 25: a row whose text is no UTF-8 is a miss, reported, and its neighbours are read', async () => {
    const errors: unknown[] = [];
    const store = await openStore({ connection: database.url, onError: (error) => errors.push(error) });
    const other = await connect(database.url);
    await Promise.all(['d1', 'd2', 'd3'].map((id) => store.set(write(id))));
    await other.query(`update ${table()} set value = '\\xff'::bytea where id = 'd2'`);
    const bodies = await Promise.all(['d1', 'd2', 'd3'].map((id) => bodyOf(store, id)));
    expect(bodies).toEqual(['value', undefined, 'value']);
    expect(errors).toHaveLength(1);
    const { token } = await store.read('d2');
    expect(await store.fill(write('d2', { body: 'mended' }), token)).toMatchObject({ status: 'stored' });
    expect(await bodyOf(store, 'd2')).toBe('mended');
  });

  it('one bad row fails alone: an id PostgreSQL cannot hold among good ones', async () => {
    const store = await openIt();
    const results = await Promise.allSettled(['g1', 'bad\0id', 'g2', 'g3'].map((id) => store.set(write(id))));
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
    expect(results[1]).toMatchObject({ reason: { code: 'STORE_FAILED', outcome: 'failed' } });
    expect(await bodyOf(store, 'g3')).toBe('value');
  });

  it('text that UTF-8 or PostgreSQL cannot carry comes back as it was', async () => {
    const store = await openIt();
    for (const body of ['nul \0 inside', 'lone \ud800 surrogate', '']) {
      await store.set(write('odd', { body }));
      expect((await store.read('odd')).entry?.encoded.body).toBe(body);
    }
  });
});

describe('time', () => {
  it('INVARIANT 11: a session in New York, in the hour that comes twice, changes no lifetime', async () => {
    const other = await connect(database.url);
    const name = (await other.query<{ name: string }>('select current_database() as name')).rows[0]?.name ?? '';
    await other.query(`alter database "${name}" set timezone = 'America/New_York'`);
    const pool = new (await import('pg')).default.Pool({ connectionString: database.url, max: 2 });
    const store = await openStore({ connection: { pool } });
    try {
      const fallBack = Date.parse('2040-11-04T05:30:00Z'); // 01:30 in New York, for the first time
      const lifetimes = (expiresAt: number) => ({ ...write('x').lifetimes, ttl: undefined, expiresAt });
      const first = await store.set({ ...write('first'), lifetimes: lifetimes(fallBack) });
      const second = await store.set({ ...write('second'), lifetimes: lifetimes(fallBack + 3_600_000) });
      const between = second.remaining.fresh - first.remaining.fresh;
      expect(Math.abs(between - 3_600_000)).toBeLessThan(5_000);
      const { rows } = await other.query<{ ms: string }>(
        `select (date_part('epoch', expiresattime) * 1000)::bigint::text as ms from ${table()} where id = 'second'`,
      );
      expect(Number(rows[0]?.ms)).toBe(fallBack + 3_600_000);
      expect((await store.set(write('hour'))).remaining.fresh).toBe(3_600_000);
      const read = await store.read('hour');
      expect(read.entry?.age).toBeLessThan(10_000);
    } finally {
      await store.close();
      await pool.end();
      await other.query(`alter database "${name}" reset timezone`);
    }
  });
});
