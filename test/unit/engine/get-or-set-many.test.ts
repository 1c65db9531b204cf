/** Loading many keys in one call of one loader, with every promise of a single load kept for each of them. */
import { describe, expect, it } from 'vitest';
import { StoreError } from '../../../src/errors.js';
import { ManyGate } from '../../support/many-gate.js';
import { TestCluster, turnOfTheLoop } from '../../support/test-cache.js';

async function lookAgain(cluster: TestCluster): Promise<void> {
  for (let look = 0; look < 5; look += 1) await cluster.clock.advanceAsync(100);
}

async function open() {
  const cluster = new TestCluster();
  return { ...(await cluster.process()), cluster };
}

const loaded = (keys: readonly string[]) => keys.map((key) => [key, `loaded ${key}`]);
const answer = async (keys: readonly string[]) => keys.map((key) => `loaded ${key}`);
const never = (): Promise<never> => Promise.reject(new Error('asked for something'));

/** A Kysely-like database without anything in it. */
const db = {
  transaction: () => ({ execute: <T>(work: (trx: string) => Promise<T>): Promise<T> => work('trx') }),
};

describe('getOrSetMany', () => {
  it('loads what is missing, all in one call, and answers in the order asked, each key once', async () => {
    const { cache, cluster } = await open();
    await cache.set('b', 'stored');
    const other = await cluster.process();
    await other.cache.get('b');
    for (const reader of [cache, other.cache]) {
      const asked: (readonly string[])[] = [];
      const values = await reader.getOrSetMany(['c', 'b', 'a', 'c'], async (keys) => {
        asked.push(keys);
        return answer(keys);
      });
      expect([...values]).toEqual([
        ['c', 'loaded c'],
        ['b', 'stored'],
        ['a', 'loaded a'],
      ]);
      expect(asked).toEqual(reader === cache ? [['c', 'a']] : []);
    }
    expect(await cache.getMany(['a', 'b', 'c'])).toEqual(
      new Map(Object.entries({ a: 'loaded a', b: 'stored', c: 'loaded c' })),
    );
  });

  it('a Map may leave out what there is none of; undefined is the same in an array: neither is stored', async () => {
    const { cache } = await open();
    const some = await cache.getOrSetMany(['a', 'b', 'c'], async () => new Map([['b', 1]]));
    expect([...some]).toEqual([['b', 1]]);
    const asked: (readonly string[])[] = [];
    const more = await cache.getOrSetMany(['a', 'b', 'c'], async (keys) => {
      asked.push(keys);
      return [undefined, null];
    });
    expect([[...more], asked]).toEqual([
      [
        ['b', 1],
        ['c', null],
      ],
      [['a', 'c']],
    ]);
    expect(await cache.getOrSetMany(['c'], never)).toEqual(new Map([['c', null]]));
  });

  it('INVARIANT 12: overlapping calls load each key once, [1,2,3] and [2,3,4], and single calls join them', async () => {
    const { cache } = await open();
    const gate = new ManyGate();
    const first = cache.getOrSetMany(['1', '2', '3'], gate.load);
    await gate.begun();
    const second = cache.getOrSetMany(['2', '3', '4'], gate.load);
    await gate.begun(2);
    const single = cache.getOrSet('1', never);
    gate.open();
    gate.open();
    expect([...(await first)]).toEqual(loaded(['1', '2', '3']));
    expect([...(await second)]).toEqual(loaded(['2', '3', '4']));
    expect(await single).toBe('loaded 1');
    expect(gate.asked).toEqual([['1', '2', '3'], ['4']]);
  });

  it('a load of one key by a single call is waited for, and does not hold up the others', async () => {
    const { cache } = await open();
    let release: (value: string) => void = () => undefined;
    const single = cache.getOrSet('2', () => new Promise<string>((resolve) => (release = resolve)));
    await turnOfTheLoop();
    const gate = new ManyGate();
    const many = cache.getOrSetMany(['1', '2', '3'], gate.load);
    await gate.begun();
    gate.open();
    await turnOfTheLoop();
    release('single');
    expect([...(await many)].map(([, value]) => value)).toEqual(['loaded 1', 'single', 'loaded 3']);
    expect([await single, gate.asked]).toEqual(['single', [['1', '3']]]);
  });

  it('INVARIANT 12: across processes too, whatever the order: nobody waits for who waits for him', async () => {
    const cluster = new TestCluster();
    const [here, there] = [(await cluster.process()).cache, (await cluster.process()).cache];
    const gate = new ManyGate();
    const first = here.getOrSetMany(['1', '2', '3'], gate.load);
    const second = there.getOrSetMany(['4', '3', '2'], gate.load);
    await gate.begun(2);
    await lookAgain(cluster);
    gate.open();
    gate.open();
    await turnOfTheLoop();
    await lookAgain(cluster);
    expect([...(await first)]).toEqual(loaded(['1', '2', '3']));
    expect([...(await second)]).toEqual(loaded(['4', '3', '2']));
    expect(gate.asked.flat().sort()).toEqual(['1', '2', '3', '4']);
  });

  it('what another process failed to load is loaded in a later call of the loader', async () => {
    const cluster = new TestCluster();
    const [here, there] = [(await cluster.process()).cache, (await cluster.process()).cache];
    const [theirs, ours] = [new ManyGate(), new ManyGate()];
    const failing = there.getOrSetMany(['1', '2'], theirs.load).catch((error: unknown) => error);
    await theirs.begun();
    const many = here.getOrSetMany(['1', '2', '3'], ours.load);
    await ours.begun();
    theirs.fail(new Error('down'));
    expect(await failing).toEqual(new Error('down'));
    await lookAgain(cluster);
    await ours.begun(2);
    ours.open();
    ours.open();
    expect([...(await many)]).toEqual(loaded(['1', '2', '3']));
    expect(ours.asked).toEqual([['3'], ['1', '2']]);
  });

  it('a failing loader rejects its callers once; the next call tries again', async () => {
    const { cache } = await open();
    const gate = new ManyGate();
    const failures = [
      ['1', '2'],
      ['2', '1'],
    ].map((keys) => cache.getOrSetMany(keys, gate.load).catch((error: unknown) => error));
    await gate.begun();
    gate.fail(new Error('down'));
    expect(await Promise.all(failures)).toEqual([new Error('down'), new Error('down')]);
    expect(gate.asked).toEqual([['1', '2']]);
    expect([...(await cache.getOrSetMany(['1', '2'], answer))]).toEqual(loaded(['1', '2']));
    expect(cache.stats()).toMatchObject({ loads: 4, loadsFailed: 2, underWay: { keys: 0 } });
  });

  it.each<[string, (keys: readonly string[]) => unknown, string]>([
    ['too short an array', (keys) => keys.slice(1), 'asked for 2 values and returned an array of 1'],
    ['too long an array', (keys) => [...keys, 'more'], 'an array of 3'],
    ['a value nobody asked for', () => new Map([['other', 1]]), "returned a value under `'other'` (string)"],
    ['an object', () => ({ a: 1 }), 'to return an array or a Map'],
    ['nothing', () => undefined, 'got `undefined`'],
  ])('%s: a clear error, nothing stored, nothing stale served', async (_, load, message) => {
    const { cache, cluster } = await open();
    await cache.set('a', 'stale', { ttl: '1s', grace: '1h' });
    cluster.clock.advance(2_000);
    const loading = cache.getOrSetMany(['a', 'b'], async (keys) => load(keys) as never);
    await expect(loading).rejects.toMatchObject({
      code: 'UNMATCHED_RESULT',
      message: expect.stringContaining(message),
    });
    expect(await cache.getMany(['a', 'b'])).toEqual(new Map());
  });

  it('INVARIANT 16: stale on error is decided for each key', async () => {
    const { cache, cluster } = await open();
    const policy = { ttl: '1s', grace: '1h', backoff: '30s' };
    await cache.setMany(
      [
        ['1', 'old'],
        ['2', 'old'],
      ],
      policy,
    );
    cluster.clock.advance(2_000);
    await expect(cache.getOrSetMany(['1', 'new'], never, policy)).rejects.toThrow('asked for something');
    // Key 1 is left alone for the backoff, key 2 fails now.
    let calls: (readonly string[])[] = [];
    const failing = (keys: readonly string[]): Promise<never> => {
      calls = [...calls, keys];
      return never();
    };
    expect([...(await cache.getOrSetMany(['1', '2'], failing, policy))]).toEqual([
      ['1', 'old'],
      ['2', 'old'],
    ]);
    expect([...(await cache.getOrSetMany(['1', '2'], failing, policy))]).toHaveLength(2);
    expect(calls).toEqual([['2']]);
    expect(cache.stats()).toMatchObject({ stale: 5 });
  });

  it('INVARIANT 19: entries late in their lives are refreshed together, in the background, while everybody is answered', async () => {
    const { cache, cluster } = await open();
    const policy = { ttl: '10s', earlyTtl: '5s', jitter: 0 };
    await cache.setMany(
      [
        ['1', 'old'],
        ['2', 'old'],
      ],
      policy,
    );
    cluster.clock.advance(6_000);
    await cache.set('3', 'young', policy);
    const gate = new ManyGate();
    const values = await cache.getOrSetMany(['1', '2', '3'], gate.load, policy);
    expect([...values.values()]).toEqual(['old', 'old', 'young']);
    await gate.begun();
    expect(await cache.getOrSetMany(['1', '2'], never, policy)).toEqual(
      new Map([
        ['1', 'old'],
        ['2', 'old'],
      ]),
    );
    gate.open();
    await cache.idle();
    expect(gate.asked).toEqual([['1', '2']]);
    expect([...(await cache.getOrSetMany(['1', '2'], never, policy))]).toEqual(loaded(['1', '2']));
  });

  it('INVARIANT 1: an invalidation during the load refuses what it names and nothing else', async () => {
    const { cache, cluster } = await open();
    const gate = new ManyGate();
    const tagged = async (
      keys: readonly string[],
      load: { at(place: number): { tags(tag: string): void }; signal: AbortSignal },
    ) => {
      for (const [place, key] of keys.entries()) load.at(place).tags(`tag ${key}`);
      return await gate.load(keys, load);
    };
    const loading = cache.getOrSetMany(['1', '2', '3'], tagged);
    await gate.begun();
    await cache.delete('1');
    await cache.invalidateTags('tag 2');
    gate.open();
    expect([...(await loading)]).toEqual(loaded(['1', '2', '3']));
    expect([...(await (await cluster.process()).cache.getMany(['1', '2', '3'])).keys()]).toEqual(['3']);
    expect([...(await cache.getMany(['1', '2', '3'])).keys()]).toEqual(['3']);
  });

  it.each(['tag', 'namespace', 'table'] as const)(
    'INVARIANT 1, 5: the %s is invalidated during the load: nothing is kept, and who calls after it loads anew',
    async (what) => {
      const { cache } = await open();
      const gate = new ManyGate();
      const policy = { tags: ['t'] };
      const older = cache.getOrSetMany(['1', '2'], gate.load, policy);
      await gate.begun();
      await (what === 'tag' ? cache.invalidateTags('t') : what === 'namespace' ? cache.clear() : cache.clearAll());
      const younger = cache.getOrSetMany(['1', '2'], async (keys) => keys.map(() => 'new'), policy);
      gate.open();
      expect([...(await older)]).toEqual(loaded(['1', '2']));
      expect([...(await younger).values()]).toEqual(['new', 'new']);
      expect([...(await cache.getMany(['1', '2'])).values()]).toEqual(['new', 'new']);
    },
  );

  it('INVARIANT 6, 20: inside of a transaction the loader runs for all of them, once, and nothing is kept or joined', async () => {
    const { cache } = await open();
    await cache.set('1', 'stored');
    const asked: (readonly string[])[] = [];
    const inside = await cache.transaction(db, () =>
      cache.getOrSetMany(['1', '2'], async (keys, load) => {
        asked.push(keys);
        load.ttl('1s');
        return answer(keys);
      }),
    );
    expect([...inside]).toEqual(loaded(['1', '2']));
    expect(asked).toEqual([['1', '2']]);
    expect([...(await cache.getMany(['1', '2']))]).toEqual([['1', 'stored']]);
    expect(cache.stats()).toMatchObject({ bypassed: 2, loads: 0 });
  });

  it('INVARIANT 20: a loader that asks for its own keys, alone or together, does not wait for itself', async () => {
    const { cache } = await open();
    const values = await cache.getOrSetMany(['1', '2'], async (keys) => {
      const inner = await cache.getOrSetMany([...keys, '3'], async (more) => more.map((key) => `inner ${key}`));
      const single = await cache.getOrSet('1', async () => 'single');
      return keys.map((key) => `${inner.get(key)} ${inner.get('3')} ${single}`);
    });
    expect([...values.values()]).toEqual(['inner 1 inner 3 single', 'inner 2 inner 3 single']);
    expect([...(await cache.getMany(['3'])).values()]).toEqual(['inner 3']);
  });

  it('INVARIANT 18: with the store down the loader runs once, with everything', async () => {
    const cluster = new TestCluster();
    const down = async (): Promise<never> => {
      throw new StoreError('down', { outcome: 'failed' });
    };
    const { cache } = await cluster.process({}, { read: down, fill: down });
    const asked: (readonly string[])[] = [];
    const values = await cache.getOrSetMany(['1', '2', '3'], async (keys) => {
      asked.push(keys);
      return answer(keys);
    });
    expect([...values]).toEqual(loaded(['1', '2', '3']));
    expect(asked).toEqual([['1', '2', '3']]);
  });

  it('two groups that load anew at once and join each other’s loads do not wait for each other for ever', async () => {
    const cluster = new TestCluster();
    const inner = cluster.store();
    let reads = 0;
    const { cache } = await cluster.process(
      {},
      {
        async read(id) {
          reads += 1;
          // The second key of either group: by then the other group loads it.
          if (reads % 2 === 0) for (let turn = 0; turn < 5; turn += 1) await turnOfTheLoop();
          return await inner.read(id);
        },
      },
    );
    const asked: (readonly string[])[] = [];
    const load = async (keys: readonly string[]): Promise<string[]> => {
      asked.push(keys);
      return await answer(keys);
    };
    const groups = await cache.refresh(() =>
      Promise.all([cache.getOrSetMany(['1', '2'], load), cache.getOrSetMany(['2', '1'], load)]),
    );
    expect(groups.map((values) => [...values])).toEqual([loaded(['1', '2']), loaded(['2', '1'])]);
    expect(asked.flat().sort()).toEqual(['1', '2']);
  });
});
