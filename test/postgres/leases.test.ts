/** Leases over a real server: the table's rules, several caches, real processes that die. */
import { describe, expect, it } from 'vitest';
import type { Leases } from '../../src/ports/lease.js';
import { useDatabase } from '../support/database.js';
import { eventually, HeldLoader, MIGRATED, openCache } from './cache-fixture.js';
import { connect, openStore, table } from './fixture.js';

const database = useDatabase({ template: MIGRATED });

/** The leases of a store of its own. */
async function openLeases(poolSize = 4): Promise<Leases> {
  const { leases } = await openStore({ connection: database.url, poolSize });
  if (leases === undefined) throw new Error('The Postgres store has leases');
  return leases;
}

describe('the lease table', () => {
  it('grants a lease to one holder, again to the same one, and to another when it is given back', async () => {
    const [one, other] = [await openLeases(), await openLeases()];
    expect(await one.acquire('a', 60_000)).toBe('granted');
    expect(await one.acquire('a', 60_000)).toBe('granted');
    expect(await other.acquire('a', 60_000)).toBe('held');
    await other.release('a');
    expect(await other.acquire('a', 60_000)).toBe('held');
    await one.release('a');
    expect(await other.acquire('a', 60_000)).toBe('granted');
  });

  it('passes a lease on when its time is over, and renews only what is still held', async () => {
    const [one, other] = [await openLeases(), await openLeases()];
    const client = await connect(database.url);
    await one.acquire('b', 60_000);
    await client.query(`update ${table('_leases')} set held_until = now() - interval '1 second' where id = 'b'`);
    expect(await other.acquire('b', 60_000)).toBe('granted');
    await one.renew(['b'], 60_000);
    expect(await one.acquire('b', 60_000)).toBe('held');
  });

  it('INVARIANT 12: concurrent acquisitions of one key from 8 stores grant it once', async () => {
    const stores = await Promise.all(Array.from({ length: 8 }, () => openLeases(1)));
    for (let round = 0; round < 20; round += 1) {
      const answers = await Promise.all(stores.map((store) => store.acquire(`race ${round}`, 60_000)));
      expect(answers.filter((answer) => answer === 'granted')).toHaveLength(1);
    }
  });

  it('INVARIANT 31: acquisitions and releases of many keys in any order never deadlock', async () => {
    const stores = await Promise.all(Array.from({ length: 4 }, () => openLeases()));
    const ids = Array.from({ length: 50 }, (_, index) => `order ${index}`);
    const outcomes = await Promise.allSettled(
      stores.flatMap((store, shift) =>
        [...ids.slice(shift * 10), ...ids.slice(0, shift * 10)].flatMap((id) => [
          store.acquire(id, 1),
          store.release(id),
        ]),
      ),
    );
    expect(outcomes.filter(({ status }) => status === 'rejected')).toEqual([]);
  });
});

describe('caches that load one key', () => {
  it('INVARIANT 12: 4 caches with 20 callers each run one load', async () => {
    const caches = await Promise.all(Array.from({ length: 4 }, () => openCache({ connection: database.url })));
    let loads = 0;
    const load = async (): Promise<string> => {
      loads += 1;
      await new Promise((resolve) => setTimeout(resolve, 200));
      return 'value';
    };
    const calls = caches.flatMap(({ cache }) => Array.from({ length: 20 }, () => cache.getOrSet('one key', load)));
    expect(new Set(await Promise.all(calls))).toEqual(new Set(['value']));
    expect(loads).toBe(1);
  });

  it('INVARIANT 14: 50 keys load at once over a pool of 1', async () => {
    const { cache } = await openCache({ connection: database.url, poolSize: 1 });
    let running = 0;
    let most = 0;
    const load = async (): Promise<number> => {
      running += 1;
      most = Math.max(most, running);
      while (most < 50) await new Promise((resolve) => setTimeout(resolve, 5));
      running -= 1;
      return most;
    };
    const keys = Array.from({ length: 50 }, (_, index) => `at once ${index}`);
    expect(await Promise.all(keys.map((key) => cache.getOrSet(key, load)))).toEqual(keys.map(() => 50));
  });

  it('INVARIANT 13, 27: a process whose connections break while it waits for another’s load gets that load’s value', async () => {
    const url = new URL(database.url);
    url.searchParams.set('application_name', 'who waits');
    const [loading, waiting] = [
      await openCache({ connection: database.url }),
      await openCache({ connection: url.href }),
    ];
    const held = new HeldLoader<string>();
    const loaded = loading.cache.getOrSet('elsewhere', held.load);
    await held.began;
    const waited = waiting.cache.getOrSet('elsewhere', async () => 'loaded twice');
    const client = await connect(database.url);
    const cut = "select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name = 'who waits'";
    for (let turn = 0; turn < 3; turn += 1) {
      await client.query(cut);
      await eventually(() => expect(waiting.cache.stats().stream?.state).toBe('connecting'));
      await eventually(() => expect(waiting.cache.stats().stream?.state).toBe('listening'));
    }
    expect(waiting.cache.stats().loads).toBe(0);
    held.answer('loaded once');
    expect([await loaded, await waited]).toEqual(['loaded once', 'loaded once']);
  });
});
