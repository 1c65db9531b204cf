import { describe, expect, it } from 'vitest';
import { type CachedFunction, cached } from '../../../src/decorators/cached-function.js';
import { KEEPSAKE } from '../../../src/decorators/replacement.js';
import { ConfigurationError, KeyError, LoadTimeoutError } from '../../../src/errors.js';
import { Gate, turnOfTheLoop } from '../../support/test-cache.js';
import { cacheName, hearWarnings, infoOf, open, refusal } from './support.js';

type Report = CachedFunction<(day: string) => Promise<string>>;

/** A cached function that numbers its results. */
function counting(cache: string): Report {
  let calls = 0;
  return cached(
    async (day: string) => {
      calls += 1;
      return `${day} no. ${calls}`;
    },
    { key: 'report:{day}', ttl: '10m', cache },
  );
}

describe('cached()', () => {
  it('answers a function’s calls from the cache, by the arguments its key template names', async () => {
    const name = cacheName();
    const { cache } = await open(name);
    const report = counting(name);
    expect([await report('mon'), await report('mon'), await report('tue')]).toEqual([
      'mon no. 1',
      'mon no. 1',
      'tue no. 2',
    ]);
    expect(await cache.get('report:mon')).toBe('mon no. 1');
  });

  it('looks like the function, keeps its properties, and publishes what it is', async () => {
    const twice = async (n: number) => n * 2;
    const made = cached(Object.assign(twice, { unit: 'm' }), { ttl: '1m', cache: cacheName(), tags: ['numbers'] });
    expect([made.name, made.length, made.unit]).toEqual(['twice', 1, 'm']);
    expect(infoOf(made)).toMatchObject({ role: 'cached', placement: 'function', useCase: 'twice', tags: ['numbers'] });
    expect(KEEPSAKE in made).toBe(true);
  });

  it('hands on `this`, and templates may name it', async () => {
    const name = cacheName();
    await open(name);
    const tenant = {
      id: 'acme',
      load: cached(
        async function (this: { readonly id: string }, page: number): Promise<string> {
          return `${this.id} ${page}`;
        },
        { key: '{this.id}:page:{page}', ttl: '1m', cache: name },
      ),
    };
    expect(await tenant.load(1)).toBe('acme 1');
  });

  it('without a key template, keys are its name and all arguments; two functions of one name do not answer for each other', async () => {
    const name = cacheName();
    const { recorder } = await open(name);
    const make = (answer: number) => ({ [name]: async (_n: number) => answer })[name] ?? refuse();
    const [one, two] = [cached(make(1), { ttl: '1m', cache: name }), cached(make(2), { ttl: '1m', cache: name })];
    expect([await one(7), await one(7), await two(7), await two(7)]).toEqual([1, 1, 2, 2]);
    expect(one.key(7)).toBe(`${name}(7)`);
    expect(recorder.of('bypass').map(({ reason }) => reason)).toEqual(['key', 'key']);
  });

  it('a function without a name is called by its key template in events, or by `useCase`', async () => {
    const name = cacheName();
    const { recorder } = await open(name);
    await counting(name)('mon');
    await cached(async () => 1, { key: () => `k of ${name}`, ttl: '1m', cache: name, useCase: 'ones' })();
    expect(recorder.of('miss').map(({ useCase }) => useCase)).toEqual(['report:{day}', 'ones']);
  });

  it.each<[string, () => unknown]>([
    ['no function', () => Reflect.apply(cached, undefined, ['report'])],
    ['a generator', () => Reflect.apply(cached, undefined, [function* () {}, { key: 'k', ttl: 1 }])],
    ['nothing to call it by', () => cached(async () => 1, { ttl: '1m' })],
    ['a placeholder without a parameter', () => cached(async (day: string) => day, { key: 'report:{dya}', ttl: 1 })],
    ['a bad duration', () => cached(async () => 1, { key: 'k', ttl: -1 })],
    ['what is cached already', () => cached(counting(cacheName()), { key: 'k2', ttl: '1m' })],
  ])('refuses %s where it is called', (_what, define) => {
    expect(refusal(define)).toBeInstanceOf(ConfigurationError);
  });
});

describe('the handle of a cached function', () => {
  it('key: as the call has it, without a cache too; what no key can be built of throws', async () => {
    const report = counting(cacheName());
    expect(report.key('a:b')).toBe('report:a%3Ab');
    expect(() => Reflect.apply(report.key, undefined, [])).toThrow(KeyError);
  });

  it('peek: the fresh value, never a stale one, and never a load', async () => {
    const name = cacheName();
    const { cluster, recorder } = await open(name, { defaults: { grace: '1h', jitter: 0 } });
    const report = counting(name);
    expect(await report.peek('mon')).toBeUndefined();
    await report('mon');
    expect(await report.peek('mon')).toBe('mon no. 1');
    cluster.clock.advance(10 * 60_000);
    expect(await report.peek('mon')).toBeUndefined();
    expect(recorder.count('loadStart')).toBe(1);
  });

  it('refresh: loads though a fresh value is there, and publishes it', async () => {
    const name = cacheName();
    const { cache } = await open(name);
    const report = counting(name);
    await report('mon');
    expect(await report.refresh('mon')).toBe('mon no. 2');
    expect(await report('mon')).toBe('mon no. 2');
    expect(await cache.get('report:mon', { tiers: 'shared' })).toBe('mon no. 2');
    expect(cache.stats()).toMatchObject({ calls: 4, misses: 2, fresh: 2, loads: 2 });
  });

  it('refresh: waits for a load that began before it, so that what it stores is the newer one; refreshes share a load', async () => {
    const name = cacheName();
    await open(name);
    const gate = new Gate<number>();
    const load = cached(gate.load, { key: 'k', ttl: '1m', cache: name });
    const call = load();
    await gate.begun(1);
    const refreshes = [load.refresh(), load.refresh()];
    await turnOfTheLoop();
    expect(gate.calls).toBe(1);
    gate.open(1);
    await gate.begun(2);
    gate.open(2);
    expect([await call, ...(await Promise.all(refreshes)), await load()]).toEqual([1, 2, 2, 2]);
    expect(gate.calls).toBe(2);
  });

  it('refresh: waits for another process’s load too, and does not take its value for its own', async () => {
    const [here, there] = [cacheName(), cacheName()];
    const { cluster } = await open(here);
    await cluster.process({ name: there });
    const gate = new Gate<number>();
    const [mine, other] = [here, there].map((cache) =>
      cached(gate.load, { key: 'k', ttl: '1m', cache, useCase: cache }),
    );
    const before = other?.();
    await gate.begun(1);
    const refreshed = mine?.refresh();
    await cluster.clock.advanceAsync(50);
    expect(gate.calls).toBe(1);
    gate.open(1);
    await before;
    while (gate.calls < 2) await cluster.clock.advanceAsync(50);
    gate.open(2);
    expect(await refreshed).toBe(2);
    expect(await mine?.()).toBe(2);
  });

  it('refresh: fails as the function does, though something stale or fresh is there; the next call is answered', async () => {
    const name = cacheName();
    await open(name);
    let answer: () => Promise<number> = async () => 1;
    const load = cached(() => answer(), { key: 'k', ttl: '1m', grace: '1h', cache: name });
    await load();
    answer = async () => {
      throw new RangeError('down');
    };
    await expect(load.refresh()).rejects.toThrow('down');
    expect(await load()).toBe(1);
  });

  it('refresh: gives up at hardTimeout', async () => {
    const name = cacheName();
    const { cluster } = await open(name);
    const gate = new Gate<number>();
    const load = cached(gate.load, { key: 'k', ttl: '1m', hardTimeout: 100, cache: name });
    const refreshed = load.refresh().catch((error: unknown) => error);
    await gate.begun(1);
    await cluster.clock.advanceAsync(100);
    expect(await refreshed).toBeInstanceOf(LoadTimeoutError);
  });

  it('invalidate: the entry of these arguments, and whether there was one', async () => {
    const name = cacheName();
    await open(name);
    const report = counting(name);
    expect(await report.invalidate('mon')).toBe(false);
    await report('mon');
    await report('tue');
    expect(await report.invalidate('mon')).toBe(true);
    expect([await report('mon'), await report('tue')]).toEqual(['mon no. 3', 'tue no. 2']);
  });

  it('without a cache nothing is found or deleted, refresh runs the function, and the process warns once', async () => {
    const name = cacheName();
    const warnings = hearWarnings(name);
    const report = counting(name);
    expect([await report.peek('mon'), await report.refresh('mon'), await report.invalidate('mon')]).toEqual([
      undefined,
      'mon no. 1',
      false,
    ]);
    expect(await warnings()).toHaveLength(1);
  });
});

function refuse(): never {
  throw new Error('There is always a function');
}
