/** Sweepers beside each other and beside everything else, and when they sweep. */
import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import type { Store } from '../../src/ports/store.js';
import { quoted, tableNames } from '../../src/postgres/names.js';
import { sweepStatement } from '../../src/postgres/queries/sweep.js';
import { FakeClock } from '../support/fake-clock.js';
import { bodyOf, table, write } from './fixture.js';
import { fill, lasting, loaded, MINUTE, place } from './sweeper-fixture.js';

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
