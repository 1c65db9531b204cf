import { beforeEach, describe, expect, it } from 'vitest';
import type { CacheOptions } from '../../../src/cache-options.js';
import { CodecError, ConfigurationError, StoreError } from '../../../src/errors.js';
import { Chaos, type FakeClock, type Trouble } from '../../../src/testing/main.js';
import { type TestCache, TestCluster, turnOfTheLoop } from '../../support/test-cache.js';

/** Ways in which a store fails. */
const TROUBLES = {
  well: {},
  refused: { throws: 1 },
  silent: { hangs: 1 },
  'own fault': { throws: 1, error: () => new StoreError('bad row', { outcome: 'failed', blame: 'call' }) },
  'foreign error': { throws: 1, error: () => new CodecError('UNENCODABLE_VALUE', 'not the store') },
} satisfies Record<string, Trouble>;

/** A store whose calls fail as told, counted. */
class Fault {
  readonly chaos: Chaos;
  #before = 0;

  constructor(clock: FakeClock) {
    this.chaos = new Chaos({ clock });
  }

  set how(how: keyof typeof TROUBLES) {
    this.chaos.trouble = TROUBLES[how];
  }

  /** Calls of the store since this was last called. */
  forget(): void {
    this.#before += this.calls;
  }

  get calls(): number {
    return Object.values(this.chaos.happened).reduce((sum, times) => sum + times, 0) - this.#before;
  }
}

let cluster: TestCluster;
let fault: Fault;

beforeEach(() => {
  cluster = new TestCluster();
  fault = new Fault(cluster.clock);
});

async function open(options: CacheOptions = {}): Promise<TestCache> {
  return await cluster.process({ local: false, ...options, store: fault.chaos.store(cluster.store()) });
}

/** Fails until the breaker is open. */
async function trip({ cache }: TestCache): Promise<void> {
  fault.how = 'refused';
  for (let call = 0; call < 5; call += 1) {
    expect(cache.stats().store.breaker).toBe('closed');
    await cache.get('missing');
  }
  expect(cache.stats().store).toMatchObject({ breaker: 'open', health: 'failing' });
  fault.forget();
}

describe('INVARIANT 27: while the breaker is open', () => {
  it('calls run their loader at once and do not ask the store', async () => {
    const opened = await open();
    await trip(opened);
    fault.how = 'silent';
    opened.recorder.clear();
    expect(await Promise.all(['a', 'b', 'a'].map((key) => opened.cache.getOrSet(key, () => key)))).toEqual([
      'a',
      'b',
      'a',
    ]);
    expect(await opened.cache.get('a')).toBeUndefined();
    expect(fault.calls).toBe(0);
    expect(opened.recorder.of('bypass').map(({ reason }) => reason)).toEqual(Array(4).fill('breaker'));
    expect(opened.recorder.count('error')).toBe(0);
    expect(opened.recorder.count('miss')).toBe(0);
  });

  it('a loader that throws rejects the call, counted as bypassed', async () => {
    const opened = await open();
    await trip(opened);
    await expect(opened.cache.getOrSet('a', () => Promise.reject(new Error('origin')))).rejects.toThrow('origin');
    const { calls, fresh, early, stale, misses, bypassed } = opened.cache.stats();
    expect(bypassed).toBe(1);
    expect(calls).toBe(fresh + early + stale + misses + bypassed);
  });

  it('the local tier answers within its lease, and what is loaded is kept there as long', async () => {
    const opened = await open({ local: {} });
    await opened.cache.set('k', 'stored');
    fault.how = 'refused';
    for (let call = 0; call < 5; call += 1) await opened.cache.get('missing');
    expect(await opened.cache.getOrSet('k', () => 'loaded')).toBe('stored');
    expect(await opened.cache.getOrSet('other', () => 1)).toBe(1);
    expect(await opened.cache.getOrSet('other', () => 2)).toBe(1);
    cluster.clock.advance(1_000);
    fault.how = 'silent';
    expect(await opened.cache.getOrSet('other', () => 3)).toBe(1);
    expect(opened.cache.stats().store.breaker).toBe('open');
  });

  it('calls that carry correctness reject at once, and hide what they were about in this process', async () => {
    const opened = await open({ local: {} });
    await opened.cache.set('k', 'old', { tags: ['t'] });
    await trip(opened);
    fault.how = 'silent';
    const { cache } = opened;
    const writes = [
      cache.set('k', 1),
      cache.delete('k'),
      cache.expire('k'),
      cache.invalidateTags('t'),
      cache.clear(),
      cache.touch('k'),
    ];
    for (const write of await Promise.allSettled(writes))
      expect(write).toMatchObject({ reason: { code: 'STORE_FAILED', outcome: 'failed' } });
    expect(fault.calls).toBe(0);
    expect(await cache.get('k')).toBeUndefined();
  });

  it('what decorated methods have made invalid is owed, and paid when the store answers', async () => {
    const opened = await open();
    const other = await cluster.process();
    await opened.cache.set('k', 'old', { tags: ['t'] });
    await trip(opened);
    await opened.cache.invalidateTagsSurely(['t'], 'delete');
    expect(opened.cache.stats().owed).toBe(1);
    fault.how = 'well';
    await cluster.clock.advanceAsync(10_000);
    expect(opened.cache.stats()).toMatchObject({ owed: 0, store: { breaker: 'closed' } });
    cluster.clock.advance(5_000);
    expect(await other.cache.get('k')).toBeUndefined();
  });
});

describe('the way back', () => {
  it('one call tries the store when the time has come; the others do not wait for it', async () => {
    const opened = await open();
    await trip(opened);
    fault.how = 'silent';
    cluster.clock.advance(2_000);
    const probe = opened.cache.getOrSet('probe', () => 'probe');
    expect(opened.cache.stats().store.breaker).toBe('half-open');
    expect(await opened.cache.getOrSet('other', () => 'other')).toBe('other');
    expect(fault.calls).toBe(1);
    await cluster.clock.advanceAsync(251);
    expect(await probe).toBe('probe');
    expect(opened.cache.stats().store.breaker).toBe('open');
  });

  it('it closes with the first answer, tells observers, and caches again', async () => {
    const opened = await open();
    await trip(opened);
    fault.how = 'well';
    cluster.clock.advance(2_000);
    expect(await opened.cache.getOrSet('k', () => 1)).toBe(1);
    expect(await opened.cache.getOrSet('k', () => 2)).toBe(1);
    expect(opened.cache.stats().store).toEqual({ kind: 'memory', health: 'well', breaker: 'closed' });
    expect(opened.recorder.of('breaker').map(({ state }) => state)).toEqual(['open', 'closed']);
    expect(opened.warnings.filter((warning) => warning.includes('without it'))).toHaveLength(1);
  });
});

describe('what counts', () => {
  it('silence counts: after five deadlines nobody waits any more, however many called', async () => {
    const opened = await open();
    fault.how = 'silent';
    for (let round = 0; round < 5; round += 1) {
      expect(opened.cache.stats().store.breaker).toBe('closed');
      const calls = Promise.all(Array.from({ length: 20 }, (_, n) => opened.cache.getOrSet(`${round} ${n}`, () => n)));
      await turnOfTheLoop();
      await cluster.clock.advanceAsync(251);
      await calls;
    }
    expect(opened.cache.stats().store.breaker).toBe('open');
  });

  it.each(['own fault', 'foreign error'] as const)(
    'a call that failed for a reason of its own (%s) does not',
    async (how) => {
      const opened = await open();
      fault.how = how;
      for (let call = 0; call < 20; call += 1) await opened.cache.get('k');
      expect(opened.cache.stats()).toMatchObject({ errors: 20, store: { breaker: 'closed', health: 'well' } });
    },
  );

  it('`breaker` says how many, and how long; nonsense is refused', async () => {
    const opened = await open({ breaker: { failures: 1, probeAfter: '1m' } });
    fault.how = 'refused';
    fault.forget();
    await opened.cache.get('k');
    cluster.clock.advance(59_999);
    await opened.cache.get('k');
    expect(fault.calls).toBe(1);
    cluster.clock.advance(1);
    await opened.cache.get('k');
    expect(fault.calls).toBe(2);
    await expect(open({ breaker: { failures: 0 } })).rejects.toThrow(ConfigurationError);
    await expect(open({ breaker: { probeAfter: 0 } })).rejects.toThrow(
      'Expected `breaker.probeAfter` to be a positive duration',
    );
  });
});
