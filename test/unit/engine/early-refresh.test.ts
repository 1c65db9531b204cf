import { describe, expect, it } from 'vitest';
import type { CallOptions } from '../../../src/engine/given-call.js';
import type { LoadContext } from '../../../src/engine/load-context.js';
import { TestCluster } from '../../support/test-cache.js';

const EARLY: CallOptions = { ttl: '1h', jitter: 0, earlyTtl: '80%', backoff: '30s' };
const MINUTE = 60_000;

/** Two processes that hold the same entry, which is early; `attempt` reads it in both, with one loader, until all is quiet. */
async function early(policy: CallOptions, load: (context: LoadContext) => unknown) {
  const cluster = new TestCluster();
  const [here, there] = [await cluster.process({ localLease: '1d' }), await cluster.process({ localLease: '1d' })];
  for (const { cache } of [here, there]) await cache.getOrSet('k', () => 'old', policy);
  cluster.clock.advance(50 * MINUTE);
  const loads = { runs: 0 };
  const loader = (context: LoadContext): unknown => {
    loads.runs += 1;
    return load(context);
  };
  const attempt = async (options = policy): Promise<unknown[]> => {
    const answers: unknown[] = [];
    for (const { cache } of [here, there, here, there]) {
      answers.push(await cache.getOrSet('k', loader, options));
      await cache.idle();
    }
    return [...new Set(answers)];
  };
  return { cluster, here, there, loads, attempt };
}

describe('INVARIANT 19: an early refresh that was in vain', () => {
  const unaccepted: CallOptions = { ...EARLY, exceptions: [RangeError] };
  const fails = (): never => {
    throw new TypeError('the program is wrong');
  };

  const keepsNothing = (load: LoadContext): void => {
    load.skip();
  };

  it.each([
    ['fails with an error that `exceptions` accepts', EARLY, () => Promise.reject(new Error('down'))],
    ['fails with one that it does not accept', unaccepted, fails],
    ['fails with an error of the program', EARLY, fails],
    ['says that nothing is to be kept', EARLY, keepsNothing],
    ['answers what `unless` refuses', { ...EARLY, unless: (value: unknown) => value === 'no' }, () => 'no'],
    ['answers what has no encoding', EARLY, () => () => 'a function'],
    ['fails in a local tier alone', { ...unaccepted, tiers: 'local' }, fails],
  ] as const)('one that %s is tried once in a backoff', async (_how, policy, load) => {
    const { cluster, loads, attempt } = await early(policy, load);
    // A tier that is this process's own has a window of its own.
    const once = 'tiers' in policy ? 2 : 1;
    expect([await attempt(), loads.runs]).toEqual([['old'], once]);
    cluster.clock.advance(29_999);
    expect([await attempt(), loads.runs]).toEqual([['old'], once]);
    cluster.clock.advance(2);
    expect([await attempt(), loads.runs]).toEqual([['old'], 2 * once]);
  });

  type Early = Awaited<ReturnType<typeof early>>;
  const outdated: readonly (readonly [how: string, end: (process: Early) => unknown])[] = [
    ['the value is no longer fresh', ({ cluster }) => cluster.clock.advance(10 * MINUTE)],
    ['it was expired', ({ here }) => here.cache.expire('k')],
    ['its tag was', ({ here }) => here.cache.invalidateTags(['t'], { stale: true })],
  ];

  describe.each(outdated)('INVARIANT 16: when %s', (_how, end) => {
    it.each([
      ['', {}],
      [', in a local tier alone', { tiers: 'local' }],
    ] as const)('an error that is not accepted is hidden by no pause%s', async (_where, tiers) => {
      const policy: CallOptions = { ...unaccepted, ...tiers, tags: ['t'], grace: '1h', backoff: '2h' };
      const process = await early(policy, fails);
      expect(await process.attempt()).toEqual(['old']);
      const runs = process.loads.runs;
      await end(process);
      await expect(process.attempt()).rejects.toThrow('the program is wrong');
      expect(process.loads.runs).toBe(runs + 1);
    });

    it('an accepted one is: its pause goes on', async () => {
      const policy: CallOptions = { ...EARLY, tags: ['t'], grace: '1h', backoff: '20m' };
      const process = await early(policy, () => Promise.reject(new Error('down')));
      await process.attempt();
      await end(process);
      expect([await process.attempt(), process.loads.runs]).toEqual([['old'], 1]);
    });
  });
});

describe('INVARIANT 19: sliding', () => {
  it('one refresh per window in the cluster, also for an entry that is read all the time', async () => {
    const policy: CallOptions = { ttl: Infinity, sliding: '20m', earlyTtl: '80%', jitter: 0 };
    const cluster = new TestCluster();
    const processes = [await cluster.process(), await cluster.process(), await cluster.process()];
    let loads = 0;
    const load = (): number => {
      loads += 1;
      return loads;
    };
    // One window is 16 minutes; reads come every minute, in every process, and each finds the entry fresh or early.
    const seen: number[] = [];
    for (let minute = 0; minute < 5 * 16 + 2; minute += 1) {
      for (const { cache } of processes) {
        await cache.getOrSet('k', load, policy);
        await cache.idle();
      }
      seen.push(loads);
      cluster.clock.advance(MINUTE);
    }
    expect([seen[15], seen[16], seen[31], seen[32], seen[80]]).toEqual([1, 2, 2, 3, 6]);
    const totals = processes.map(({ cache }) => cache.stats());
    expect(totals.reduce((sum, { misses }) => sum + misses, 0)).toBe(1);
  });
});
