/** Several processes, one truth: local tiers that hear of each other's writes. Two caches with a bus each stand for two processes. */
import { describe, expect, it, vi } from 'vitest';
import type { CacheOptions } from '../../src/cache-options.js';
import type { CacheInstance } from '../../src/engine/cache.js';
import { useDatabase } from '../support/database.js';
import { openCache } from './cache-fixture.js';
import { connect, table } from './fixture.js';

const database = useDatabase();

/** A cache whose local copies would live for an hour, if nothing were heard. */
async function listening(options: CacheOptions = {}): Promise<CacheInstance> {
  const { cache } = await openCache({
    connection: database.url,
    localLease: '1h',
    defaults: { ttl: '1h' },
    ...options,
  });
  await vi.waitFor(() => expect(cache.stats().stream?.state).toBe('listening'), { timeout: 10_000, interval: 10 });
  return cache;
}

/** Waits until a cache's answer is what it should become; it must never be anything but the old or the new. */
async function becomes(cache: CacheInstance, key: string, old: unknown, next: unknown): Promise<void> {
  await vi.waitFor(
    async () => {
      const value = await cache.get(key);
      if (value !== old) expect(value).toEqual(next);
      expect(value).toEqual(next);
    },
    { timeout: 10_000, interval: 5 },
  );
}

describe('what one process does, the other hears', () => {
  it('INVARIANT 4: set, delete, expire, invalidateTags and clear reach the other’s local copies', async () => {
    const [here, there] = [await listening(), await listening()];
    const put = async (): Promise<void> => {
      await here.set('k', 'old', { tags: ['t'] });
      await becomes(there, 'k', undefined, 'old');
      expect(there.stats().local.entries).toBeGreaterThan(0);
    };
    await put();
    await here.set('k', 'new', { tags: ['t'] });
    await becomes(there, 'k', 'old', 'new');
    await here.delete('k');
    await becomes(there, 'k', 'new', undefined);
    for (const invalidate of [() => here.expire('k'), () => here.invalidateTags('t'), () => here.clear()]) {
      await put();
      await invalidate();
      await becomes(there, 'k', 'old', undefined);
    }
  });

  it('one’s own writes, heard again, drop nothing', async () => {
    const here = await listening();
    await here.set('own', 'value', { tags: ['t'] });
    const received = here.stats().stream?.received ?? 0;
    await here.set('other', 'value');
    await vi.waitFor(() => expect(here.stats().stream?.received).toBeGreaterThan(received), { timeout: 10_000 });
    const before = here.stats().localHits;
    expect(await here.get('own')).toBe('value');
    expect(await here.get('other')).toBe('value');
    expect(here.stats().localHits).toBe(before + 2);
  });

  it('INVARIANT 4: an invalidation logged by somebody else’s transaction is heard when it commits, not before', async () => {
    const there = await listening();
    const client = await connect(database.url);
    await there.set('foreign', 'old', { tags: ['rows'] });
    await client.query('begin');
    await client.query(`insert into ${table('_invalidations')} (name, kind) values ('t|rows', 'delete')`);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await there.get('foreign')).toBe('old');
    await client.query('commit');
    await becomes(there, 'foreign', 'old', undefined);
  });

  it('INVARIANT 1: a load under way in one process is not kept when another invalidates its tag', async () => {
    const [here, there] = [await listening(), await listening()];
    const value = await here.getOrSet(
      'load',
      async () => {
        await there.invalidateTags('loaded');
        return 'read before the invalidation';
      },
      { ttl: '1h', tags: ['loaded'] },
    );
    expect(value).toBe('read before the invalidation');
    expect(await here.get('load')).toBeUndefined();
    expect(await there.get('load')).toBeUndefined();
  });

  it('a lost listening connection gives up every copy, and hears again', async () => {
    const [here, there] = [await listening(), await listening()];
    await there.set('k', 'old');
    const client = await connect(database.url);
    const gaps = there.stats().stream?.gaps ?? 0;
    await client.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'keepsake-listen' and datname = current_database()",
    );
    await vi.waitFor(() => expect(there.stats().stream?.gaps).toBeGreaterThan(gaps), { timeout: 10_000 });
    const before = there.stats().sharedHits;
    expect(await there.get('k')).toBe('old');
    expect(there.stats().sharedHits).toBe(before + 1);
    await here.set('k', 'new');
    await becomes(there, 'k', 'old', 'new');
  });

  it('notify: off hears nothing, tells others, and lives by localLease', async () => {
    const deaf = (await openCache({ connection: database.url, notify: 'off', defaults: { ttl: '1h' } })).cache;
    const there = await listening();
    await there.set('k', 'old');
    expect(deaf.stats().stream).toBeUndefined();
    await deaf.set('k', 'new');
    await becomes(there, 'k', 'old', 'new');
  });

  it('namespaces in one table do not disturb each other', async () => {
    const [one, other] = [await listening({ namespace: 'one' }), await listening({ namespace: 'other' })];
    await one.set('k', 'of one', { tags: ['t'] });
    await other.set('k', 'of other', { tags: ['t'] });
    await one.clear();
    await one.invalidateTags('t');
    expect(await one.get('k')).toBeUndefined();
    const before = other.stats().localHits;
    expect(await other.get('k')).toBe('of other');
    expect(other.stats().localHits).toBe(before + 1);
  });
});
