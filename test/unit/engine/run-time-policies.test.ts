import { describe, expect, it } from 'vitest';
import { cached } from '../../../src/decorators/cached-function.js';
import type { CallOptions } from '../../../src/engine/given-call.js';
import { ConfigurationError } from '../../../src/errors.js';
import type { PolicyProvider, ProvidedPolicy } from '../../../src/ports/policy-provider.js';
import { Gate, TestCluster, turnOfTheLoop } from '../../support/test-cache.js';

function counting() {
  let loads = 0;
  return async (): Promise<number> => {
    loads += 1;
    return loads;
  };
}

const POLICY = Object.freeze({ useCase: 'Products.find', keyType: 'product', ttl: '1h' } as const);

/** A cache whose provider answers what the test says at that time. */
async function open(answer: PolicyProvider) {
  const cluster = new TestCluster();
  return { cluster, ...(await cluster.process({ policyProvider: answer })) };
}

describe('INVARIANT 34: the run-time provider', () => {
  it('switches a use case off with null: from the next call on, local copies included, and on again', async () => {
    const said: { now: ProvidedPolicy } = { now: undefined };
    const { cache, cluster, recorder } = await open(() => said.now);
    const load = counting();
    const call = (): Promise<number> => cache.getOrSet('k', load, POLICY);
    expect([await call(), await call()]).toEqual([1, 1]);
    said.now = null;
    cluster.clock.advance(5_000);
    expect(await call()).toBe(1); // takes what was known last, and asks
    await cache.idle();
    expect([await call(), await cache.get('k', { useCase: POLICY.useCase, keyType: 'product' })]).toEqual([
      2,
      undefined,
    ]);
    expect(recorder.of('bypass').map(({ reason }) => reason)).toEqual(['provider', 'provider']);
    said.now = undefined;
    cluster.clock.advance(5_000);
    await call();
    await cache.idle();
    expect(await call()).toBe(1);
  });

  it('is told the use case, its key type and the cache; one without a name is none of its business', async () => {
    const asked: unknown[] = [];
    const { cache } = await open((useCase, info) => {
      asked.push([useCase, info]);
      return undefined;
    });
    await cache.getOrSet('k', counting(), POLICY);
    await cache.getOrSet('other', counting(), { ttl: '1h' });
    expect(asked).toEqual([['Products.find', { keyType: 'product', cache: cache.name }]]);
  });

  it('leaves `fallback` and `unless` the arguments of a method', async () => {
    const { cache } = await open(() => ({ ttl: '1m' }));
    const asked: unknown[] = [];
    const method = cached(
      async (id: number) => {
        if (id === 0) throw new Error('down');
        return id;
      },
      {
        key: 'k:{id}',
        ttl: '1h',
        cache: cache.name,
        useCase: 'A',
        fallback: (_error: unknown, id: number) => `fallback of ${id}`,
        unless: (_value: unknown, id: number) => asked.push(id) === 0,
      },
    );
    expect([await method(0), await method(7), asked]).toEqual(['fallback of 0', 7, [7]]);
  });

  it('changes lifetimes and tiers; what the call itself says lies over them', async () => {
    const { cache, cluster, recorder } = await open(() => ({ ttl: '1m', tiers: 'shared', jitter: 0 }));
    await cache.getOrSet('k', counting(), { useCase: 'A' });
    expect(recorder.of('write').map(({ tiers }) => tiers)).toEqual(['shared']);
    cluster.clock.advance(60_001);
    expect(await cache.get('k')).toBeUndefined();
    await cache.getOrSet('own', counting(), { useCase: 'A', ttl: '1h' });
    cluster.clock.advance(60_001);
    expect(await cache.get('own')).toBe(1);
  });

  it('the tiers a call names are looked at, whatever the provider says; what it does not name is the provider’s', async () => {
    const said: { now: ProvidedPolicy } = { now: undefined };
    const { cache, cluster, recorder } = await open(() => said.now);
    const tiersOfHits = async (options: CallOptions): Promise<unknown> => {
      recorder.clear();
      const { tiers, consistency, useCase } = options;
      await cache.getOrSet('k', counting(), options);
      await cache.get('k', { tiers, consistency, useCase });
      await cache.getMany(['k'], { tiers, consistency, useCase });
      await cache.getOrSetMany(['k'], async () => new Map([['k', 1]]), options);
      return recorder.of('hit').map(({ tier }) => tier);
    };
    await cache.getOrSet('k', counting(), { ttl: '1h' });
    const answers: Record<string, unknown> = {};
    for (const now of [undefined, { tiers: 'both' }, { tiers: 'shared' }, { consistency: 'strong' }] as const) {
      said.now = now;
      cluster.clock.advance(5_000);
      await cache.getOrSet('k', counting(), { useCase: 'A', ttl: '1h' });
      await cache.idle();
      for (const own of [{}, { tiers: 'shared' }, { tiers: 'both' }, { consistency: 'eventual' }] as const)
        answers[`${JSON.stringify(own)} over ${JSON.stringify(now)}`] = await tiersOfHits({
          ...own,
          useCase: 'A',
          ttl: '1h',
        });
    }
    const [local, shared] = ['local', 'shared'].map((tier) => Array.from({ length: 4 }, () => tier));
    expect(answers).toEqual({
      '{} over undefined': local,
      '{"tiers":"shared"} over undefined': shared,
      '{"tiers":"both"} over undefined': local,
      '{"consistency":"eventual"} over undefined': local,
      '{} over {"tiers":"both"}': local,
      '{"tiers":"shared"} over {"tiers":"both"}': shared,
      '{"tiers":"both"} over {"tiers":"both"}': local,
      '{"consistency":"eventual"} over {"tiers":"both"}': local,
      '{} over {"tiers":"shared"}': shared,
      '{"tiers":"shared"} over {"tiers":"shared"}': shared,
      '{"tiers":"both"} over {"tiers":"shared"}': local,
      '{"consistency":"eventual"} over {"tiers":"shared"}': shared,
      '{} over {"consistency":"strong"}': shared,
      '{"tiers":"shared"} over {"consistency":"strong"}': shared,
      '{"tiers":"both"} over {"consistency":"strong"}': shared,
      '{"consistency":"eventual"} over {"consistency":"strong"}': local,
    });
  });

  it('ramps: a key in no tier runs its method, one in the local tier only is found by this process only', async () => {
    const said = { now: { ramp: { local: 100, shared: 0 } } as ProvidedPolicy };
    const { cache, cluster, recorder } = await open(() => said.now);
    const second = await cluster.process();
    const load = counting();
    const call = (): Promise<number> => cache.getOrSet('k', load, POLICY);
    expect([await call(), await call()]).toEqual([1, 1]);
    expect(await second.cache.get('k')).toBeUndefined();
    said.now = { ramp: { local: 0, shared: 0 } };
    cluster.clock.advance(5_000);
    await call();
    await cache.idle();
    recorder.clear();
    expect([await call(), await call()]).toEqual([3, 4]);
    expect(recorder.of('bypass').map(({ reason }) => reason)).toEqual(['ramp', 'ramp']);
  });

  it('a ramp that names one tier leaves the other to the code: nothing is switched on that nobody has named', async () => {
    const said: { now: ProvidedPolicy } = { now: undefined };
    const { cache, cluster, recorder } = await open(() => said.now);
    const off = { useCase: 'Off', ttl: '1h', ramp: { local: 0, shared: 0 }, cache: cache.name } as const;
    const method = cached(counting(), { ...off, key: 'k' });
    const writes = async (now: ProvidedPolicy): Promise<unknown[]> => {
      said.now = now;
      cluster.clock.advance(5_000);
      await method();
      await cache.idle();
      await cache.clear();
      recorder.clear();
      await method();
      return recorder.of('write').map(({ tiers }) => tiers);
    };
    expect(await writes(undefined)).toEqual([]);
    expect(await writes({ ramp: { shared: 100 } })).toEqual(['shared']);
    expect(await writes({ ramp: { local: 100 } })).toEqual(['local']);
    expect(await writes({ ramp: { local: 100, shared: 100 } })).toEqual(['both']);
    expect(await writes({})).toEqual([]);
  });

  it('a ramp that a call names itself lies over the provider’s, tier by tier', async () => {
    const { cache, recorder } = await open(() => ({ ramp: { local: 0, shared: 0 } }));
    await cache.getOrSet('k', counting(), { ...POLICY, ramp: { shared: 100 } });
    await cache.getOrSetMany(['l'], async () => [1], { ...POLICY, ramp: { local: 100 } });
    expect(recorder.of('write').map(({ tiers }) => tiers)).toEqual(['shared', 'local']);
  });

  it('one that is slow delays no call: the policy of the code is in force until it answers', async () => {
    const gate = new Gate<ProvidedPolicy>();
    const { cache, cluster } = await open(gate.load);
    const load = counting();
    const call = (): Promise<number> => cache.getOrSet('k', load, POLICY);
    expect([await call(), await call()]).toEqual([1, 1]);
    expect(gate.calls).toBe(1);
    gate.open(null);
    await cache.idle();
    expect(await call()).toBe(2);
    cluster.clock.advance(5_000);
    expect([await call(), await call()]).toEqual([3, 4]);
    expect(gate.calls).toBe(2);
    // It never answers: what was known stays, and it is asked again later.
    await cluster.clock.advanceAsync(10_001);
    expect(await call()).toBe(5);
    await cluster.clock.advanceAsync(5_000);
    await call();
    await turnOfTheLoop();
    expect(gate.calls).toBe(3);
    gate.open(undefined);
    gate.open(undefined);
    await cache.idle();
    expect(await call()).toBe(1);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('no provider');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no provider'))],
    ['answers nonsense', () => ({ ttl: -1 })],
    ['answers what cannot change at run time', () => ({ tags: ['x'] })],
  ] as const)('one that %s fails no call, and is reported', async (_how, fail) => {
    const said = { now: () => null as unknown };
    const { cache, cluster, recorder } = await open(() => said.now() as ProvidedPolicy);
    const load = counting();
    const call = (): Promise<number> => cache.getOrSet('k', load, POLICY);
    expect(await call()).toBe(1);
    said.now = fail;
    cluster.clock.advance(5_000);
    await call();
    await cache.idle();
    expect(await call()).toBe(3); // still off: what was known last
    expect(recorder.of('error')).toMatchObject([{ operation: 'policy', useCase: 'Products.find' }]);
    expect(recorder.of('bypass')).toHaveLength(3);
  });

  it('is asked at most once in five seconds for a use case, however many call', async () => {
    let asked = 0;
    const { cache, cluster } = await open(async () => {
      asked += 1;
      return undefined;
    });
    const load = counting();
    for (let second = 0; second < 10; second += 1) {
      await Promise.all(Array.from({ length: 20 }, () => cache.getOrSet('k', load, POLICY)));
      await cache.idle();
      cluster.clock.advance(1_000);
    }
    expect(asked).toBe(2);
  });

  it('anything but a function is refused', async () => {
    await expect(new TestCluster().process({ policyProvider: 5 as never })).rejects.toThrow(ConfigurationError);
  });
});
