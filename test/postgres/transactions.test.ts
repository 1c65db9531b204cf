import { describe, expect, it } from 'vitest';
import { connectApart, eventually, HeldLoader } from './cache-fixture.js';
import { amount, database, FORMS, logged, makePool, open, settled } from './transactions-fixture.js';

describe.each(Object.entries(FORMS))('invalidateTags(…, { trx }) with %s', (_, begin) => {
  it('INVARIANT 1, 5: is true with the commit, and no sooner; the next read here is never older', async () => {
    const { cache } = await open();
    const reader = await connectApart(database.url);
    expect(await amount(cache, reader)).toBe(10);
    const own = await begin();
    await own.run('update stock set amount = 20');
    await cache.invalidateTags('stock', { trx: own.trx });
    const asked = cache.stats().localHits;
    for (let turn = 0; turn < 3; turn += 1) expect(await amount(cache, reader)).toBe(10);
    expect(cache.stats().localHits).toBe(asked);
    await own.end('commit');
    expect(await amount(cache, reader)).toBe(20);
    await settled(cache);
    await amount(cache, reader);
    expect(await amount(cache, reader)).toBe(20);
    expect(cache.stats().localHits).toBeGreaterThan(asked);
  });

  it('INVARIANT 6: a rollback invalidates nothing, and copies are kept again', async () => {
    const [here, there] = [await open(), await open()];
    const reader = await connectApart(database.url);
    await amount(here.cache, reader);
    await amount(there.cache, reader);
    const own = await begin();
    await own.run('update stock set amount = 20');
    await here.cache.invalidateTags('stock', { trx: own.trx });
    await own.end('rollback');
    await settled(here.cache);
    for (const { cache } of [here, there]) {
      await amount(cache, reader);
      const { loads, localHits } = cache.stats();
      expect(await amount(cache, reader)).toBe(10);
      expect(cache.stats()).toMatchObject({ loads, localHits: localHits + 1 });
    }
    expect(here.cache.stats().loads).toBe(1);
    expect(there.cache.stats().loads).toBe(0);
    expect(await logged(reader)).toEqual([]);
  });

  it('INVARIANT 4: another process hears of it by its heartbeat', async () => {
    const [here, there] = [await open(), await open()];
    const reader = await connectApart(database.url);
    expect(await amount(there.cache, reader)).toBe(10);
    const own = await begin();
    await own.run('update stock set amount = 20');
    await here.cache.invalidateTags('stock', { trx: own.trx });
    await own.end('commit');
    await eventually(async () => expect(await amount(there.cache, reader)).toBe(20));
  });
});

describe('a load and a transaction at once', () => {
  it('INVARIANT 1: what was read before the commit is kept in neither tier, nor handed to later callers', async () => {
    const [here, there] = [await open(), await open()];
    const client = await connectApart(database.url);
    await client.query('begin');
    await here.cache.invalidateTags('stock', { trx: client });
    const held = new HeldLoader<string>();
    const first = here.cache.getOrSet('stock', held.load, { tags: ['stock'] });
    await held.began;
    await client.query('commit');
    const later = here.cache.getOrSet('stock', async () => 'new', { tags: ['stock'] });
    held.answer('old');
    expect(await first).toBe('old');
    expect(await later).toBe('new');
    expect(await here.cache.get('stock')).toBe('new');
    expect(await there.cache.get('stock')).toBe('new');
  });

  it('INVARIANT 1: nor when the load names the tag only as it ends', async () => {
    const { cache } = await open();
    const client = await connectApart(database.url);
    await client.query('begin');
    await cache.invalidateTags('learned', { trx: client });
    const held = new HeldLoader<string>();
    const load = (answer: () => Promise<string>) =>
      cache.getOrSet('stock', async (context) => {
        context.tags('learned');
        return await answer();
      });
    const first = load(held.load);
    await held.began;
    await client.query('commit');
    const later = load(async () => 'new');
    await settled(cache);
    held.answer('old');
    expect(await first).toBe('old');
    expect(await later).toBe('new');
  });

  it('INVARIANT 1: nor when the load begins before a Cache.transaction commits', async () => {
    const { cache } = await open();
    const pool = makePool();
    const held = new HeldLoader<string>();
    const first = cache.getOrSet('stock', held.load, { tags: ['stock'] });
    await held.began;
    await cache.transaction(pool, async () => await cache.invalidateTags('stock'));
    const later = cache.getOrSet('stock', async () => 'new', { tags: ['stock'] });
    held.answer('old');
    expect([await first, await later, await cache.get('stock')]).toEqual(['old', 'new', 'new']);
  });
});

describe('a transaction that is open for long', () => {
  it('is in doubt until it has ended, and the store answers meanwhile', async () => {
    const { cache } = await open();
    const client = await connectApart(database.url);
    await cache.set('k', 'old', { tags: ['stock'] });
    await client.query('begin');
    await cache.invalidateTags('stock', { trx: client });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(cache.stats().underWay.transactions).toBe(1);
    expect(await cache.get('k')).toBe('old');
    await client.query('commit');
    expect(await cache.get('k')).toBeUndefined();
    await settled(cache);
  });
});
