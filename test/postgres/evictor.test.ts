/** Bounds of the table: what lives and is too much goes, approximately the oldest first. */
import { describe, expect, it } from 'vitest';
import { openCache } from './cache-fixture.js';
import { failureOf, table, write } from './fixture.js';
import { database, fill, HORIZON, loaded, place } from './sweeper-fixture.js';

const name = (n: number): string => `k${String(n).padStart(3, '0')}`;

describe('maxEntries and maxBytes', () => {
  it('the oldest go, however their ids are, until the bound holds; a sweep below the bounds removes nothing', async () => {
    const { store, open, client, names, ids } = await place();
    for (let i = 0; i < 50; i += 1) await fill(store, loaded(name((i * 7) % 50)));
    // Written a second apart, in that order.
    await client.query(`update ${table('', names)} set written_at = now() - interval '1 hour' + interval '1 second' * n
      from (select ('k' || lpad((i * 7 % 50)::text, 3, '0')) as key, i as n from generate_series(0, 49) as i) as made where id = key`);
    const bounded = await open({ maxEntries: 20, sweep: { every: 3_600_000, batch: 7 } });
    expect(await bounded.sweep()).toMatchObject({ outcome: 'finished', entries: 50, removed: 0, evicted: 30 });
    const youngest = Array.from({ length: 20 }, (_, i) => name(((i + 30) * 7) % 50)).sort();
    expect(await ids()).toEqual(youngest);
    expect(await bounded.sweep()).toMatchObject({ entries: 20, evicted: 0 });
  });

  it('bytes are those of values', async () => {
    const { store, open, ids } = await place();
    for (let i = 0; i < 20; i += 1) await fill(store, loaded(name(i), { body: 'x'.repeat(10_000) }));
    const bounded = await open({ maxBytes: 100_000 });
    const { evicted } = await bounded.sweep();
    expect(evicted).toBeGreaterThanOrEqual(10);
    expect(evicted).toBeLessThanOrEqual(11);
    expect(await ids()).toEqual(Array.from({ length: 20 - evicted }, (_, i) => name(i + evicted)));
  });

  it('INVARIANT 7: what was set fences older loads also when it is evicted; results of loads leave nothing in the log', async () => {
    const { store, open, log, ids, pass } = await place();
    const { token } = await store.read('set');
    await store.set(write('set'));
    await fill(store, loaded('loaded'));
    await fill(store, loaded('youngest'));
    const bounded = await open({ maxEntries: 1 });
    expect(await bounded.sweep()).toMatchObject({ evicted: 2 });
    expect(await ids()).toEqual(['youngest']);
    expect(await log()).toEqual(['k|set']);
    expect(await store.fill(loaded('set'), token)).toEqual({ status: 'refused', reason: 'invalidated' });
    // What is older than every load leaves nothing behind.
    await store.set(write('old'));
    await pass(HORIZON);
    await fill(store, loaded('younger'));
    await bounded.sweep();
    expect(await ids()).toEqual(['younger']);
    expect((await log()).filter((logged) => logged !== 'k|set')).toEqual([]);
  });

  it('are options of a cache, and must be positive integers', async () => {
    const { cache } = await openCache({ connection: database.url, prefix: 'bounded_', sweep: false, maxEntries: 2 });
    for (let i = 0; i < 5; i += 1) await cache.set(name(i), i);
    expect(await cache.sweep()).toMatchObject({ evicted: 3 });
    expect(await cache.get(name(4))).toBe(4);
    const error = await failureOf(openCache({ connection: database.url, maxBytes: 0 }));
    expect(error).toMatchObject({ code: 'INVALID_OPTION', message: expect.stringContaining('`maxBytes`') });
  });
});
