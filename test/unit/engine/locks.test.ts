import { describe, expect, it } from 'vitest';
import { ConfigurationError, LockError, StoreError } from '../../../src/errors.js';
import { createNullStore } from '../../../src/memory/null-store.js';
import type { Locks } from '../../../src/ports/locks.js';
import { Gate, TestCluster } from '../../support/test-cache.js';

/** The error a promise rejects with. */
const failureOf = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error);

/** A store's locks whose answers a test may replace. */
function replaced(cluster: TestCluster, around: Partial<Locks>): { locks: Locks } {
  const { locks } = cluster.store();
  if (locks === undefined) throw new Error('The memory store has locks');
  const plain: Locks = {
    acquire: (...given) => locks.acquire(...given),
    renew: (...given) => locks.renew(...given),
    release: (...given) => locks.release(...given),
  };
  return { locks: { ...plain, ...around } };
}

const down = async (): Promise<never> => {
  throw new StoreError('down', { outcome: 'unknown' });
};

describe('lock', () => {
  it('INVARIANT 33: one holder at a time in all processes; who waits gets it after the release, with a greater fence', async () => {
    const cluster = new TestCluster();
    const [here, there] = [await cluster.process(), await cluster.process()];
    const first = await here.cache.lock('job');
    expect(first.name).toBe('job');
    const waiting = there.cache.lock('job');
    let state = 'waiting';
    void waiting.then(() => {
      state = 'held';
    });
    await cluster.clock.advanceAsync(5_000);
    expect(state).toBe('waiting');
    expect(await first.release()).toBe('released');
    await cluster.clock.advanceAsync(500);
    const second = await waiting;
    expect(second.fence).toBeGreaterThan(first.fence);
    expect(second.lost.aborted).toBe(false);
  });

  it('a release wakes those who wait in the same process, without a pause', async () => {
    const cluster = new TestCluster();
    const { cache } = await cluster.process();
    const first = await cache.lock('job');
    const waiting = cache.lock('job');
    await cluster.clock.advanceAsync(2_000);
    await first.release();
    const second = await waiting;
    expect(second.fence).toBeGreaterThan(first.fence);
  });

  it('is renewed for as long as it is held, however long that is', async () => {
    const cluster = new TestCluster();
    const [here, there] = [await cluster.process(), await cluster.process()];
    const lock = await here.cache.lock('job', { expire: '3s' });
    for (let second = 0; second < 60; second += 1) await cluster.clock.advanceAsync(1_000);
    expect(lock.lost.aborted).toBe(false);
    expect(await failureOf(there.cache.lock('job', { wait: 0 }))).toMatchObject({ code: 'LOCK_TIMEOUT' });
    expect(await lock.release()).toBe('released');
    await cluster.clock.advanceAsync(10_000);
    expect(cluster.clock.timers).toBeLessThan(10);
  });

  it('`wait` bounds the wait', async () => {
    const cluster = new TestCluster();
    const { cache } = await cluster.process();
    await cache.lock('job', { expire: '1h' });
    const started = cluster.clock.monotonic();
    let ended = 0;
    const waiting = failureOf(cache.lock('job', { wait: '2s' })).finally(() => {
      ended = cluster.clock.monotonic() - started;
    });
    await cluster.clock.advanceAsync(1_999);
    expect(ended).toBe(0);
    await cluster.clock.advanceAsync(1);
    const error = await waiting;
    expect(error).toBeInstanceOf(LockError);
    expect(error).toMatchObject({ code: 'LOCK_TIMEOUT', message: expect.stringContaining('`job`') });
    expect(ended).toBe(2_000);
  });

  it('a wait ends when its signal aborts, with the reason of the signal', async () => {
    const cluster = new TestCluster();
    const { cache } = await cluster.process();
    const first = await cache.lock('job');
    const controller = new AbortController();
    const waiting = failureOf(cache.lock('job', { signal: controller.signal }));
    await cluster.clock.advanceAsync(100);
    const reason = new Error('enough');
    controller.abort(reason);
    expect(await waiting).toBe(reason);
    expect(await failureOf(cache.lock('other', { signal: controller.signal }))).toBe(reason);
    await first.release();
    await (await cache.lock('job', { wait: 0 })).release();
  });

  it('a lock that is granted to somebody who has given up is given back', async () => {
    const cluster = new TestCluster();
    const gate = new Gate<undefined>();
    const plain = replaced(cluster, {}).locks;
    const slow = replaced(cluster, {
      acquire: async (...given) => {
        await gate.load();
        return plain.acquire(...given);
      },
    });
    const { cache } = await cluster.process({}, slow);
    const controller = new AbortController();
    const waiting = failureOf(cache.lock('job', { signal: controller.signal }));
    await gate.begun();
    controller.abort();
    gate.open(undefined);
    expect(await waiting).toMatchObject({ name: 'AbortError' });
    await cache.idle();
    const other = await cluster.process();
    await other.cache.lock('job', { wait: 0 });
  });

  it('is lost when it cannot be renewed: the signal aborts before anybody else can have it, and the loss is reported', async () => {
    const cluster = new TestCluster();
    const here = await cluster.process({}, replaced(cluster, { renew: down }));
    const there = await cluster.process();
    const lock = await here.cache.lock('job', { expire: '3s' });
    await cluster.clock.advanceAsync(2_999);
    expect(lock.lost.aborted).toBe(false);
    expect(await failureOf(there.cache.lock('job', { wait: 0 }))).toMatchObject({ code: 'LOCK_TIMEOUT' });
    await cluster.clock.advanceAsync(1);
    expect(lock.lost.aborted).toBe(true);
    expect(lock.lost.reason).toMatchObject({ code: 'LOCK_LOST', message: expect.stringContaining('`job`') });
    const operations = here.recorder.of('error').map(({ operation, code }) => `${operation} ${code}`);
    expect(operations.at(-1)).toBe('lock LOCK_LOST');
    const next = await there.cache.lock('job', { wait: 0 });
    expect(next.fence).toBeGreaterThan(lock.fence);
    expect(await lock.release()).toBe('lost');
    expect(next.lost.aborted).toBe(false);
  });

  it('one renewal that fails costs nothing', async () => {
    const cluster = new TestCluster();
    let failures = 0;
    const plain = replaced(cluster, {}).locks;
    const flaky = replaced(cluster, {
      renew: async (...given) => {
        failures += 1;
        return failures === 1 ? down() : plain.renew(...given);
      },
    });
    const { cache } = await cluster.process({}, flaky);
    const lock = await cache.lock('job', { expire: '3s' });
    for (let second = 0; second < 10; second += 1) await cluster.clock.advanceAsync(1_000);
    expect(lock.lost.aborted).toBe(false);
    expect(failures).toBeGreaterThan(5);
  });

  it('is lost at once when the store says that it has expired', async () => {
    const cluster = new TestCluster();
    const { cache } = await cluster.process({}, replaced(cluster, { renew: async () => 'lost' }));
    const lock = await cache.lock('job', { expire: '3s' });
    await cluster.clock.advanceAsync(1_000);
    expect(lock.lost.aborted).toBe(true);
  });

  it('a process that stood still for longer than `expire` has lost it, whatever it does next', async () => {
    const cluster = new TestCluster();
    const here = await cluster.process();
    const there = await cluster.process();
    const lock = await here.cache.lock('job', { expire: '3s' });
    cluster.clock.advance(10_000); // timers fire late, one after the other, before any promise
    const next = await there.cache.lock('job', { wait: 0 });
    expect(lock.lost.aborted).toBe(true);
    expect(await lock.release()).toBe('lost');
    expect(next.lost.aborted).toBe(false);
  });

  it('a release that fails is reported and never rejects; the lock passes on by itself', async () => {
    const cluster = new TestCluster();
    const here = await cluster.process({}, replaced(cluster, { release: down }));
    const there = await cluster.process();
    const lock = await here.cache.lock('job', { expire: '3s' });
    expect(await lock.release()).toBe('unknown');
    expect(await lock.release()).toBe('unknown');
    expect(here.recorder.of('error')).toMatchObject([{ operation: 'lock' }]);
    const waiting = there.cache.lock('job', { wait: '4s' });
    await cluster.clock.advanceAsync(3_500);
    expect((await waiting).fence).toBeGreaterThan(lock.fence);
  });

  it('a store that fails rejects with StoreError; what it may have granted is given back', async () => {
    const cluster = new TestCluster();
    const plain = replaced(cluster, {}).locks;
    const { cache, recorder } = await cluster.process(
      {},
      replaced(cluster, {
        acquire: async (...given) => {
          await plain.acquire(...given);
          return down();
        },
      }),
    );
    expect(await failureOf(cache.lock('job'))).toBeInstanceOf(StoreError);
    expect(recorder.of('error')).toMatchObject([{ operation: 'lock', code: 'STORE_FAILED' }]);
    await cache.idle();
    const other = await cluster.process();
    await other.cache.lock('job', { wait: 0 });
  });

  it('closing the cache tells holders that their locks are lost, and leaves them to expire', async () => {
    const cluster = new TestCluster();
    const [here, there] = [await cluster.process(), await cluster.process()];
    const lock = await here.cache.lock('job', { expire: '3s' });
    await here.cache.close();
    expect(lock.lost.reason).toMatchObject({ code: 'LOCK_LOST', message: expect.stringContaining('closed') });
    expect(await lock.release()).toBe('lost');
    expect(await failureOf(there.cache.lock('job', { wait: 0 }))).toMatchObject({ code: 'LOCK_TIMEOUT' });
    expect(await failureOf(here.cache.lock('other'))).toMatchObject({ code: 'CACHE_CLOSED' });
    await cluster.clock.advanceAsync(3_000);
    await there.cache.lock('job', { wait: 0 });
  });

  it('names of two namespaces are two locks', async () => {
    const cluster = new TestCluster();
    const one = await cluster.process({ namespace: 'one' });
    const two = await cluster.process({ namespace: 'two' });
    await one.cache.lock('job', { wait: 0 });
    await two.cache.lock('job', { wait: 0 });
  });

  it('`await using` gives it back', async () => {
    const cluster = new TestCluster();
    const { cache } = await cluster.process();
    {
      await using lock = await cache.lock('job', { wait: 0 });
      expect(lock.lost.aborted).toBe(false);
    }
    await cache.lock('job', { wait: 0 });
  });

  it.each([
    [{ expire: 0 }, /`expire`.*positive duration/],
    [{ expire: 50 }, /`expire` to be at least 100 ms/],
    [{ expire: Infinity }, /`expire`/],
    [{ wait: -1 }, /`wait`/],
    [{ wait: Infinity }, /`wait`.*finite/],
    [{ signal: 'stop' as never }, /`signal` to be an AbortSignal/],
    [{ ttl: '1s' } as never, /`ttl` to be one of expire, wait, signal/],
    ['10s' as never, /`options` to be an object/],
  ])('refuses %o', async (options, message) => {
    const { cache } = await new TestCluster().process();
    const error = await failureOf(cache.lock('job', options));
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(String(error)).toMatch(message);
  });

  it.each([[''], ['a\0b'], ['\ud800'], [7 as never]])('refuses the name %o', async (name) => {
    const { cache } = await new TestCluster().process();
    expect(await failureOf(cache.lock(name))).toBeInstanceOf(ConfigurationError);
  });

  it('a store without locks or counters says so', async () => {
    const store = { ...createNullStore(), locks: undefined, counters: undefined };
    const { cache } = await new TestCluster().process({ store });
    expect(await failureOf(cache.incr('n'))).toMatchObject({ code: 'UNSUPPORTED_BY_STORE' });
    expect(await failureOf(cache.lock('job'))).toMatchObject({ code: 'UNSUPPORTED_BY_STORE' });
  });
});

describe('withLock', () => {
  it('holds the lock while its work runs, and gives it back however that ends', async () => {
    const cluster = new TestCluster();
    const { cache } = await cluster.process();
    const order: string[] = [];
    const work = (label: string) => async (): Promise<string> => {
      order.push(`${label} begins`);
      await new Promise((resolve) => setImmediate(resolve));
      order.push(`${label} ends`);
      return label;
    };
    const results = [cache.withLock('job', work('one')), cache.withLock('job', { expire: '1s' }, work('two'))];
    for (let turn = 0; turn < 20; turn += 1) await cluster.clock.advanceAsync(50);
    expect(await Promise.all(results)).toEqual(['one', 'two']);
    expect(order).toEqual(['one begins', 'one ends', 'two begins', 'two ends']);
    const failure = new Error('failed');
    expect(await failureOf(cache.withLock('job', () => Promise.reject(failure)))).toBe(failure);
    await cache.lock('job', { wait: 0 });
  });

  it('its work hears that the lock is lost, and its result counts all the same', async () => {
    const cluster = new TestCluster();
    const { cache } = await cluster.process({}, replaced(cluster, { renew: down }));
    const gate = new Gate<string>();
    let lost: AbortSignal | undefined;
    const result = cache.withLock('job', { expire: '3s' }, (lock) => {
      lost = lock.lost;
      return gate.load();
    });
    await gate.begun();
    await cluster.clock.advanceAsync(3_000);
    expect(lost?.aborted).toBe(true);
    gate.open('done');
    expect(await result).toBe('done');
  });
});
