/** Two-phase commit: a transaction that is prepared belongs to nobody any more, and ends when somebody says so, in whatever session. */
import { randomUUID } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import { connectApart, eventually, type OpenCache } from './cache-fixture.js';
import { amount, database, logged, makePool, open, settled } from './transactions-fixture.js';

/** Two caches that have the amount in their local tiers, one that changes it, and who reads the truth. */
async function start() {
  const [here, there] = [await open(), await open({ listenConnection: `${database.url}?application_name=there` })];
  const [client, reader] = [await connectApart(database.url), await connectApart(database.url)];
  for (const { cache } of [here, there]) await local(cache, reader, 10);
  const gid = randomUUID();
  // Else it would stay for ever, and its server's log with it.
  onTestFinished(() => void reader.query(`rollback prepared '${gid}'`).catch(() => undefined));
  return { here, there, client, reader, gid };
}

/** Asks until the answer comes out of the local tier, and is the one that is expected. */
async function local(cache: OpenCache['cache'], reader: Parameters<typeof amount>[1], expected: number): Promise<void> {
  await eventually(async () => {
    const hits = cache.stats().localHits;
    expect(await amount(cache, reader)).toBe(expected);
    expect(cache.stats().localHits).toBe(hits + 1);
  });
}

describe('a transaction of one’s own that is prepared', () => {
  it('INVARIANT 1, 5: its names bypass the local tier here until `commit prepared`, then every process is right', async () => {
    const { here, there, client, reader, gid } = await start();
    await client.query('begin; update stock set amount = 20');
    await here.cache.invalidateTags('stock', { trx: client });
    await client.query(`prepare transaction '${gid}'`);
    const { localHits } = here.cache.stats();
    for (let turn = 0; turn < 3; turn += 1) expect(await amount(here.cache, reader)).toBe(10);
    expect(here.cache.stats()).toMatchObject({ localHits, underWay: { transactions: 1 } });
    // Nobody else has heard of it.
    await local(there.cache, reader, 10);
    await reader.query(`commit prepared '${gid}'`);
    expect(await amount(here.cache, reader)).toBe(20);
    await eventually(async () => expect(await amount(there.cache, reader)).toBe(20));
    await settled(here.cache);
    for (const { cache } of [here, there]) await local(cache, reader, 20);
  });

  it('INVARIANT 6: `rollback prepared` leaves no trace', async () => {
    const { here, there, client, reader, gid } = await start();
    const received = there.cache.stats().stream?.received;
    await client.query('begin; update stock set amount = 20');
    await here.cache.invalidateTags('stock', { trx: client });
    await client.query(`prepare transaction '${gid}'`);
    await reader.query(`rollback prepared '${gid}'`);
    await settled(here.cache);
    expect(await logged(reader)).toEqual([]);
    for (const { cache } of [here, there]) await local(cache, reader, 10);
    expect(there.cache.stats()).toMatchObject({ loads: 0, stream: { received } });
  });

  it('a load that began before `commit prepared` is kept in neither tier', async () => {
    const { here, there, client, reader, gid } = await start();
    await client.query('begin; update stock set amount = 20');
    await here.cache.invalidateTags('stock', { trx: client });
    await client.query(`prepare transaction '${gid}'`);
    const old = await here.cache.getOrSet(
      'while prepared',
      async () => {
        const seen = await reader.query<{ amount: number }>('select amount from stock');
        await reader.query(`commit prepared '${gid}'`);
        return seen.rows[0]?.amount;
      },
      { tags: ['stock'] },
    );
    expect(old).toBe(10);
    for (const { cache } of [here, there]) expect(await cache.get('while prepared')).toBeUndefined();
  });
});

describe('Cache.transaction', () => {
  it('INVARIANT 2: one that its work has prepared commits when it is told to: every process is right a heartbeat later', async () => {
    const { here, there, reader, gid } = await start();
    // Copies that stay where they are keep the memory of the tag, in which the news come twice.
    for (const { cache } of [here, there]) await cache.getOrSet('another', async () => 'old', { tags: ['stock'] });
    await here.cache.transaction(makePool(), async (trx) => {
      await trx.query('update stock set amount = 20');
      await here.cache.invalidateTags('stock');
      await trx.query(`prepare transaction '${gid}'`);
    });
    // Not committed: copies of what is still true are kept again.
    for (const { cache } of [here, there]) await local(cache, reader, 10);
    await reader.query(`commit prepared '${gid}'`);
    for (const { cache } of [here, there]) {
      await eventually(async () => expect(await amount(cache, reader)).toBe(20));
      await local(cache, reader, 20);
    }
  });
});

describe('notify: transactional', () => {
  it('cannot be prepared: the server says why, nothing is committed, and nothing stays in doubt', async () => {
    const { here, client, reader, gid } = await start();
    const { cache } = await open({ notify: 'transactional' });
    await client.query('begin; update stock set amount = 20');
    await cache.invalidateTags('stock', { trx: client });
    const failing = client.query(`prepare transaction '${gid}'`);
    await expect(failing).rejects.toMatchObject({ code: '0A000', message: expect.stringContaining('NOTIFY') });
    await settled(cache);
    expect(await logged(reader)).toEqual([]);
    await local(here.cache, reader, 10);
  });
});
