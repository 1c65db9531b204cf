import { describe, expect, it } from 'vitest';
import { ConfigurationError, CounterError, StoreError } from '../../../src/errors.js';
import { createNullStore } from '../../../src/memory/null-store.js';
import { TestCluster } from '../../support/test-cache.js';

const failureOf = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error);

describe('counters', () => {
  it('INVARIANT 33: count in all processes together; `get` and `getOrSet` answer the number', async () => {
    const cluster = new TestCluster();
    const [here, there] = [await cluster.process(), await cluster.process()];
    expect(await here.cache.incr('n')).toBe(1);
    expect(await there.cache.incr('n', { by: 4 })).toBe(5);
    expect(await here.cache.decr('n', { by: 7 })).toBe(-2);
    expect(await here.cache.decr('n')).toBe(-3);
    expect(await there.cache.get('n')).toBe(-3);
    expect(await there.cache.getOrSet('n', () => 100)).toBe(-3);
    expect(await there.cache.ttl('n')).toBe(Infinity);
  });

  it('are never in the local tier', async () => {
    const cluster = new TestCluster();
    const [here, there] = [await cluster.process(), await cluster.process()];
    await here.cache.incr('n');
    expect(await there.cache.get('n')).toBe(1);
    await here.cache.incr('n');
    expect(await there.cache.get('n')).toBe(2);
    expect(there.cache.stats().local.entries).toBe(0);
    expect(there.recorder.of('hit').map(({ tier }) => tier)).toEqual(['shared', 'shared']);
  });

  it('are numbers in bulk too, and no copies are kept of those', async () => {
    const cluster = new TestCluster();
    const [here, there] = [await cluster.process(), await cluster.process()];
    await here.cache.incr('n', { by: 7 });
    await here.cache.set('v', 'value');
    expect([...(await there.cache.getMany(['n', 'v', 'missing']))]).toEqual([
      ['n', 7],
      ['v', 'value'],
    ]);
    await here.cache.incr('n');
    expect((await there.cache.getMany(['n', 'v'])).get('n')).toBe(8);
    expect(there.cache.stats().local.entries).toBe(1);
  });

  it('a copy of what was set before leaves the local tier of who counts', async () => {
    const cluster = new TestCluster();
    const { cache } = await cluster.process();
    await cache.set('n', 41);
    expect(await cache.get('n')).toBe(41);
    expect(await cache.incr('n')).toBe(42);
    expect(await cache.get('n')).toBe(42);
  });

  it('`ttl` starts with the first increment, and a delete resets', async () => {
    const cluster = new TestCluster();
    const { cache } = await cluster.process();
    await cache.incr('n', { ttl: '1m' });
    cluster.clock.advance(30_000);
    expect(await cache.incr('n', { ttl: '1m' })).toBe(2);
    expect(await cache.ttl('n')).toBe(30_000);
    cluster.clock.advance(30_000);
    expect(await cache.incr('n', { ttl: '1m' })).toBe(1);
    await cache.delete('n');
    expect(await cache.get('n')).toBeUndefined();
    expect(await cache.incr('n')).toBe(1);
    await cache.clear();
    expect(await cache.incr('n')).toBe(1);
  });

  it('what holds no whole number is refused with a typed error, and stays', async () => {
    const { cache } = await new TestCluster().process();
    await cache.set('text', 'seven');
    const error = await failureOf(cache.incr('text'));
    expect(error).toBeInstanceOf(CounterError);
    expect(error).toMatchObject({ code: 'NOT_A_COUNTER', message: expect.stringContaining('`text`') });
    expect(await cache.get('text')).toBe('seven');
  });

  it('numbers stop where they are no longer exact, bigints where 64 bits end', async () => {
    const { cache } = await new TestCluster().process();
    expect(await cache.incr('n', { by: Number.MAX_SAFE_INTEGER })).toBe(Number.MAX_SAFE_INTEGER);
    expect(await failureOf(cache.incr('n'))).toMatchObject({ code: 'COUNTER_OVERFLOW', message: /bigint/ });
    expect(await cache.incr('n', { by: 1n })).toBe(2n ** 53n);
    expect(await cache.get('n')).toBe(2n ** 53n);
    expect(await cache.incr('n', { by: 2n ** 63n - 1n - 2n ** 53n })).toBe(2n ** 63n - 1n);
    expect(await failureOf(cache.incr('n', { by: 1n }))).toMatchObject({ code: 'COUNTER_OVERFLOW' });
    expect(await cache.decr('m', { by: 2n ** 63n - 1n })).toBe(-(2n ** 63n) + 1n);
  });

  it('a store that fails rejects with StoreError, reported as a write', async () => {
    const cluster = new TestCluster();
    const failing = {
      counters: { increment: () => Promise.reject(new StoreError('down', { outcome: 'unknown' })) },
    };
    const { cache, recorder } = await cluster.process({}, failing);
    expect(await failureOf(cache.incr('n'))).toBeInstanceOf(StoreError);
    expect(recorder.of('error')).toMatchObject([{ operation: 'write', key: 'n' }]);
  });

  it.each([
    [{ by: 1.5 }, /`by` to be a whole number/],
    [{ by: Number.NaN }, /`by`/],
    [{ by: 2 ** 53 }, /`by`/],
    [{ by: '1' as never }, /`by`/],
    [{ by: (2n ** 63n) as never }, /`by`/],
    [{ ttl: 0 }, /`ttl`/],
    [{ ttl: 'soon' as never }, /`ttl`/],
    [{ amount: 2 } as never, /`amount` to be one of by, ttl/],
    [5 as never, /`options`/],
  ])('refuses %o', async (options, message) => {
    const { cache } = await new TestCluster().process();
    const error = await failureOf(cache.incr('n', options));
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(String(error)).toMatch(message);
    expect(await cache.get('n')).toBeUndefined();
  });

  it('a null store counts nothing, and a key must be one', async () => {
    const { cache } = await new TestCluster().process({ store: createNullStore() });
    expect([await cache.incr('n'), await cache.incr('n')]).toEqual([1, 1]);
    expect(await failureOf(cache.incr(''))).toMatchObject({ code: 'INVALID_KEY' });
  });
});
