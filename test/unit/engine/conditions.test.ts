/** What a policy says about single results: `unless`, `cacheErrors`, `fallback`; and values that cannot be kept. */
import { describe, expect, it } from 'vitest';
import { CachePut } from '../../../src/decorators/cache-put.js';
import { cached } from '../../../src/decorators/cached-function.js';
import { LoadTimeoutError } from '../../../src/errors.js';
import type { Policy } from '../../../src/kernel/policy.js';
import { Gate, TestCluster, turnOfTheLoop } from '../../support/test-cache.js';
import { cacheName, open } from '../decorators/support.js';

class NotFound extends Error {
  override readonly name = 'NotFound';
  readonly code = 'E404';
  readonly request = { authorization: 'secret' };
  readonly #path: string;

  constructor(path: string, options?: ErrorOptions) {
    super(`${path} was not found`, options);
    this.#path = path;
  }

  get path(): string {
    return this.#path;
  }
}

class Gone extends NotFound {}

const KEEP: Policy = { cacheErrors: { classes: [NotFound], ttl: '30s' } };

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    () => 'resolved',
    (error: unknown) => error,
  );
}

describe('when and unless', () => {
  it('when: calls it does not answer true for run uncached, counted; those it does are cached', async () => {
    const name = cacheName();
    const { cache, recorder } = await open(name);
    let calls = 0;
    const find = cached(async (_id: number) => ++calls, {
      key: 'n:{0}',
      ttl: '1m',
      cache: name,
      when: (id: number) => id > 0,
    });
    expect([await find(0), await find(0), await find(1), await find(1)]).toEqual([1, 2, 3, 3]);
    expect(recorder.of('bypass').map(({ reason }) => reason)).toEqual(['condition', 'condition']);
    const { calls: all, fresh, misses, bypassed } = cache.stats();
    expect(all).toBe(fresh + misses + bypassed);
  });

  it('when: one that throws is reported, and the method runs', async () => {
    const name = cacheName();
    const { recorder } = await open(name);
    const broken = (): boolean => {
      throw new Error('condition');
    };
    expect(await cached(async () => 1, { key: 'k', ttl: '1m', cache: name, when: broken })()).toBe(1);
    expect(recorder.of('error').map(({ operation }) => operation)).toEqual(['condition']);
  });

  it('unless: a result it answers true for is served, protected like any other, and not kept', async () => {
    const name = cacheName();
    const { recorder } = await open(name);
    let calls = 0;
    const search = cached(
      async (_text: string) => {
        calls += 1;
        return [] as number[];
      },
      {
        key: 's:{0}',
        ttl: '1m',
        cache: name,
        unless: (found: readonly number[], text: string) => found.length === 0 && text === 'a',
      },
    );
    expect([await search('a'), await search('a'), await search('b'), await search('b')]).toEqual([[], [], [], []]);
    expect(calls).toBe(3);
    expect(Object.isFrozen(await search('a'))).toBe(true);
    expect(recorder.of('notStored').map(({ reason }) => reason)).toEqual(['condition', 'condition', 'condition']);
  });

  it('unless: one that throws is reported, and nothing is kept', async () => {
    const { cache, recorder } = await new TestCluster().process();
    const broken = (): boolean => {
      throw new Error('condition');
    };
    expect(await cache.getOrSet('k', () => 1, { unless: broken })).toBe(1);
    expect(await cache.has('k')).toBe(false);
    expect(recorder.of('error').map(({ operation }) => operation)).toEqual(['condition']);
  });

  it('both under @CachePut: the result is not stored, and its key invalidated', async () => {
    const name = cacheName();
    const { cache } = await open(name);
    class Service {
      @CachePut('k', { ttl: '1m', cache: name, when: (n: number) => n > 0, unless: (n: number) => n > 1 })
      async save(n: number): Promise<number> {
        return n;
      }
    }
    for (const n of [0, 2, 1]) {
      await cache.set('k', 'old');
      await new Service().save(n);
      expect(await cache.get('k')).toBe(n === 1 ? 1 : undefined);
    }
  });
});

describe('cacheErrors', () => {
  it.each(['both', 'shared', 'local'] as const)(
    'tiers %s: hits reject with an equal error until its own short ttl ends; the loader is left alone',
    async (tiers) => {
      const cluster = new TestCluster();
      const { cache, recorder } = await cluster.process();
      const gate = new Gate<number>();
      const policy: Policy = { ...KEEP, ttl: '1h', sliding: '10m', grace: '1h', jitter: 0, tiers, tags: ['t'] };
      const thrown = new NotFound('/a', { cause: new TypeError('inner') });
      const first = rejection(cache.getOrSet('k', gate.load, policy));
      await gate.begun(1);
      gate.fail(thrown);
      expect(await first).toBe(thrown);
      const hit = await rejection(cache.getOrSet('k', gate.load, policy));
      expect(hit).toBeInstanceOf(NotFound);
      expect(hit).not.toBe(thrown);
      expect(hit).toMatchObject({
        name: 'NotFound',
        code: 'E404',
        message: '/a was not found',
        cause: { name: 'TypeError', message: 'inner' },
      });
      expect([recorder.of('write').map(({ what }) => what), recorder.count('hit'), gate.calls]).toEqual([
        ['error'],
        1,
        1,
      ]);
      cluster.clock.advance(30_000);
      const again = cache.getOrSet('k', gate.load, policy);
      await gate.begun(2);
      gate.open(7);
      expect(await again).toBe(7);
      expect(await cache.get('k', { tiers })).toBe(7);
    },
  );

  it('says what it does not keep: no objects of the error, no stack, no private fields', async () => {
    const { cache } = await new TestCluster().process();
    const load = (): never => {
      throw new NotFound('/a');
    };
    await rejection(cache.getOrSet('k', load, KEEP));
    const hit = await rejection(cache.getOrSet('k', load, KEEP));
    expect(hit).not.toHaveProperty('request');
    expect((hit as NotFound).stack).toContain('kept by the cache');
    expect(() => (hit as NotFound).path).toThrow(TypeError);
  });

  it('is no value to anybody else: get, has, peek and policies that keep no such errors miss', async () => {
    const name = cacheName();
    const { cache, recorder } = await open(name);
    let calls = 0;
    const load = cached(
      async (): Promise<number> => {
        calls += 1;
        throw new NotFound('/a');
      },
      { ...KEEP, key: 'k', ttl: '1h', cache: name },
    );
    await rejection(load());
    expect([await load.peek(), await cache.get('k'), await cache.has('k')]).toEqual([undefined, undefined, false]);
    expect(await cache.getOrSet('k', () => 'value')).toBe('value');
    expect(await load()).toBe('value');
    expect(calls).toBe(1);
    expect(recorder.count('error')).toBe(0);
  });

  it('in the defaults of a cache it works likewise', async () => {
    const { cache } = await new TestCluster().process({ defaults: { ttl: '1h', ...KEEP } });
    await rejection(cache.getOrSet('k', () => Promise.reject(new NotFound('/a'))));
    expect(await rejection(cache.getOrSet('k', () => 1))).toBeInstanceOf(NotFound);
    expect([await cache.get('k'), await cache.getEntry('k'), [...(await cache.getMany(['k'])).keys()]]).toEqual([
      undefined,
      undefined,
      [],
    ]);
  });

  it('other processes find it, and nobody can change what others get', async () => {
    const cluster = new TestCluster();
    const [here, there] = [await cluster.process(), await cluster.process()];
    const load = (): never => {
      throw new NotFound('/a');
    };
    await rejection(here.cache.getOrSet('k', load, KEEP));
    const first = (await rejection(there.cache.getOrSet('k', load, KEEP))) as Error;
    first.message = 'changed';
    expect(await rejection(there.cache.getOrSet('k', load, KEEP))).toMatchObject({ message: '/a was not found' });
    expect(there.cache.stats()).toMatchObject({ loads: 0, sharedHits: 1, localHits: 1 });
  });

  it.each<[string, unknown]>([
    ['a class that extends a listed one', new Gone('/a')],
    ['another class', new RangeError('x')],
    ['no error', 'a text'],
    ['undefined', undefined],
  ])('keeps nothing of %s', async (_what, reason) => {
    const { cache } = await new TestCluster().process();
    for (let call = 0; call < 2; call += 1)
      expect(await rejection(cache.getOrSet('k', () => Promise.reject(reason), KEEP))).toBe(reason);
    expect(cache.stats()).toMatchObject({ loads: 2, stored: 0 });
  });

  it('tags reach it, and a load that began before an invalidation keeps nothing', async () => {
    const { cache } = await new TestCluster().process();
    const policy: Policy = { ...KEEP, tags: ['t'] };
    let meanwhile = async (): Promise<void> => undefined;
    const load = async (): Promise<number> => {
      await meanwhile();
      throw new NotFound('/a');
    };
    await rejection(cache.getOrSet('k', load, policy));
    await cache.invalidateTags('t');
    meanwhile = () => cache.invalidateTags('t');
    await rejection(cache.getOrSet('k', load, policy));
    await rejection(cache.getOrSet('k', load, policy));
    expect(cache.stats()).toMatchObject({ loads: 3, stored: 1, notStored: 2 });
  });

  it('a stale value answers first, where `exceptions` accepts the error; else the error is kept', async () => {
    const cluster = new TestCluster();
    const { cache } = await cluster.process();
    const policy: Policy = { ...KEEP, ttl: '1m', jitter: 0, grace: '1h' };
    const load = (): never => {
      throw new NotFound('/a');
    };
    await cache.getOrSet('k', () => 'old', policy);
    cluster.clock.advance(60_000);
    expect(await cache.getOrSet('k', load, policy)).toBe('old');
    cluster.clock.advance(30_000);
    const definite: Policy = { ...policy, exceptions: [RangeError] };
    expect(await rejection(cache.getOrSet('k', load, definite))).toBeInstanceOf(NotFound);
    expect(await rejection(cache.getOrSet('k', load, definite))).toBeInstanceOf(NotFound);
    expect(cache.stats().loads).toBe(3);
  });

  it('an early refresh that fails so leaves the value that is still fresh', async () => {
    const cluster = new TestCluster();
    const { cache } = await cluster.process();
    const policy: Policy = { ...KEEP, ttl: '1m', jitter: 0, earlyTtl: '30s' };
    await cache.getOrSet('k', () => 'old', policy);
    cluster.clock.advance(30_000);
    const load = (): never => {
      throw new NotFound('/a');
    };
    expect(await cache.getOrSet('k', load, policy)).toBe('old');
    await cache.idle();
    expect(await cache.getOrSet('k', load, policy)).toBe('old');
  });
});

describe('fallback', () => {
  const down = (): never => {
    throw new Error('down');
  };

  it('a value answers when loading fails and nothing is there; it is never stored, and nobody can change it for others', async () => {
    const { cache, recorder } = await new TestCluster().process();
    const policy: Policy = { fallback: { items: [1] } };
    const first = await cache.getOrSet<{ items: number[] }>('k', down, policy);
    first.items.push(2);
    expect(await cache.getOrSet('k', down, policy)).toEqual({ items: [1] });
    expect(await cache.has('k')).toBe(false);
    expect(recorder.of('fallback').map(({ error }) => (error as Error).message)).toEqual(['down', 'down']);
    expect(cache.stats()).toMatchObject({ calls: 2, misses: 2, loads: 2, fallbacks: 2 });
  });

  it('a function gets the error and the arguments, and may be asynchronous; what it throws is what callers get', async () => {
    const name = cacheName();
    await open(name);
    const find = cached(async (_id: number): Promise<string> => down(), {
      key: 'f:{0}',
      ttl: '1m',
      cache: name,
      fallback: async (error: Error, id: number) => {
        await turnOfTheLoop();
        if (id === 0) throw new RangeError('no fallback either');
        return `${error.message} ${id}`;
      },
    });
    expect(await find(5)).toBe('down 5');
    expect(await rejection(find(0))).toBeInstanceOf(RangeError);
  });

  it('a stale value comes first, and a fallback of null is one', async () => {
    const cluster = new TestCluster();
    const { cache } = await cluster.process();
    const policy: Policy = { ttl: '1m', jitter: 0, grace: '1m', backoff: 0, fallback: null };
    await cache.getOrSet('k', () => 'old', policy);
    cluster.clock.advance(60_000);
    expect(await cache.getOrSet('k', down, policy)).toBe('old');
    cluster.clock.advance(60_000);
    expect(await cache.getOrSet('k', down, policy)).toBeNull();
  });

  it('not for errors that `exceptions` does not accept, nor for calls that were cancelled', async () => {
    const { cache } = await new TestCluster().process();
    const wrong = (): never => {
      throw new ReferenceError('x');
    };
    expect(await rejection(cache.getOrSet('k', wrong, { fallback: 1 }))).toBeInstanceOf(ReferenceError);
    expect(await rejection(cache.getOrSet('k', down, { fallback: 1, exceptions: [RangeError] }))).toBeInstanceOf(Error);
    const cancelled = cache.getOrSet('k', () => new Promise(() => undefined), {
      fallback: 1,
      signal: AbortSignal.abort(new RangeError('gone')),
    });
    expect(await rejection(cancelled)).toBeInstanceOf(RangeError);
  });

  it('for a loader that is too slow, when its hardTimeout is accepted', async () => {
    const cluster = new TestCluster();
    const { cache } = await cluster.process();
    const gate = new Gate<number>();
    const answer = cache.getOrSet('k', gate.load, { hardTimeout: 100, fallback: (error: unknown) => error });
    await gate.begun(1);
    await cluster.clock.advanceAsync(100);
    expect(await answer).toBeInstanceOf(LoadTimeoutError);
  });

  it('for an error that is kept, as for the miss that has kept it', async () => {
    const { cache } = await new TestCluster().process();
    const load = (): never => {
      throw new NotFound('/a');
    };
    const policy: Policy = { ...KEEP, fallback: 'instead' };
    for (let call = 0; call < 3; call += 1) expect(await cache.getOrSet('k', load, policy)).toBe('instead');
    expect(cache.stats()).toMatchObject({ loads: 1, localHits: 2, misses: 1, fallbacks: 3 });
  });
});

describe('values that cannot be kept', () => {
  it.each<[string, unknown, string]>([
    ['too large a value', 'x'.repeat(100), 'too-large'],
    ['a function', { f: () => 1 }, 'unencodable'],
    ['a cycle', cycle(), 'unencodable'],
  ])('%s is served, not stored, and counted', async (_what, value, reason) => {
    const { cache, recorder } = await new TestCluster().process({ maxValueBytes: 50 });
    for (let call = 0; call < 2; call += 1) expect(await cache.getOrSet('k', () => value)).toEqual(value);
    expect(recorder.of('notStored').map((event) => event.reason)).toEqual([reason, reason]);
    expect(cache.stats()).toMatchObject({ loads: 2, stored: 0, notStored: 2 });
  });
});

function cycle(): object {
  const value: Record<string, unknown> = {};
  value['self'] = value;
  return value;
}
