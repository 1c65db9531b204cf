/** Strong reads over the real thing: caches that hear nothing of each other, where eventual calls answer the old value and strong ones never do. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { CacheInstance } from '../../src/engine/cache.js';
import { testNames, useDatabase, usePool } from '../support/database.js';
import { WorkerProcess } from '../support/processes.js';
import { HeldLoader, MIGRATED, openCache } from './cache-fixture.js';
import { PATIENT } from './fixture.js';

const database = useDatabase({ template: MIGRATED });
const pool = usePool(database);
const STRONG = Object.freeze({ consistency: 'strong' } as const);

/** A process that does not listen, and keeps its copies for as long as the tests may take. */
async function deaf(): Promise<CacheInstance> {
  return (await openCache({ connection: database.url, notify: 'off', localLease: '1h' })).cache;
}

describe('strong reads', () => {
  let cache: CacheInstance;

  beforeEach(async () => {
    cache = await deaf();
    await cache.clear();
  });

  it('see what another process has invalidated, in every form of it', async () => {
    const other = await WorkerProcess.spawn(new URL('./workers/cache-process.ts', import.meta.url));
    await other.send('open', { connection: database.url, ...testNames(), timeouts: PATIENT, notify: 'off' });
    const invalidations: readonly (readonly [command: string, argument: unknown])[] = [
      ['delete', 'k'],
      ['expire', 'k'],
      ['invalidateTags', ['t']],
      ['clear', undefined],
    ];
    for (const [command, argument] of invalidations) {
      await cache.set('k', 'old', { tags: ['t'] });
      await other.send(command, argument);
      expect([command, await cache.get('k')]).toEqual([command, 'old']);
      expect([command, await cache.get('k', STRONG)]).toEqual([command, undefined]);
      expect(await cache.getOrSet('k', () => command, STRONG)).toBe(command);
      expect(await cache.getOrSet('k', () => 'never')).toBe(command);
    }
  });

  it('see what a transaction has invalidated once it has committed, and not before', async () => {
    const client = await pool().connect();
    try {
      const other = await deaf();
      await cache.set('k', 'old', { tags: ['t'] });
      await client.query('begin');
      await other.invalidateTags('t', { trx: client });
      expect(await cache.get('k', STRONG)).toBe('old');
      await client.query('commit');
      expect(await cache.get('k')).toBe('old');
      expect(await cache.get('k', STRONG)).toBeUndefined();
    } finally {
      client.release();
    }
  });

  it('are not answered by a load of this process that began before the invalidation', async () => {
    const other = await deaf();
    const held = new HeldLoader<string>();
    const policy = { tags: ['t'] };
    const before = cache.getOrSet('k', held.load, policy);
    await held.began;
    await other.invalidateTags('t');
    const strong = cache.getOrSet('k', () => 'new', { ...policy, ...STRONG });
    const eventual = cache.getOrSet('k', () => 'never', policy);
    held.answer('old');
    expect([await before, await eventual]).toEqual(['old', 'old']);
    expect(await strong).toBe('new');
  });

  it('never go back, however many write and read at the same time', async () => {
    const others = [await deaf(), await deaf()];
    const keys = ['a', 'b', 'c'];
    const source = new Map(keys.map((key) => [key, 0]));
    const mistakes: unknown[] = [];
    let eventuallyOld = 0;
    const load = (key: string) => async (): Promise<number> => {
      const value = source.get(key) ?? 0;
      await new Promise((resolve) => setImmediate(resolve));
      return value;
    };
    /** What was true, and invalidated, when a read begins is the least it may answer. */
    const committed = new Map(keys.map((key) => [key, 0]));
    const write = async (writer: CacheInstance, key: string): Promise<void> => {
      const next = (source.get(key) ?? 0) + 1;
      source.set(key, next);
      await writer.invalidateTags(`of ${key}`);
      committed.set(key, Math.max(next, committed.get(key) ?? 0));
    };
    const read = async (key: string, options: { consistency?: 'strong' }): Promise<void> => {
      const least = committed.get(key) ?? 0;
      const value = await cache.getOrSet(key, load(key), { tags: [`of ${key}`], ...options });
      if (value < least && options === STRONG) mistakes.push({ key, value, least });
      if (value < least) eventuallyOld += 1;
    };
    const readAll = async (): Promise<void> => {
      const least = new Map(committed);
      const loadMany = async (missing: readonly string[]): Promise<number[]> =>
        await Promise.all(missing.map((key) => load(key)()));
      const values = await cache.getOrSetMany(keys, loadMany, { tags: keys.map((key) => `of ${key}`), ...STRONG });
      for (const [key, value] of values)
        if (value < (least.get(key) ?? 0)) mistakes.push({ key, value, least: least.get(key) });
    };
    for (let round = 0; round < 60; round += 1) {
      await Promise.all(
        keys.flatMap((key, i) => [
          read(key, {}),
          read(key, STRONG),
          write(others[(round + i) % 2] ?? cache, key).then(async () => {
            await Promise.all([read(key, {}), read(key, STRONG), readAll()]);
          }),
        ]),
      );
    }
    expect(mistakes).toEqual([]);
    expect(eventuallyOld).toBeGreaterThan(0);
  });

  it('of a cached table show a row that another process has changed and invalidated', async () => {
    await pool().query('create table orders (id int primary key, state text); insert into orders values (1, $$new$$)');
    const other = (await deaf()).table('orders', { primaryKey: ['id'], ttl: '1h' });
    const orders = cache.table('orders', { primaryKey: ['id'], ttl: '1h' });
    expect(await orders.read(1)).toEqual({ id: 1, state: 'new' });
    await pool().query('update orders set state = $$paid$$');
    await other.invalidate(1);
    expect(await orders.read(1)).toEqual({ id: 1, state: 'new' });
    expect(await orders.readMany([1], STRONG)).toEqual([{ id: 1, state: 'paid' }]);
  });
});
