/** Loads over a real PostgreSQL: how many there are, what becomes of their results, and what they never wait for. */
import { describe, expect, it } from 'vitest';
import { Cached } from '../../src/decorators/cached.js';
import type { CacheInstance } from '../../src/engine/cache.js';
import type { LoadContext } from '../../src/engine/load-context.js';
import { testNames, useDatabase } from '../support/database.js';
import { FakeClock } from '../support/fake-clock.js';
import { WorkerProcess } from '../support/processes.js';
import { connectApart, eventually, HeldLoader, MIGRATED, openCache, sources } from './cache-fixture.js';
import { countingPool, table } from './fixture.js';

const database = useDatabase({ template: MIGRATED });
const worker = new URL('./workers/cache-process.ts', import.meta.url);

/** Another process with a cache over the same table; values live there in the shared tier only, unless `local` says otherwise. */
async function otherProcess(options: object = { local: false }): Promise<WorkerProcess> {
  const process = await WorkerProcess.spawn(worker);
  const timeouts = { read: 10_000, write: 10_000 };
  await process.send('open', { connection: database.url, ...testNames(), timeouts, ...options });
  return process;
}

const unwanted = (): never => {
  throw new Error('The loader was run although the entry is there');
};

describe('statements', () => {
  it('100 concurrent gets of distinct keys issue at most 4 statements, hits and misses', async () => {
    const { pool, statements } = countingPool(database.url);
    const { cache } = await openCache({ pool, local: false, namespace: 'hundred' });
    const keys = Array.from({ length: 100 }, (_, i) => `key:${i}`);
    await Promise.all(keys.slice(0, 60).map((key) => cache.set(key, { key })));
    await cache.get('warm');
    statements.length = 0;
    const values = await Promise.all(keys.map((key) => cache.get(key)));
    expect(values).toEqual(keys.map((key, i) => (i < 60 ? { key } : undefined)));
    expect(statements.length).toBeGreaterThan(0);
    expect(statements.length).toBeLessThanOrEqual(4);
  });

  it('100 concurrent loads of distinct keys are read and stored by at most 24 statements', async () => {
    const { pool, statements } = countingPool(database.url);
    const { cache } = await openCache({ pool, local: false, namespace: 'loads' });
    // A crowd of its own, for connections that have been checked.
    const warm = Array.from({ length: 10 }, (_, i) => `warm:${i}`);
    await Promise.all(warm.map((key) => cache.getOrSet(key, () => key)));
    await cache.idle();
    statements.length = 0;
    const keys = Array.from({ length: 100 }, (_, i) => `key:${i}`);
    await Promise.all(keys.map((key) => cache.getOrSet(key, () => key)));
    expect(cache.stats()).toMatchObject({ loads: 110, stored: 110 });
    // Two batches run against each other: each glances, takes leases, reads again, stores and gives back, perhaps in parts. The check of a
    // connection that is new nevertheless is not theirs.
    const theirs = statements.filter((text) => !/pg_is_in_recovery|pg_control_system|meta\.identity/.test(text));
    expect(theirs.length).toBeLessThanOrEqual(24);
  });

  it('INVARIANT 10: a local hit of a decorated method with two tags makes no query', async () => {
    const { pool, statements } = countingPool(database.url);
    const opened = await openCache({ pool, name: 'two-tags' });
    class Products {
      loads = 0;
      @Cached('two-tags:{id}', { tags: ['two-tags', 'two-tags:{id}'], cache: 'two-tags' })
      async product(id: number): Promise<{ id: number }> {
        this.loads += 1;
        return { id };
      }
    }
    const products = new Products();
    await products.product(42);
    statements.length = 0;
    for (let i = 0; i < 10; i += 1) expect(await products.product(42)).toEqual({ id: 42 });
    expect(statements).toEqual([]);
    expect(products.loads).toBe(1);
    expect(sources(opened)).toEqual(['load', ...Array.from({ length: 10 }, () => 'local')]);
  });
});

describe('single flight', () => {
  it('20 concurrent calls of one missing key run the loader once, and all get its value', async () => {
    const { cache } = await openCache({ connection: database.url });
    const loader = new HeldLoader<object>();
    const calls = Array.from({ length: 20 }, () => cache.getOrSet('popular', loader.load));
    await loader.began;
    loader.answer({ popular: true });
    expect(await Promise.all(calls)).toEqual(calls.map(() => ({ popular: true })));
    expect(loader.calls).toBe(1);
    // Some may have read only after it was stored.
    const { calls: counted, loads, misses, fresh } = cache.stats();
    expect({ counted, loads, answered: misses + fresh }).toEqual({ counted: 20, loads: 1, answered: 20 });
  });

  it('INVARIANT 12: 20 callers of a failing loader get its error after 1 call; the next call tries again', async () => {
    const { cache } = await openCache({ connection: database.url });
    let calls = 0;
    const fail = async (): Promise<string> => {
      calls += 1;
      throw new Error(`failure ${calls}`);
    };
    const failed = await Promise.allSettled(Array.from({ length: 20 }, () => cache.getOrSet('failing', fail)));
    expect(failed.map((one) => one.status === 'rejected' && String(one.reason))).toEqual(
      failed.map(() => 'Error: failure 1'),
    );
    expect(await cache.getOrSet('failing', () => 'works again')).toBe('works again');
  });

  it('a second process finds the entry', async () => {
    const { cache } = await openCache({ connection: database.url });
    await cache.getOrSet('found', () => ({ made: 'here' }), { tags: ['t'] });
    const other = await otherProcess({});
    const answer = await other.send('getOrSet', { key: 'found', made: 'there' });
    expect(answer).toEqual({ value: { made: 'here' }, loads: 0 });
    await other.send('get', 'found');
    expect(await other.send('tiers')).toEqual(['shared', 'local']);
  });
});

describe('INVARIANT 1: a load during which something of it is invalidated is not served afterwards, in either tier', () => {
  const POLICY = { tags: ['products', 'product:7'] };
  const cases: readonly (readonly [string, string, unknown, (cache: CacheInstance) => Promise<unknown>])[] = [
    ['its tag', 'invalidateTags', ['products'], (cache) => cache.invalidateTags('products')],
    ['a tag it learned', 'invalidateTags', ['learned'], (cache) => cache.invalidateTags('learned')],
    ['its key, deleted', 'delete', 'product:7', (cache) => cache.delete('product:7')],
    ['its key, expired', 'expire', 'product:7', (cache) => cache.expire('product:7')],
    ['its namespace', 'clear', undefined, (cache) => cache.clear()],
  ];

  async function check(namespace: string, invalidate: (loading: CacheInstance) => Promise<unknown>): Promise<void> {
    const loading = await openCache({ connection: database.url, namespace });
    const onlooker = await openCache({ connection: database.url, namespace });
    const loader = new HeldLoader<string>();
    const learnTag = (load: LoadContext): Promise<string> => {
      load.tags('learned');
      return loader.load();
    };
    const earlier = loading.cache.getOrSet('product:7', learnTag, POLICY);
    await loader.began;
    await invalidate(loading.cache);
    loader.answer('old');
    // It called before the invalidation: what was true then may be answered, but not kept.
    expect(await earlier).toBe('old');
    expect(loading.recorder.of('notStored')).toMatchObject([{ reason: 'invalidated' }]);
    for (const { cache } of [loading, onlooker]) expect(await cache.get('product:7')).toBeUndefined();
    expect(await loading.cache.getOrSet('product:7', () => 'new', POLICY)).toBe('new');
    for (const { cache } of [loading, onlooker]) expect(await cache.get('product:7')).toBe('new');
  }

  it.each(cases)('%s, by this process', async (what, _command, _argument, act) => {
    await check(`here: ${what}`, act);
  });

  it.each(cases)('%s, by another process', async (what, command, argument) => {
    const namespace = `there: ${what}`;
    const other = await otherProcess({ namespace, local: false });
    await check(namespace, () => other.send(command, argument));
  });

  it('a call that comes after the invalidation waits for no answer of the older load', async () => {
    const { cache } = await openCache({ connection: database.url, namespace: 'later' });
    const loader = new HeldLoader<string>();
    const earlier = cache.getOrSet('key', loader.load, { tags: ['t'] });
    await loader.began;
    await cache.invalidateTags('t');
    const later = cache.getOrSet('key', () => 'new', { tags: ['t'] });
    loader.answer('old');
    expect(await Promise.all([earlier, later])).toEqual(['old', 'new']);
    expect(await cache.get('key')).toBe('new');
  });

  it('INVARIANT 7: a newer set during the load is not overwritten by it', async () => {
    const { cache } = await openCache({ connection: database.url, namespace: 'newer' });
    const onlooker = await openCache({ connection: database.url, namespace: 'newer', local: false });
    const loader = new HeldLoader<string>();
    const call = cache.getOrSet('key', loader.load);
    await loader.began;
    await onlooker.cache.set('key', 'set');
    loader.answer('loaded');
    expect(await call).toBe('loaded');
    expect(await cache.get('key')).toBe('set');
    expect(await onlooker.cache.get('key')).toBe('set');
  });

  it('INVARIANT 3: a local copy is not served later than localLease after another process deleted the entry', async () => {
    const clock = new FakeClock();
    const deaf = { notify: 'off', clock, localLease: '5s', namespace: 'lease' } as const;
    const { cache } = await openCache({ connection: database.url, ...deaf });
    await cache.getOrSet('key', () => 'old');
    const other = await otherProcess({ namespace: 'lease' });
    expect(await other.send('delete', 'key')).toBe(true);
    clock.advance(5_000);
    expect(await cache.get('key')).toBeUndefined();
    expect(await cache.getOrSet('key', () => 'new')).toBe('new');
  });

  it('INVARIANT 4: a local copy is dropped when another process invalidates its tag, and nothing has to be asked for', async () => {
    const namespace = 'heard';
    const opened = await openCache({ connection: database.url, namespace, localLease: Infinity });
    const { cache, recorder } = opened;
    await cache.getOrSet('key', () => 'old', { tags: ['t'] });
    await cache.getOrSet('other', () => 'kept', { tags: ['u'] });
    const other = await otherProcess({ namespace });
    await other.send('invalidateTags', ['t']);
    await eventually(async () => expect(await cache.get('key')).toBeUndefined());
    recorder.clear();
    expect(await cache.get('other')).toBe('kept');
    expect(sources(opened)).toEqual(['local']);
  });
});

describe('a hand-written transaction that invalidates', () => {
  const begin = async () => {
    const client = await connectApart(database.url);
    await client.query('begin');
    await client.query(`insert into ${table('_invalidations')} (name, kind) values ('t|by hand', 'delete')`);
    return client;
  };
  const POLICY = { tags: ['by hand'] };

  it('INVARIANT 6: rolled back, it invalidates nothing: neither what was there, nor what was loaded meanwhile', async () => {
    const { cache } = await openCache({ connection: database.url, local: false });
    await cache.set('before', 1, POLICY);
    const transaction = await begin();
    await cache.getOrSet('meanwhile', () => 2, POLICY);
    await transaction.query('rollback');
    expect(await cache.getOrSet('before', unwanted, POLICY)).toBe(1);
    expect(await cache.getOrSet('meanwhile', unwanted, POLICY)).toBe(2);
  });

  it('committed, it invalidates what was there and everything whose load began before the commit', async () => {
    const { cache } = await openCache({ connection: database.url, local: false });
    await cache.set('before', 1, POLICY);
    const transaction = await begin();
    await cache.getOrSet('meanwhile', () => 2, POLICY);
    const loader = new HeldLoader<number>();
    const during = cache.getOrSet('during', loader.load, POLICY);
    await loader.began;
    await transaction.query('commit');
    loader.answer(3);
    expect(await during).toBe(3);
    for (const key of ['before', 'meanwhile', 'during']) expect(await cache.get(key), key).toBeUndefined();
    expect(await cache.getOrSet('during', () => 4, POLICY)).toBe(4);
    expect(await cache.getOrSet('during', unwanted, POLICY)).toBe(4);
  });
});

describe('INVARIANT 14: a load holds no connection, and callers of one key hold up nobody else', () => {
  it('50 keys load at once on a pool of 1', async () => {
    const { cache } = await openCache({ connection: database.url, poolSize: 1, namespace: 'fifty' });
    const everybody = new HeldLoader<undefined>();
    let running = 0;
    const load = async (key: string): Promise<string> => {
      running += 1;
      // Nobody goes on before all have begun, which a connection held by each would make impossible.
      if (running === 50) everybody.answer(undefined);
      await everybody.load();
      return key;
    };
    const keys = Array.from({ length: 50 }, (_, i) => `key:${i}`);
    expect(await Promise.all(keys.map((key) => cache.getOrSet(key, () => load(key))))).toEqual(keys);
    expect(cache.stats()).toMatchObject({ loads: 50, stored: 50 });
  });

  it('cached calls nested 3 deep, 8 callers, on a pool of 1: no deadlock', async () => {
    const { cache } = await openCache({ connection: database.url, poolSize: 1, namespace: 'nested', local: false });
    const nested = (caller: number): Promise<string> =>
      cache.getOrSet(`outer:${caller}`, async () => {
        const middle = await cache.getOrSet(`middle:${caller % 2}`, async () => {
          return `middle of ${await cache.getOrSet('inner', async () => 'inner')}`;
        });
        return `outer of ${middle}`;
      });
    const answers = await Promise.all(Array.from({ length: 8 }, (_, caller) => nested(caller)));
    expect(answers).toEqual(answers.map(() => 'outer of middle of inner'));
    expect(cache.stats()).toMatchObject({ loads: 8 + 2 + 1, stored: 8 + 2 + 1 });
  });

  it('20 waiters on one key do not keep a get of another from resolving, on a pool of 1', async () => {
    const { cache } = await openCache({ connection: database.url, poolSize: 1, namespace: 'waiters', local: false });
    await cache.set('other', 'there');
    const loader = new HeldLoader<string>();
    const waiters = Array.from({ length: 20 }, () => cache.getOrSet('slow', loader.load));
    await loader.began;
    // The loader is still pending: that these resolve at all is what is tested.
    expect(await cache.get('other')).toBe('there');
    expect(await cache.getOrSet('another', () => 'loaded')).toBe('loaded');
    loader.answer('slow');
    expect(await Promise.all(waiters)).toEqual(waiters.map(() => 'slow'));
    expect(loader.calls).toBe(1);
  });
});
