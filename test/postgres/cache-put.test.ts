/** `@CachePut` over PostgreSQL: other processes hear of it, and inside of a transaction it stores nothing. */
import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { CachePut } from '../../src/decorators/cache-put.js';
import type { CacheInstance } from '../../src/engine/cache.js';
import { useDatabase } from '../support/database.js';
import { eventually, MIGRATED, openCache } from './cache-fixture.js';

const database = useDatabase({ template: MIGRATED });

/** Caches whose local copies would live for an hour, if nothing were heard; the first puts. */
async function two() {
  const options = { connection: database.url, localLease: '1h' };
  return { here: await openCache(options), there: await openCache(options) };
}

function serviceOver(cache: CacheInstance, meanwhile: () => Promise<unknown> = async () => undefined) {
  class Service {
    @CachePut('k', { ttl: '1h', tags: ['t'], cache: cache.name })
    async save(value: string): Promise<string> {
      await meanwhile();
      return value;
    }
  }
  return new Service();
}

describe('@CachePut', () => {
  it('INVARIANT 4: reaches the local copies of other processes, and stays in one’s own', async () => {
    const { here, there } = await two();
    await here.cache.set('k', 'old');
    await eventually(async () => expect(await there.cache.get('k')).toBe('old'));
    await serviceOver(here.cache).save('new');
    expect(await here.cache.get('k')).toBe('new');
    expect(here.recorder.of('hit').map(({ tier }) => tier)).toEqual(['local']);
    await eventually(async () => expect(await there.cache.get('k')).toBe('new'));
  });

  it('INVARIANT 1: stores nothing when another process has invalidated a tag of it meanwhile', async () => {
    const { here, there } = await two();
    await here.cache.set('k', 'old', { tags: ['t'] });
    await serviceOver(here.cache, () => there.cache.invalidateTags('t')).save('new');
    expect(here.recorder.of('notStored').map(({ reason }) => reason)).toEqual(['invalidated']);
    expect(await here.cache.get('k', { tiers: 'shared' })).toBeUndefined();
  });

  it('INVARIANT 1: stores nothing when another process has written the key meanwhile, and deletes what that has written', async () => {
    const { here, there } = await two();
    await serviceOver(here.cache, () => there.cache.getOrSet('k', () => 'read before the change')).save('new');
    expect(here.recorder.of('notStored').map(({ reason }) => reason)).toEqual(['newer']);
    expect(await there.cache.get('k', { tiers: 'shared' })).toBeUndefined();
  });

  it.each(['commit', 'rollback'])(
    'inside of Cache.transaction it invalidates its key with the %s, and stores nothing',
    async (end) => {
      const { here } = await two();
      const pool = new pg.Pool({ connectionString: database.url, max: 1 });
      onTestFinished(() => pool.end());
      await here.cache.set('k', 'old');
      const work = here.cache.transaction(pool, async () => {
        await serviceOver(here.cache).save('new');
        if (end === 'rollback') throw new Error('rolled back');
      });
      await work.catch((error: Error) => expect(error.message).toBe('rolled back'));
      expect(here.recorder.of('notStored').map(({ reason }) => reason)).toEqual(['skipped']);
      expect(await here.cache.get('k', { tiers: 'shared' })).toBe(end === 'commit' ? undefined : 'old');
    },
  );

  it('around Cache.transaction it stores what was committed', async () => {
    const { here } = await two();
    const pool = new pg.Pool({ connectionString: database.url, max: 1 });
    onTestFinished(() => pool.end());
    await serviceOver(here.cache, () => here.cache.transaction(pool, async (trx) => await trx.query('select 1'))).save(
      'new',
    );
    expect(await here.cache.get('k', { tiers: 'shared' })).toBe('new');
  });
});
