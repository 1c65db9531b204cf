/** Calls for many keys: what happens to their keys while the shared tier is read for all of them, and what is in the local tier. */
import { describe, expect, it } from 'vitest';
import type { LoadContext } from '../../../src/engine/load-context.js';
import { TestCluster, turnOfTheLoop } from '../../support/test-cache.js';

/** A cache whose reads of the shared tier are answered when the test says so, as they were when they were made. */
async function openHeld() {
  const cluster = new TestCluster();
  const own = cluster.store();
  const held: (() => void)[] = [];
  let holds = true;
  const one = await cluster.process(
    { local: false, timeouts: { read: '1m' } },
    {
      read: async (id) => {
        const answer = await own.read(id);
        if (holds) await new Promise<void>((resolve) => held.push(resolve));
        return answer;
      },
    },
  );
  const release = (): void => {
    for (const answer of held.splice(0)) answer();
  };
  /** Resolves when so many reads wait for their answer; later ones do not. */
  const hold = async (reads: number): Promise<void> => {
    while (held.length < reads) await turnOfTheLoop();
    holds = false;
  };
  return { ...one, hold, release };
}

/** A loader of a value that is kept nowhere: only who sees its flight has it. */
function unkept(value: string): (load: LoadContext) => string {
  return (load) => {
    load.skip();
    return value;
  };
}

describe('while the shared tier is read for many keys', () => {
  it('a flight that began and ended meanwhile answers for its key: nothing is loaded twice', async () => {
    const { cache, hold, release } = await openHeld();
    const asked: (readonly string[])[] = [];
    const load = async (keys: readonly string[]): Promise<string[]> => {
      asked.push(keys);
      return keys.map((key) => `loaded ${key}`);
    };
    const many = cache.getOrSetMany(['a', 'b'], load);
    await hold(2);
    expect(await cache.getOrSet('a', unkept('flown'))).toBe('flown');
    release();
    expect(await many).toEqual(
      new Map([
        ['a', 'flown'],
        ['b', 'loaded b'],
      ]),
    );
    expect(asked).toEqual([['b']]);
    expect(cache.stats().underWay.keys).toBe(0);
  });

  it('INVARIANT 5: a flight that had ended before the call is not for it', async () => {
    const { cache, hold, release } = await openHeld();
    const first = cache.getOrSet('a', () => 'never asked');
    await hold(1);
    expect(await cache.getOrSet('a', unkept('before'))).toBe('before');
    // The first caller is still waiting for its read, so the flight is remembered.
    const values = await cache.getOrSetMany(['a', 'b'], async (keys) => keys.map((key) => `after ${key}`));
    expect([...values.values()]).toEqual(['after a', 'after b']);
    release();
    // It came before both, and takes what is youngest.
    expect(await first).toBe('after a');
    expect(cache.stats().underWay.keys).toBe(0);
  });
});

describe('of many keys, those in the local tier', () => {
  it('are answered by what they are: fresh, sliding, early, kept failures and local ones, each counted once', async () => {
    const cluster = new TestCluster();
    const { cache, recorder } = await cluster.process({ localLease: '1h' });
    const other = await cluster.process();
    await cache.set('plain', 'plain');
    await cache.set('sliding', 'sliding', { sliding: '1m' });
    await cache.getOrSet('early', () => 'early', { ttl: '1m', earlyTtl: '10s', jitter: 0 });
    await cache.set('home', 'home', { tiers: 'local' });
    const failing = (): never => {
      throw new RangeError('kept');
    };
    const keeping = { ttl: '1m', cacheErrors: { ttl: '1m', classes: [RangeError] } };
    await expect(cache.getOrSet('failed', failing, keeping)).rejects.toThrow('kept');
    await other.cache.set('shared', 'shared');
    await cluster.clock.advanceAsync(20_000);
    const before = cache.stats();
    const heard = recorder.events.length;
    const loaded: (readonly string[])[] = [];
    const load = async (asked: readonly string[]): Promise<string[]> => {
      loaded.push(asked);
      return asked.map((key) => `loaded ${key}`);
    };
    const keys = ['plain', 'sliding', 'early', 'home', 'failed', 'shared', 'missing'];
    const values = await cache.getOrSetMany(keys, load, { ttl: '1m', earlyTtl: '10s', jitter: 0 });
    expect([...values.values()]).toEqual([
      'plain',
      'sliding',
      'early',
      'home',
      'loaded failed',
      'shared',
      'loaded missing',
    ]);
    await cache.idle();
    expect(new Set(loaded)).toEqual(new Set([['failed', 'missing'], ['early']]));
    const answers = recorder.events.slice(heard).filter(({ type }) => type === 'hit' || type === 'miss');
    expect(
      answers.map((event) => `${event.key} ${'tier' in event ? `${event.tier} ${event.state}` : event.type}`).sort(),
    ).toEqual([
      'early local early',
      'failed miss',
      'home local fresh',
      'missing miss',
      'plain local fresh',
      'shared shared fresh',
      'sliding local fresh',
    ]);
    const { calls, fresh, early, misses, localHits, sharedHits } = cache.stats();
    expect([calls - before.calls, fresh - before.fresh, early - before.early, misses - before.misses]).toEqual([
      7, 4, 1, 2,
    ]);
    expect([localHits - before.localHits, sharedHits - before.sharedHits]).toEqual([4, 1]);
    // The sliding window was renewed, in both tiers.
    expect((await cache.getEntry('sliding'))?.freshFor).toBe(60_000);
  });

  it('are counted without an observer as with one', async () => {
    const { cache } = await new TestCluster().process({ observer: [] });
    await cache.setMany([
      ['a', 1],
      ['b', 2],
    ]);
    expect([...(await cache.getMany(['a', 'b', 'c', 'a'])).values()]).toEqual([1, 2]);
    const { calls, fresh, misses, localHits } = cache.stats();
    expect({ calls, fresh, misses, localHits }).toEqual({ calls: 3, fresh: 2, misses: 1, localHits: 2 });
  });
});

interface Row {
  readonly at: Date;
  readonly tags: string[];
}

describe('values of many keys', () => {
  it.each([
    ['without a local tier', { local: false }],
    ['with one', {}],
  ] as const)("INVARIANT 24: are nobody else's to change, %s", async (_, options) => {
    const { cache } = await new TestCluster().process(options);
    const values = ['a', 'b'].map((key): [string, Row] => [key, { at: new Date(0), tags: ['t'] }]);
    await cache.setMany(values);
    const load = (): never => {
      throw new Error('asked for something');
    };
    const reads = [() => cache.getMany<Row>(['a', 'b']), () => cache.getOrSetMany<Row>(['a', 'b'], load)];
    for (let time = 0; time < 2; time += 1) {
      const answers = await Promise.all(reads.flatMap((read) => [read(), read()]));
      for (const answer of answers) {
        expect([...answer]).toEqual(values);
        for (const value of answer.values()) {
          value.at.setTime(1);
          value.tags.push('changed');
        }
      }
    }
  });
});
