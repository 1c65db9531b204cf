import { describe, expect, it } from 'vitest';
import { ConfigurationError, LoadTimeoutError } from '../../../src/errors.js';
import { Gate, TestCluster, turnOfTheLoop } from '../../support/test-cache.js';

const FAILOVER = { ttl: 1_000, jitter: 0, grace: '1h', backoff: '30s' } as const;

describe('stale on error', () => {
  it('serves the expired value, marked, when the loader fails', async () => {
    const cluster = new TestCluster();
    const { cache, recorder } = await cluster.process();
    await cache.getOrSet('k', () => 'good', FAILOVER);
    cluster.clock.advance(1_500);
    expect(await cache.getOrSet('k', () => Promise.reject(new Error('down')), FAILOVER)).toBe('good');
    expect(recorder.of('hit').at(-1)).toMatchObject({ state: 'stale', tier: 'shared' });
    expect(recorder.of('loadEnd').at(-1)).toMatchObject({ outcome: 'failed' });
  });

  it('INVARIANT 16: at most one load per backoff window across the cluster, counted from the failure', async () => {
    const cluster = new TestCluster();
    const [here, there] = [await cluster.process(), await cluster.process()];
    await here.cache.getOrSet('k', () => 'good', FAILOVER);
    cluster.clock.advance(1_500);
    let attempts = 0;
    const failing = (): Promise<never> => {
      attempts += 1;
      return Promise.reject(new Error('down'));
    };
    for (let call = 0; call < 5; call += 1) {
      expect(await here.cache.getOrSet('k', failing, FAILOVER)).toBe('good');
      expect(await there.cache.getOrSet('k', failing, FAILOVER)).toBe('good');
    }
    expect(attempts).toBe(1);
    cluster.clock.advance(30_001);
    expect(await there.cache.getOrSet('k', failing, FAILOVER)).toBe('good');
    expect(attempts).toBe(2);
    cluster.clock.advance(30_001);
    expect(await there.cache.getOrSet('k', () => 'recovered', FAILOVER)).toBe('recovered');
    // Reported once an attempt, by whoever made it; those who are answered stale meanwhile have nothing to report.
    const ends = [here, there].flatMap(({ recorder }) => recorder.of('loadEnd'));
    expect(ends.filter(({ outcome }) => outcome === 'failed')).toHaveLength(2);
    expect(here.recorder.count('error') + there.recorder.count('error')).toBe(0);
  });

  it('an error the policy does not accept is thrown, and nobody is kept from trying', async () => {
    const cluster = new TestCluster();
    const { cache } = await cluster.process();
    const policy = { ...FAILOVER, exceptions: [RangeError] };
    await cache.getOrSet('k', () => 'good', policy);
    cluster.clock.advance(1_500);
    await expect(cache.getOrSet('k', () => Promise.reject(new TypeError('bug')), policy)).rejects.toThrow('bug');
    expect(await cache.getOrSet('k', () => Promise.reject(new RangeError('down')), policy)).toBe('good');
  });

  it('stale is never stored as fresh: the next window loads again, and after the grace the error is thrown', async () => {
    const cluster = new TestCluster();
    const { cache } = await cluster.process();
    await cache.getOrSet('k', () => 'good', { ...FAILOVER, grace: '1m' });
    cluster.clock.advance(1_500);
    const down = (): Promise<never> => Promise.reject(new Error('down'));
    expect(await cache.getOrSet('k', down, FAILOVER)).toBe('good');
    expect(await cache.get('k')).toBeUndefined();
    cluster.clock.advance(60_000);
    await expect(cache.getOrSet('k', down, FAILOVER)).rejects.toThrow('down');
  });

  it('expire() makes an entry stale, delete() forbids it', async () => {
    const cluster = new TestCluster();
    const { cache } = await cluster.process();
    const policy = { ttl: '1h', grace: '1h', jitter: 0 };
    const down = (): Promise<never> => Promise.reject(new Error('down'));
    await cache.set('k', 'good', policy);
    await cache.expire('k');
    expect(await cache.get('k')).toBeUndefined();
    expect(await cache.getOrSet('k', down, policy)).toBe('good');
    await cache.delete('k');
    await expect(cache.getOrSet('k', down, policy)).rejects.toThrow('down');
  });

  it('invalidateTags with stale keeps entries servable on failure, without it never', async () => {
    const cluster = new TestCluster();
    const { cache } = await cluster.process();
    const policy = { ttl: '1h', grace: '1h', jitter: 0, tags: ['t'] };
    const down = (): Promise<never> => Promise.reject(new Error('down'));
    await cache.set('k', 'good', policy);
    await cache.invalidateTags('t', { stale: true });
    expect(await cache.getOrSet('k', down, policy)).toBe('good');
    await cache.invalidateTags('t');
    await expect(cache.getOrSet('k', down, policy)).rejects.toThrow('down');
  });

  it('a loader finds the stale value in its context', async () => {
    const cluster = new TestCluster();
    const { cache } = await cluster.process();
    await cache.getOrSet('k', () => 1, FAILOVER);
    cluster.clock.advance(1_500);
    const value = await cache.getOrSet('k', (load) => [load.reason, load.stale?.value, load.stale?.age], FAILOVER);
    expect(value).toEqual(['stale', 1, 1_500]);
  });

  it('works in a tier that is local only', async () => {
    const cluster = new TestCluster();
    const { cache, recorder } = await cluster.process();
    const policy = { ...FAILOVER, tiers: 'local' } as const;
    await cache.getOrSet('k', () => 'good', policy);
    cluster.clock.advance(1_500);
    let attempts = 0;
    const failing = (): Promise<never> => {
      attempts += 1;
      return Promise.reject(new Error('down'));
    };
    expect(await cache.getOrSet('k', failing, policy)).toBe('good');
    expect(await cache.getOrSet('k', failing, policy)).toBe('good');
    expect(attempts).toBe(1);
    expect(recorder.of('hit').at(-1)).toMatchObject({ state: 'stale', tier: 'local' });
  });
});

describe('timeouts', () => {
  it('softTimeout: stale is served while the load goes on, and its result is kept', async () => {
    const cluster = new TestCluster();
    const { cache, recorder } = await cluster.process();
    const policy = { ...FAILOVER, softTimeout: 100 };
    await cache.getOrSet('k', () => 'old', policy);
    cluster.clock.advance(1_500);
    const gate = new Gate<string>();
    let aborted = false;
    const answer = cache.getOrSet(
      'k',
      (load) => {
        load.signal.addEventListener('abort', () => {
          aborted = true;
        });
        return gate.load();
      },
      policy,
    );
    await gate.begun();
    await cluster.clock.advanceAsync(101);
    expect(await answer).toBe('old');
    expect(recorder.of('timeout')).toMatchObject([{ limit: 'soft' }]);
    expect(aborted).toBe(false);
    gate.open('new');
    await turnOfTheLoop();
    await turnOfTheLoop();
    expect(await cache.get('k')).toBe('new');
    expect(gate.calls).toBe(1);
  });

  it('softTimeout without a stale value waits on', async () => {
    const cluster = new TestCluster();
    const { cache } = await cluster.process();
    const gate = new Gate<string>();
    const answer = cache.getOrSet('k', gate.load, { ttl: '1h', softTimeout: 100 });
    await gate.begun();
    await cluster.clock.advanceAsync(5_000);
    gate.open('value');
    expect(await answer).toBe('value');
  });

  it('INVARIANT 15: hardTimeout rejects its caller and aborts the signal; the next caller does not stack a second load', async () => {
    const cluster = new TestCluster();
    const { cache, recorder } = await cluster.process();
    const gate = new Gate<string>();
    const answer = cache.getOrSet('k', gate.load, { ttl: '1h', hardTimeout: 200 }).catch((error: unknown) => error);
    await gate.begun();
    await cluster.clock.advanceAsync(201);
    expect(await answer).toBeInstanceOf(LoadTimeoutError);
    expect(recorder.of('timeout')).toMatchObject([{ limit: 'hard' }]);
    const next = cache.getOrSet('k', gate.load, { ttl: '1h' });
    await turnOfTheLoop();
    await turnOfTheLoop();
    expect(gate.calls).toBe(1);
    gate.open('late, and good all the same');
    expect(await next).toBe('late, and good all the same');
  });

  it('timeouts count from each caller’s own call', async () => {
    const cluster = new TestCluster();
    const { cache } = await cluster.process();
    const gate = new Gate<string>();
    const first = cache.getOrSet('k', gate.load, { ttl: '1h', hardTimeout: 200 }).catch(() => 'first gave up');
    await gate.begun();
    await cluster.clock.advanceAsync(150);
    const second = cache.getOrSet('k', gate.load, { ttl: '1h', hardTimeout: 200 });
    await turnOfTheLoop();
    await cluster.clock.advanceAsync(100);
    expect(await first).toBe('first gave up');
    gate.open('value');
    expect(await second).toBe('value');
  });

  it('leaseTimeout: who waited that long for another load runs one of its own, once', async () => {
    const cluster = new TestCluster();
    const { cache } = await cluster.process();
    const gate = new Gate<string>();
    const stuck = cache.getOrSet('k', gate.load);
    await gate.begun();
    const [one, two] = [cache.getOrSet('k', gate.load), cache.getOrSet('k', gate.load)];
    await turnOfTheLoop();
    await cluster.clock.advanceAsync(30_001);
    await gate.begun(2);
    await turnOfTheLoop();
    expect(gate.calls).toBe(2);
    gate.open('from the stuck load');
    gate.open('from the second');
    expect(await stuck).toBe('from the stuck load');
    expect(await Promise.all([one, two])).toEqual(['from the second', 'from the second']);
  });

  it('loadDeadline: a load is given up, its signal aborts, its result is refused, and another may start', async () => {
    const cluster = new TestCluster();
    const { cache, recorder } = await cluster.process({ loadDeadline: '10m' });
    const gate = new Gate<string>();
    let signal: AbortSignal | undefined;
    const hung = cache
      .getOrSet('k', (load) => {
        signal = load.signal;
        return gate.load();
      })
      .catch((error: unknown) => error);
    await gate.begun();
    await cluster.clock.advanceAsync(600_001);
    expect(await hung).toMatchObject({ code: 'LOAD_ABANDONED' });
    expect(signal?.aborted).toBe(true);
    expect(await cache.getOrSet('k', () => 'fresh')).toBe('fresh');
    gate.open('hung result');
    await turnOfTheLoop();
    expect(await cache.get('k')).toBe('fresh');
    expect(recorder.of('loadEnd').map(({ outcome }) => outcome)).toEqual(['abandoned', 'succeeded']);
  });
});

describe('early refresh', () => {
  const EARLY = { ttl: 10_000, jitter: 0, earlyTtl: '80%' } as const;

  it('INVARIANT 19: answers at once from the cache, refreshes once in the background, readers never wait', async () => {
    const cluster = new TestCluster();
    const { cache, recorder } = await cluster.process({ localLease: Infinity });
    await cache.getOrSet('k', () => 'old', EARLY);
    cluster.clock.advance(8_500);
    const gate = new Gate<string>();
    for (let call = 0; call < 5; call += 1) expect(await cache.getOrSet('k', gate.load, EARLY)).toBe('old');
    await gate.begun();
    expect(recorder.of('hit').at(-1)).toMatchObject({ state: 'early', tier: 'local' });
    gate.open('new');
    await cache.idle();
    expect(await cache.getOrSet('k', gate.load, EARLY)).toBe('new');
    expect(gate.calls).toBe(1);
    expect(recorder.of('loadEnd').at(-1)).toMatchObject({ background: true, outcome: 'succeeded' });
  });

  it('another process that finds the refreshed entry does not refresh it again', async () => {
    const cluster = new TestCluster();
    const [here, there] = [await cluster.process({ localLease: '1h' }), await cluster.process({ localLease: '1h' })];
    await here.cache.getOrSet('k', () => 'old', EARLY);
    expect(await there.cache.get('k')).toBe('old');
    cluster.clock.advance(8_500);
    expect(await here.cache.getOrSet('k', () => 'new', EARLY)).toBe('old');
    await here.cache.idle();
    let calls = 0;
    const counting = (): string => {
      calls += 1;
      return 'again';
    };
    expect(await there.cache.getOrSet('k', counting, EARLY)).toBe('old');
    await there.cache.idle();
    expect(await there.cache.getOrSet('k', counting, EARLY)).toBe('new');
    expect(calls).toBe(0);
  });

  it('after a refresh that failed the loader is left alone for backoff, and the value still served', async () => {
    const cluster = new TestCluster();
    const { cache } = await cluster.process({ localLease: '1h' });
    const policy = { ...EARLY, ttl: '1h', backoff: '30s' } as const;
    await cache.getOrSet('k', () => 'old', policy);
    cluster.clock.advance(50 * 60_000);
    let attempts = 0;
    const failing = (): Promise<never> => {
      attempts += 1;
      return Promise.reject(new Error('down'));
    };
    for (let call = 0; call < 3; call += 1) {
      expect(await cache.getOrSet('k', failing, policy)).toBe('old');
      await cache.idle();
    }
    expect(attempts).toBe(1);
    cluster.clock.advance(30_001);
    await cache.getOrSet('k', failing, policy);
    await cache.idle();
    expect(attempts).toBe(2);
  });

  it('runs outside the asynchronous context of the call that caused it', async () => {
    const { AsyncLocalStorage } = await import('node:async_hooks');
    const request = new AsyncLocalStorage<string>();
    const cluster = new TestCluster();
    const { cache } = await cluster.process();
    await cache.getOrSet('k', () => 'old', EARLY);
    cluster.clock.advance(8_500);
    let seen: string | undefined = 'not run';
    await request.run('a request', () =>
      cache.getOrSet(
        'k',
        () => {
          seen = request.getStore();
          return 'new';
        },
        EARLY,
      ),
    );
    await cache.idle();
    expect(seen).toBeUndefined();
  });
});

describe('what a load says about its result', () => {
  it('load.ttl replaces the lifetime, load.tags adds tags, load.skip keeps nothing', async () => {
    const cluster = new TestCluster();
    const { cache } = await cluster.process();
    await cache.getOrSet('short', (load) => {
      load.ttl('2s');
      load.tags('t');
      return 1;
    });
    expect(await cache.ttl('short')).toBe(2_000);
    await cache.invalidateTags('t');
    expect(await cache.has('short')).toBe(false);
    await cache.getOrSet('skipped', (load) => {
      load.skip();
      return 1;
    });
    expect(await cache.has('skipped')).toBe(false);
  });

  it('undefined is never stored; null is, unless cacheNull is false', async () => {
    const { cache } = await new TestCluster().process();
    expect(await cache.getOrSet('u', () => undefined)).toBeUndefined();
    expect(await cache.getOrSet('u', () => 'loaded again')).toBe('loaded again');
    await cache.getOrSet('n', () => null);
    expect(await cache.getOrSet('n', () => 'not asked')).toBeNull();
    await cache.getOrSet('m', () => null, { cacheNull: false });
    expect(await cache.getOrSet('m', () => 'loaded')).toBe('loaded');
  });

  it('a wrong wish is the load’s error', async () => {
    const { cache } = await new TestCluster().process();
    await expect(cache.getOrSet('k', (load) => load.ttl(-5))).rejects.toThrow(ConfigurationError);
  });
});

describe('sliding', () => {
  it('a read extends the entry once a quarter of the window has passed, never past the ceiling', async () => {
    const cluster = new TestCluster();
    const { cache } = await cluster.process({ localLease: '1h' });
    await cache.set('k', 'v', { sliding: 1_000, ttl: 2_500 });
    cluster.clock.advance(600);
    expect(await cache.get('k')).toBe('v');
    await cache.idle();
    expect(await cache.ttl('k')).toBe(1_000);
    cluster.clock.advance(900);
    expect(await cache.get('k')).toBe('v');
    await cache.idle();
    cluster.clock.advance(900);
    expect(await cache.get('k')).toBe('v');
    await cache.idle();
    cluster.clock.advance(200);
    expect(await cache.get('k')).toBeUndefined();
  });

  it('without reads it ends after one window', async () => {
    const cluster = new TestCluster();
    const { cache } = await cluster.process();
    await cache.set('k', 'v', { sliding: 1_000 });
    cluster.clock.advance(1_001);
    expect(await cache.get('k')).toBeUndefined();
  });
});
