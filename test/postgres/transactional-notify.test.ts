/** `notify: 'transactional'`: invalidations in transactions are heard with the commit. */
import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import type { CacheOptions } from '../../src/cache-options.js';
import { nameHash } from '../../src/kernel/name-hash.js';
import { connectApart, eventually, type OpenCache, openCache } from './cache-fixture.js';
import { useOwnServer } from './own-server.js';
import { amount, database, FORMS, logged, makeKysely, makePool, open } from './transactions-fixture.js';

const CHANNEL = 'news of "mine"';

const notifying = (options: CacheOptions = {}): Promise<OpenCache> =>
  open({ notify: 'transactional', channel: CHANNEL, ...options });

interface Ear {
  readonly client: pg.Client;
  /** Names told so far, by their hashes, message by message. */
  readonly heard: readonly (readonly string[])[];
}

/** A client that listens, and nothing else: what it hears comes from no heartbeat. */
async function listen(url = database.url): Promise<Ear> {
  const client = await connectApart(url);
  const heard: string[][] = [];
  client.on('notification', ({ payload = '' }) => {
    const [xid = '', ...hashes] = payload.split(' ');
    expect(Buffer.byteLength(payload)).toBeLessThanOrEqual(7_999);
    if (/^\d+$/.test(xid)) heard.push(hashes);
  });
  await client.query(`listen "news of ""mine"""`);
  return { client, heard };
}

const hashOf = (name: string): string => nameHash(name).toString(36);

describe.each(Object.entries(FORMS))('with %s', (_, begin) => {
  it('INVARIANT 4: others are told with the commit, and not before', async () => {
    const [here, there, ear] = [await notifying(), await notifying(), await listen()];
    const reader = await connectApart(database.url);
    expect(await amount(there.cache, reader)).toBe(10);
    const own = await begin();
    await own.run('update stock set amount = 20');
    await here.cache.invalidateTags('stock', { trx: own.trx });
    await reader.query(`notify "news of ""mine""", '1 before'`);
    await eventually(() => expect(ear.heard).toEqual([['before']]));
    await own.end('commit');
    await eventually(() => expect(ear.heard).toEqual([['before'], [hashOf('t|stock')]]));
    await eventually(async () => expect(await amount(there.cache, reader)).toBe(20));
  });

  it('INVARIANT 6: a rollback tells nobody', async () => {
    const [here, ear] = [await notifying(), await listen()];
    const own = await begin();
    await here.cache.invalidateTags('stock', { trx: own.trx });
    await own.end('rollback');
    await (await connectApart(database.url)).query(`notify "news of ""mine""", '1 after'`);
    await eventually(() => expect(ear.heard).toEqual([['after']]));
  });
});

describe('Cache.transaction', () => {
  it('over a pg pool tells once, with the commit; what a savepoint took back never', async () => {
    const [here, ear] = [await notifying(), await listen()];
    await here.cache.transaction(makePool(), async (trx) => {
      await here.cache.invalidateTags('stock');
      await trx.query('savepoint before');
      await here.cache.invalidateTags('undone');
      await trx.query('rollback to savepoint before');
    });
    await onlyStockWasTold(here, ear);
  });

  it('over Kysely tells once, with the commit', async () => {
    const [here, ear] = [await notifying(), await listen()];
    await here.cache.transaction(makeKysely(), () => here.cache.invalidateTags('stock'));
    await onlyStockWasTold(here, ear);
  });

  async function onlyStockWasTold({ cache }: OpenCache, ear: Ear): Promise<void> {
    await cache.idle();
    await ear.client.query(`notify "news of ""mine""", '1 after'`);
    await eventually(() => expect(ear.heard).toEqual([[hashOf('t|stock')], ['after']]));
  }

  it('INVARIANT 9: many names are told in messages that fit', async () => {
    const [here, there, ear] = [await notifying(), await notifying(), await listen()];
    const before = hashOf('k|last');
    const tags = Array.from({ length: 2_000 }, (_, i) => `tag-${i}`);
    await there.cache.set('last', 'old', { tags: ['tag-1999'] });
    await here.cache.transaction(makePool(), () => here.cache.invalidateTags(tags));
    await eventually(async () => expect(await there.cache.get('last')).toBeUndefined());
    const told = () => ear.heard.filter(([first]) => first !== before);
    await eventually(() => expect(told().flat()).toHaveLength(2_000));
    expect(told()).toHaveLength(3);
  });

  it('a transaction of another database is refused, and nobody there is told', async () => {
    const [here, ear] = [await notifying(), await listen()];
    const elsewhere = makePool(new URL('/postgres', database.url).href);
    const failing = here.cache.transaction(elsewhere, () => here.cache.invalidateTags('stock'));
    await expect(failing).rejects.toMatchObject({ code: 'FOREIGN_TRANSACTION' });
    expect(await logged(ear.client)).toEqual([]);
  });
});

it('deferred: a transaction of one’s own sends nothing', async () => {
  const [here, ear] = [await notifying({ notify: 'deferred' }), await listen()];
  const client = await connectApart(database.url);
  await client.query('begin');
  await here.cache.invalidateTags('stock', { trx: client });
  await client.query('commit');
  await client.query(`notify "news of ""mine""", '1 after'`);
  await eventually(() => expect(ear.heard).toEqual([['after']]));
});

/** Only from 17 on the queue can be made so small that a test can fill it. */
const version = Number(/:(\d+)$/.exec(process.env['KEEPSAKE_TEST_PG'] ?? '')?.[1] ?? '18');

describe.skipIf(version < 17)('a notification queue that is more than half full (needs PostgreSQL 17)', () => {
  const server = useOwnServer({ max_notify_queue_pages: '64' });

  it('INVARIANT 9: gets nothing more, no commit fails, and the heartbeat tells the same', async () => {
    const { url } = server();
    const options = { connection: url, channel: CHANNEL, notify: 'transactional', localLease: '1h' } as const;
    const [here, there] = [await openCache(options), await openCache(options)];
    const sleeper = await connectApart(url);
    // What a session in a transaction has not read yet is kept for it.
    for (const statement of ['listen filling', 'begin', 'select']) await sleeper.query(statement);
    const [client, ear] = [await connectApart(url), await listen(url)];
    await client.query(`select pg_notify('filling', repeat('x', 7000) || n) from generate_series(1, 45) as n`);
    const { rows } = await client.query('select pg_notification_queue_usage() as usage');
    expect(rows[0]?.usage).toBeGreaterThan(0.5);
    for (const key of ['in a transaction', 'set']) await there.cache.set(key, 'old', { tags: [key] });
    await here.cache.transaction(makePool(url), () => here.cache.invalidateTags('in a transaction'));
    await here.cache.set('set', 'new');
    await eventually(async () => expect(await there.cache.get('in a transaction')).toBeUndefined());
    await eventually(async () => expect(await there.cache.get('set')).toBe('new'));
    await client.query(`notify "news of ""mine""", '1 after'`);
    await eventually(() => expect(ear.heard).toEqual([['after']]));
    expect([...here.warnings, ...there.warnings]).toEqual([]);
  });
});
