import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createCache } from '../../../src/configure.js';
import type { CacheInstance } from '../../../src/engine/cache.js';
import { StoreError } from '../../../src/errors.js';
import type { Store } from '../../../src/ports/store.js';
import { breakable } from '../../support/breakable-store.js';
import { Gate, TestCluster, turnOfTheLoop } from '../../support/test-cache.js';

describe('INVARIANT 28: a call that nobody waits for', () => {
  const calls: Readonly<Record<string, (cache: CacheInstance) => Promise<unknown>>> = {
    set: (cache) => cache.set('k', 1),
    setIfAbsent: (cache) => cache.setIfAbsent('k', 1),
    setMany: (cache) => cache.setMany([['k', 1]]),
    touch: (cache) => cache.touch('k'),
    expire: (cache) => cache.expire('k'),
    delete: (cache) => cache.delete('k'),
    deleteMany: (cache) => cache.deleteMany(['k']),
    deletePattern: (cache) => cache.deletePattern('k%'),
    invalidateTags: (cache) => cache.invalidateTags('t'),
    invalidateEntity: (cache) => cache.invalidateEntity('user', 1),
    clear: (cache) => cache.clear(),
    clearAll: (cache) => cache.clearAll(),
    incr: (cache) => cache.incr('n'),
    decr: (cache) => cache.decr('n'),
    lock: (cache) => cache.lock('l'),
  };

  it.each(Object.entries(calls))('%s: rejects to whoever waits, and ends no process for others', async (_, call) => {
    const cluster = new TestCluster();
    const { outage, around } = breakable('rejects');
    const { cache } = await cluster.process({ store: around(cluster.store()) });
    outage.now = true;
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    onTestFinished(() => void process.off('unhandledRejection', unhandled));
    void call(cache);
    for (let turn = 0; turn < 20; turn += 1) await turnOfTheLoop();
    expect(unhandled).not.toHaveBeenCalled();
    await expect(call(cache)).rejects.toBeInstanceOf(StoreError);
  });

  it('is an unhandled rejection when the call itself is wrong', async () => {
    const unhandled = vi.fn();
    const before = process.rawListeners('unhandledRejection');
    process.removeAllListeners('unhandledRejection');
    process.on('unhandledRejection', unhandled);
    onTestFinished(() => {
      process.off('unhandledRejection', unhandled);
      for (const listener of before) process.on('unhandledRejection', listener as NodeJS.UnhandledRejectionListener);
    });
    const { cache } = await new TestCluster().process();
    void cache.set('', 1);
    for (let turn = 0; turn < 5; turn += 1) await turnOfTheLoop();
    expect(unhandled).toHaveBeenCalledOnce();
  });
});

describe('a store that fails never breaks a call', () => {
  for (const how of ['rejects', 'hangs', 'throws'] as const) {
    it(`INVARIANT 18: when it ${how}, the loader runs exactly once and its value is returned`, async () => {
      const cluster = new TestCluster();
      const { outage, around } = breakable(how);
      const { cache, recorder } = await cluster.process({ store: around(cluster.store()) });
      outage.now = true;
      let loads = 0;
      const answer = cache.getOrSet('k', () => {
        loads += 1;
        return 'value';
      });
      await turnOfTheLoop();
      await cluster.clock.advanceAsync(251);
      expect(await answer).toBe('value');
      expect(loads).toBe(1);
      expect(recorder.of('error').map(({ operation }) => operation)).toEqual(['read']);
    });

    it(`when it ${how} after the load, the value is returned all the same and the loader not run again`, async () => {
      const cluster = new TestCluster();
      const { outage, around } = breakable(how);
      const { cache, recorder } = await cluster.process({ store: around(cluster.store()) });
      const gate = new Gate<string>();
      const answer = cache.getOrSet('k', gate.load);
      await gate.begun();
      outage.now = true;
      gate.open('value');
      await turnOfTheLoop();
      await cluster.clock.advanceAsync(1_001);
      expect(await answer).toBe('value');
      expect(gate.calls).toBe(1);
      expect(recorder.of('notStored').map(({ reason }) => reason)).toEqual(['store-unavailable']);
    });

    it(`when it ${how}, get is a miss and calls that carry correctness reject with StoreError`, async () => {
      const cluster = new TestCluster();
      const { outage, around } = breakable(how);
      const { cache } = await cluster.process({ store: around(cluster.store()) });
      outage.now = true;
      const calls = [
        cache.set('k', 1),
        cache.delete('k'),
        cache.expire('k'),
        cache.invalidateTags('t'),
        cache.clear(),
        cache.touch('k'),
      ];
      const outcomes = Promise.allSettled(calls);
      const read = cache.get('k');
      await turnOfTheLoop();
      await cluster.clock.advanceAsync(1_001);
      expect(await read).toBeUndefined();
      for (const outcome of await outcomes) {
        expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'STORE_FAILED' } });
      }
    });
  }

  it('what is loaded meanwhile lives locally for localLease at most, and is dropped when the store is back', async () => {
    const cluster = new TestCluster();
    const { outage, around } = breakable('rejects');
    const { cache } = await cluster.process({ store: around(cluster.store()) });
    outage.now = true;
    let loads = 0;
    const load = (): number => {
      loads += 1;
      return loads;
    };
    expect(await cache.getOrSet('k', load)).toBe(1);
    expect(await cache.getOrSet('k', load)).toBe(1);
    cluster.clock.advance(5_001);
    expect(await cache.getOrSet('k', load)).toBe(2);
    cluster.clock.advance(1);
    outage.now = false;
    await cache.has('another'); // the store answers again
    expect(await cache.getOrSet('k', load)).toBe(3);
  });

  it('a failed invalidation leaves nothing of it in this process’s local tier', async () => {
    const cluster = new TestCluster();
    const { outage, around } = breakable('rejects');
    const { cache } = await cluster.process({ store: around(cluster.store()) });
    await cache.set('k', 'old', { tags: ['t'] });
    outage.now = true;
    await expect(cache.invalidateTags('t')).rejects.toThrow(StoreError);
    expect(await cache.get('k')).toBeUndefined();
  });

  it('errors are warned about at most once a minute for each kind, and counted each time', async () => {
    const cluster = new TestCluster();
    const { outage, around } = breakable('rejects');
    const { cache, warnings } = await cluster.process({ store: around(cluster.store()) });
    outage.now = true;
    for (let call = 0; call < 4; call += 1) await cache.get('k');
    expect(warnings).toHaveLength(1);
    expect(cache.stats().errors).toBe(4);
    cluster.clock.advance(60_001);
    await cache.get('k');
    expect(warnings).toHaveLength(3); // the fifth failure has opened the breaker, which is worth a warning too
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('bad observer');
      },
    ],
    ['rejects later', () => Promise.reject(new Error('bad observer'))],
  ])('an observer that %s harms nobody, and so does a logger', async (_how, fail: () => unknown) => {
    const cluster = new TestCluster();
    const { cache, warnings } = await cluster.process({ observer: { onEvent: fail } });
    expect(await cache.getOrSet('k', () => 'value')).toBe('value');
    await turnOfTheLoop();
    expect(warnings.some((warning) => warning.includes('bad observer'))).toBe(true);
    const other = await cluster.process({ observer: { onEvent: fail }, logger: { warn: fail } });
    expect(await other.cache.getOrSet('other', () => 'value')).toBe('value');
    await turnOfTheLoop();
  });
});

describe('startup', () => {
  const unreachable = (
    store: Store,
    failures: { left: number },
    error: (left: number) => unknown = () => new StoreError('refused', { outcome: 'failed' }),
  ): Store =>
    new Proxy(store, {
      get(target, property) {
        if (property === 'open') {
          return () => {
            if (failures.left === 0) return target.open();
            failures.left -= 1;
            return Promise.reject(error(failures.left));
          };
        }
        const own: unknown = Reflect.get(target, property, target);
        return typeof own === 'function' ? own.bind(target) : own;
      },
    });

  it('degraded: runs without the shared tier and keeps trying until it is there', async () => {
    const cluster = new TestCluster();
    const failures = { left: 2 };
    const { cache } = await cluster.process({ store: unreachable(cluster.store(), failures) });
    expect(cache.stats().store.health).toBe('opening');
    expect(await cache.getOrSet('k', () => 'uncached')).toBe('uncached');
    await expect(cache.set('k', 1)).rejects.toThrow(StoreError);
    await cluster.clock.advanceAsync(500);
    await cluster.clock.advanceAsync(1_000);
    expect(cache.stats().store.health).toBe('well');
    await cache.set('k', 'stored');
    expect(await cache.get('k')).toBe('stored');
  });

  it('fail: rejects, and the name is free again', async () => {
    const cluster = new TestCluster();
    const options = { name: 'startup-fail', startup: 'fail' } as const;
    const store = unreachable(cluster.store(), { left: 1 });
    await expect(createCache({ ...options, store })).rejects.toThrow(StoreError);
    const cache = await createCache({ ...options, store: cluster.store() });
    await cache.close();
  });

  it('an error of the program rejects at once; one that shows up later is told, and ends the attempts', async () => {
    const cluster = new TestCluster();
    const bug = new TypeError('password is not a function');
    await expect(cluster.process({ store: unreachable(cluster.store(), { left: 1 }, () => bug) })).rejects.toBe(bug);
    const store = unreachable(cluster.store(), { left: 9 }, (left) =>
      left === 8 ? new StoreError('refused', { outcome: 'failed' }) : bug,
    );
    const { cache, recorder, warnings } = await cluster.process({ store });
    await cluster.clock.advanceAsync(500);
    expect(recorder.of('error').map(({ error }) => error)).toContain(bug);
    expect(warnings.at(-1)).toContain('is not tried again: TypeError: password is not a function');
    expect(cluster.clock.timers).toBe(0);
    expect(await cache.getOrSet('k', () => 'uncached')).toBe('uncached');
  });

  it('close ends the attempts', async () => {
    const cluster = new TestCluster();
    const { cache } = await cluster.process({ store: unreachable(cluster.store(), { left: 100 }) });
    await cache.close();
    expect(cluster.clock.timers).toBe(0);
  });
});

describe('close', () => {
  it('waits for background work, and refuses calls afterwards', async () => {
    const cluster = new TestCluster();
    const { cache } = await cluster.process();
    const policy = { ttl: 10_000, jitter: 0, earlyTtl: '80%' } as const;
    await cache.getOrSet('k', () => 'old', policy);
    cluster.clock.advance(8_500);
    const gate = new Gate<string>();
    expect(await cache.getOrSet('k', gate.load, policy)).toBe('old');
    await gate.begun();
    let closed = false;
    const closing = cache.close().then(() => {
      closed = true;
    });
    await turnOfTheLoop();
    expect(closed).toBe(false);
    gate.open('new');
    await closing;
    await expect(cache.get('k')).rejects.toMatchObject({ code: 'CACHE_CLOSED' });
    expect(await cluster.process().then(({ cache: other }) => other.get('k'))).toBe('new');
  });

  it('does not wait for ever for a refresh that hangs', async () => {
    const cluster = new TestCluster();
    const { cache, warnings } = await cluster.process();
    const policy = { ttl: 10_000, jitter: 0, earlyTtl: '80%' } as const;
    await cache.getOrSet('k', () => 'old', policy);
    cluster.clock.advance(8_500);
    const hung = new Gate<string>();
    await cache.getOrSet('k', hung.load, policy);
    await hung.begun();
    const closing = cache.close();
    await cluster.clock.advanceAsync(10_001);
    await closing;
    expect(warnings.some((warning) => warning.includes('did not end'))).toBe(true);
  });
});

describe('an invalidation that a method owes', () => {
  it('is tried until the store has it; meanwhile nothing that carries the name is served or kept here', async () => {
    const cluster = new TestCluster();
    const { outage, around } = breakable('rejects');
    const { cache } = await cluster.process({ store: around(cluster.store()) });
    const other = await cluster.process();
    await cache.set('k', 'old', { tags: ['t'] });
    outage.now = true;
    await cache.invalidateTagsSurely(['t'], 'delete');
    expect(cache.stats().owed).toBe(1);
    await cluster.clock.advanceAsync(500); // a try that fails
    expect(cache.stats().owed).toBe(1);
    expect(await other.cache.get('k')).toBe('old'); // the others cannot know yet
    outage.now = false;
    expect(await cache.get('k')).toBeUndefined();
    await cache.idle();
    await cluster.clock.advanceAsync(10_000);
    expect(cache.stats().owed).toBe(0);
    cluster.clock.advance(5_000);
    expect(await other.cache.get('k')).toBeUndefined();
    await cache.set('k', 'new', { tags: ['t'] });
    expect(await cache.get('k')).toBe('new');
  });

  it('a stronger one for the same name is not forgotten; many become one for everything', async () => {
    const cluster = new TestCluster();
    const { outage, around } = breakable('rejects');
    const { cache } = await cluster.process({ store: around(cluster.store()) });
    await cache.set('k', 'v', { tags: ['t'], grace: '1h' });
    outage.now = true;
    await cache.invalidateTagsSurely(['t'], 'delete');
    await cache.invalidateTagsSurely(['t'], 'expire');
    await cache.invalidateTagsSurely(
      Array.from({ length: 10_001 }, (_, index) => `many ${index}`),
      'delete',
    );
    expect(cache.stats().owed).toBe(1);
    outage.now = false;
    await cluster.clock.advanceAsync(60_000);
    expect(cache.stats().owed).toBe(0);
    const down = (): Promise<never> => Promise.reject(new Error('down'));
    await expect(cache.getOrSet('k', down, { grace: '1h' })).rejects.toThrow('down');
  });

  it('close tries once more and says what remains', async () => {
    const cluster = new TestCluster();
    const { outage, around } = breakable('rejects');
    const { cache, warnings } = await cluster.process({ store: around(cluster.store()) });
    outage.now = true;
    await cache.invalidateTagsSurely(['t'], 'delete');
    await cache.close();
    expect(warnings.some((warning) => warning.includes('1 names could not be invalidated'))).toBe(true);
  });
});
