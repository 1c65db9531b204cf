import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EARLY_DEFAULTS, FAILOVER_DEFAULTS, POLICY_DEFAULTS } from '../../../src/kernel/defaults.js';
import { isAcceptedByDefault } from '../../../src/kernel/exceptions.js';
import type { Policy } from '../../../src/kernel/policy.js';
import { overlayPolicies, resolvePolicy, validatePolicy } from '../../../src/kernel/resolve-policy.js';

const codec = { name: 'test', encode: () => ({ encoding: 'test', body: '' }), decode: () => undefined };

describe('resolvePolicy', () => {
  it('fills in every default', () => {
    expect(resolvePolicy([{ ttl: '5m' }], 'X')).toEqual({
      useCase: undefined,
      keyType: undefined,
      ttl: 300_000,
      sliding: undefined,
      expiresAt: undefined,
      jitter: { share: 0.1, most: 60_000 },
      localTtl: Infinity,
      grace: 0,
      backoff: 30_000,
      early: undefined,
      softTimeout: Infinity,
      hardTimeout: Infinity,
      leaseTimeout: 30_000,
      nullTtl: undefined,
      cacheNull: true,
      tiers: 'both',
      consistency: 'eventual',
      tags: [],
      accepts: isAcceptedByDefault,
      isolation: undefined,
      ramp: undefined,
      codec: undefined,
    });
  });

  it('a ramp lies over another one tier by tier, and one that is none is refused wherever it lies', () => {
    const ramps = (...layers: unknown[]): unknown =>
      resolvePolicy(
        [{ ttl: 1 }, ...layers.map((ramp) => ({ ramp }) as Policy), overlayPolicies([{}, { ramp: undefined }])],
        'X',
      ).ramp;
    expect(ramps({ local: 0, shared: 0 }, { shared: 5 })).toEqual({ local: 0, shared: 5 });
    expect(ramps({ local: 0 }, { shared: 5, local: undefined })).toEqual({ local: 0, shared: 5 });
    expect(ramps({ shared: 5 }, { local: 7 }, { shared: 6 })).toEqual({ local: 7, shared: 6 });
    for (const wrong of [50, [], { lokal: 1 }]) expect(() => ramps({ local: 0 }, wrong)).toThrow(/Expected `ramp/);
  });

  it('turns every option into milliseconds and predicates', () => {
    const policy: Required<Omit<Policy, 'expiresAt'>> = {
      useCase: 'UserService.user',
      keyType: 'user',
      ttl: '1d 12h',
      sliding: '2h',
      jitter: '20%',
      localTtl: '1m',
      grace: '24h',
      backoff: 0,
      earlyTtl: '80%',
      softTimeout: '100ms',
      hardTimeout: '2s',
      leaseTimeout: 0,
      nullTtl: '30s',
      cacheNull: true,
      tiers: 'both',
      consistency: 'strong',
      tags: ['users', 'users', 'people'],
      exceptions: [RangeError],
      isolation: 'cloned',
      ramp: { local: 50, shared: 100 },
      codec,
      entity: ['user', 42],
      fallback: null,
      cacheErrors: { classes: [RangeError], ttl: '30s' },
      unless: (value: unknown, id: unknown) => value === id,
    };
    const { accepts, fallback, unless, ...rest } = resolvePolicy([policy], 'X');
    expect(rest).toEqual({
      useCase: 'UserService.user',
      keyType: 'user',
      ttl: 129_600_000,
      sliding: 7_200_000,
      expiresAt: undefined,
      jitter: { share: 0.2, most: Infinity },
      localTtl: 60_000,
      grace: 86_400_000,
      backoff: 0,
      early: { share: 0.8 },
      softTimeout: 100,
      hardTimeout: 2_000,
      leaseTimeout: 0,
      nullTtl: 30_000,
      cacheNull: true,
      tiers: 'both',
      consistency: 'strong',
      tags: ['users', 'people', '\0["user","42"]'],
      entity: { type: 'user', tag: '\0["user","42"]' },
      cacheErrors: { classes: new Map([['RangeError', RangeError]]), ttl: 30_000 },
      isolation: 'cloned',
      ramp: { local: 50, shared: 100 },
      codec,
    });
    expect(fallback?.(new Error('x'), [])).toBeNull();
    expect([unless?.(1, [1]), unless?.(1, [2])]).toEqual([true, false]);
    expect([accepts(new RangeError('x')), accepts(new Error('x'))]).toEqual([true, false]);
    expect(rest.codec).toBe(codec);
  });

  it('later layers lie over earlier ones, option by option', () => {
    const resolved = resolvePolicy(
      [{ ttl: '1m', grace: '1h', tags: ['a'] }, undefined, { ttl: '2m', tags: ['b'] }, { backoff: 5 }],
      'X',
    );
    expect(resolved).toMatchObject({ ttl: 120_000, grace: 3_600_000, tags: ['b'], backoff: 5 });
  });

  it('undefined never covers what an earlier layer or a default says', () => {
    const nothing = Object.fromEntries(Object.keys(resolvePolicy([{ ttl: 1 }], 'X')).map((name) => [name, undefined]));
    const { early: _early, accepts: _accepts, ...unset } = nothing;
    const given: Policy = { ttl: '5m', grace: '1h', cacheNull: false, softTimeout: 0, tiers: 'local' };
    expect(resolvePolicy([given, unset as Policy], 'X')).toEqual(resolvePolicy([given], 'X'));
    expect(resolvePolicy([{ ttl: 1, grace: undefined, jitter: undefined }], 'X')).toMatchObject({
      grace: POLICY_DEFAULTS.grace,
      jitter: POLICY_DEFAULTS.jitter,
    });
  });

  it('falsy values are values: false, 0 and an empty list cover what is below them', () => {
    const below: Policy = {
      ttl: '5m',
      cacheNull: true,
      grace: '1h',
      backoff: '1m',
      tags: ['a'],
      exceptions: () => true,
    };
    const resolved = resolvePolicy([below, { cacheNull: false, grace: 0, backoff: 0, tags: [], exceptions: [] }], 'X');
    expect(resolved).toMatchObject({ cacheNull: false, grace: 0, backoff: 0, tags: [] });
    expect(resolved.accepts(new Error('x'))).toBe(false);
  });

  it('ttl and expiresAt of different layers replace each other', () => {
    const instant = new Date('2030-01-01T00:00:00Z');
    expect(resolvePolicy([{ ttl: '5m' }, { expiresAt: instant }], 'X')).toMatchObject({
      ttl: undefined,
      expiresAt: +instant,
    });
    expect(resolvePolicy([{ expiresAt: instant }, { ttl: '5m' }], 'X')).toMatchObject({
      ttl: 300_000,
      expiresAt: undefined,
    });
    expect(resolvePolicy([{ expiresAt: instant }, { ttl: '5m' }, { expiresAt: 5 }], 'X')).toMatchObject({
      ttl: undefined,
      expiresAt: 5,
    });
  });

  it.each([[[]], [[undefined]], [[{}]], [[{ grace: '1h' }, { earlyTtl: '80%' }]]])('%j lacks a lifetime', (layers) => {
    expect(() => resolvePolicy(layers, 'UserService.user')).toThrow(
      'Expected one of `ttl`, `sliding` and `expiresAt` to be set, got none, in UserService.user; for an entry that never expires say `ttl: Infinity`',
    );
  });

  it.each<[below: Policy, over: Policy, option: string]>([
    [{ ttl: '1m' }, { earlyTtl: '7m' }, 'earlyTtl'],
    [{ ttl: '1m' }, { sliding: '7m' }, 'sliding'],
    [{ ttl: '1m', hardTimeout: '1s' }, { softTimeout: '2s' }, 'softTimeout'],
    [{ ttl: '1m', cacheNull: false }, { nullTtl: '1s' }, 'nullTtl'],
    [{ ttl: '1m', tiers: 'shared' }, { localTtl: '1s' }, 'localTtl'],
    [{ expiresAt: 5 }, { earlyTtl: '80%' }, 'earlyTtl'],
  ])('over %j, %j sets what cannot mean anything there', (below, over, option) => {
    expect(() => resolvePolicy([below, over], 'X')).toThrow(`Expected \`${option}\` to be`);
  });

  it.each<[below: Policy, over: Policy]>([
    [{ ttl: '10m', earlyTtl: '7m' }, { ttl: '5m' }],
    [{ ttl: '10m', sliding: '7m' }, { ttl: '5m' }],
    [{ ttl: '10m', softTimeout: '2s' }, { hardTimeout: '1s' }],
    [{ ttl: '10m', nullTtl: '1m' }, { cacheNull: false }],
    [{ ttl: '10m', localTtl: '1m' }, { tiers: 'shared' }],
    [{ ttl: '10m', earlyTtl: '80%' }, { expiresAt: 5 }],
    [{ ttl: '10m', earlyTtl: '80%' }, { ttl: Infinity }],
  ])('over %j, %j wins: a call may shorten what a method says', (below, over) => {
    expect(() => resolvePolicy([below, over], 'X')).not.toThrow();
  });

  it('INVARIANT 24: policies passed in are never changed, nor handed out to be changed', () => {
    const layers: Policy[] = [
      Object.freeze({ ttl: '10m', tags: Object.freeze(['a', 'a']), exceptions: Object.freeze([RangeError]) }),
      Object.freeze({ expiresAt: Object.freeze(new Date(5)), jitter: '10%' }),
    ];
    Object.freeze(layers);
    const resolved = resolvePolicy(layers, 'X');
    expect(resolved.tags).not.toBe(layers[0]?.tags);
    expect(Object.isFrozen(resolved) && Object.isFrozen(resolved.tags)).toBe(true);
    for (const layer of layers) validatePolicy(layer, 'X');
    overlayPolicies(layers);
  });

  it('does not see later changes of what was passed in', () => {
    const tags = ['a'];
    const exceptions = [RangeError];
    const resolved = resolvePolicy([{ ttl: 1, tags, exceptions }], 'X');
    tags.push('b');
    exceptions.pop();
    expect(resolved.tags).toEqual(['a']);
    expect(resolved.accepts(new RangeError('x'))).toBe(true);
  });

  it('laying layers over each other first, or resolving them, is the same', () => {
    const layer: fc.Arbitrary<Policy> = fc.record(
      {
        ttl: fc.option(fc.constantFrom('10m', '20m', Infinity), { nil: undefined }),
        grace: fc.option(fc.constantFrom(0, '1h'), { nil: undefined }),
        cacheNull: fc.option(fc.boolean(), { nil: undefined }),
        tags: fc.option(fc.constantFrom(['a'], []), { nil: undefined }),
        jitter: fc.option(fc.constantFrom(0, '10%', '5s'), { nil: undefined }),
        earlyTtl: fc.option(fc.constantFrom('1m', Infinity), { nil: undefined }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.array(layer, { maxLength: 5 }), (layers) => {
        const all = [{ ttl: '5m' }, ...layers];
        expect(resolvePolicy([overlayPolicies(all)], 'X')).toEqual(resolvePolicy(all, 'X'));
      }),
    );
  });
});

describe('overlayPolicies', () => {
  it('keeps options as they were written, and those that are not a policy’s own', () => {
    expect(overlayPolicies([EARLY_DEFAULTS, { ttl: '10m', key: 'x', earlyTtl: undefined } as Policy])).toEqual({
      earlyTtl: '80%',
      ttl: '10m',
      key: 'x',
    });
  });

  it('shows the contradiction between a decorator and what its kind brings', () => {
    const merged = overlayPolicies([EARLY_DEFAULTS, { expiresAt: new Date(5) }]);
    expect(() => validatePolicy(merged, 'X')).toThrow('Expected `earlyTtl` to be a duration');
  });

  it('keeps a contradiction that one layer brings', () => {
    expect(() => validatePolicy(overlayPolicies([{ ttl: 1, expiresAt: 5 }]), 'X')).toThrow('`expiresAt`');
  });
});

describe('defaults of decorator kinds', () => {
  it('@Early refreshes at 80 %, @Failover serves stale for a day', () => {
    expect(resolvePolicy([EARLY_DEFAULTS, { ttl: '10m' }], 'X').early).toEqual({ share: 0.8 });
    expect(resolvePolicy([FAILOVER_DEFAULTS, { ttl: '10m' }], 'X').grace).toBe(86_400_000);
    expect(resolvePolicy([EARLY_DEFAULTS, { ttl: '10m', earlyTtl: '7m' }], 'X').early).toEqual({ age: 420_000 });
  });

  it('a layer takes early refresh back with Infinity', () => {
    expect(resolvePolicy([EARLY_DEFAULTS, { ttl: '10m', earlyTtl: Infinity }], 'X').early).toEqual({ age: Infinity });
  });
});
