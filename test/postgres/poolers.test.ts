/** Behind a real PgBouncer in transaction mode: every statement may reach another server process than the one before. */
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createCache } from '../../src/configure.js';
import { testNames, useDatabase } from '../support/database.js';
import { HAS_PGBOUNCER, usePgBouncer } from '../support/pgbouncer.js';
import { eventually, MIGRATED, openCache, sources } from './cache-fixture.js';

const database = useDatabase({ template: MIGRATED });

describe.skipIf(!HAS_PGBOUNCER)('a pooler in transaction mode (needs pgbouncer)', () => {
  const pooler = usePgBouncer(database, { mode: 'transaction', poolSize: 2 });

  describe.each([true, false])('preparedStatements: %s', (preparedStatements) => {
    const options = () => ({ connection: pooler.url, listenConnection: database.url, preparedStatements, poolSize: 4 });

    it('INVARIANT 4, 5, 12: one load for two caches, what one invalidates the other hears, and nothing fails', async () => {
      const [one, two] = [await openCache(options()), await openCache(options())];
      const key = `coherent ${preparedStatements}`;
      let loads = 0;
      const load = async (): Promise<number> => {
        loads += 1;
        await pause(20);
        return loads;
      };
      const both = () => Promise.all([one, two].map(({ cache }) => cache.getOrSet(key, load, { tags: ['tag'] })));
      expect(await both()).toEqual([1, 1]);
      expect(await both()).toEqual([1, 1]);
      expect([sources(one), sources(two)].map((seen) => seen.at(-1))).toEqual(['local', 'local']);
      await one.cache.invalidateTags(['tag']);
      await eventually(async () => expect(await two.cache.get(key)).toBeUndefined());
      expect(await both()).toEqual([2, 2]);
      expect([...one.warnings, ...two.warnings]).toEqual([]);
    });

    it('INVARIANT 14: more callers than the pooler has servers, none waits for itself', async () => {
      const { cache, recorder } = await openCache({ ...options(), local: false });
      const keys = Array.from({ length: 50 }, (_, i) => `busy ${preparedStatements} ${i}`);
      const load = (key: string) => async (): Promise<string> => {
        await cache.getOrSet(`${key} inner`, async () => key);
        return key;
      };
      const all = () => Promise.all(keys.map((key) => cache.getOrSet(key, load(key))));
      expect(await all()).toEqual(keys);
      expect(await all()).toEqual(keys);
      expect(recorder.events.filter(({ type }) => type === 'error')).toEqual([]);
    });

    it('INVARIANT 6: a transaction through the pooler takes its invalidation along', async () => {
      const { cache } = await openCache({ ...options(), local: false });
      const pool = new pg.Pool({ connectionString: pooler.url, max: 1 });
      onTestFinished(() => pool.end());
      const key = `trx ${preparedStatements}`;
      await cache.set(key, 1, { tags: [key] });
      await cache.transaction(pool, () => cache.invalidateTags([key]));
      expect(await cache.get(key)).toBeUndefined();
    });
  });

  it('without a connection of its own to listen on: says so once, and works by the local lease', async () => {
    const warnings: string[] = [];
    const logger = { warn: (message: string) => warnings.push(message) };
    const timeouts = { read: '10s', write: '10s' } as const;
    const names = { name: 'unheard', ...testNames() };
    const cache = await createCache({ ...names, connection: pooler.url, timeouts, defaults: { ttl: '1h' }, logger });
    onTestFinished(() => cache.close());
    await cache.set('key', 1);
    expect(await cache.get('key')).toBe(1);
    expect(cache.stats().stream).toMatchObject({ state: 'connecting' });
    await eventually(() => expect(warnings.join()).toContain('listenConnection'));
    expect(warnings).toHaveLength(1);
  });
});
