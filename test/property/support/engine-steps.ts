/** Steps: what a run of the engine's model is made of, as data that fast-check makes up and makes smaller. */
import fc from 'fast-check';
import type { Policy } from '../../../src/kernel/policy.js';
import { BACKOFF, KEYS, type Key, LEASE_TIMEOUT } from './engine-history.js';

const LIFE = { ttl: 8_000, jitter: 0, leaseTimeout: LEASE_TIMEOUT, backoff: BACKOFF } as const;

/** Policies of loads: every kind of timeout and of life there is. */
export const POLICIES: readonly (Policy & { readonly ttl: number })[] = [
  LIFE,
  { ...LIFE, grace: '1h' },
  { ...LIFE, earlyTtl: 4_000 },
  { ...LIFE, grace: '1h', earlyTtl: 4_000, softTimeout: 500 },
  { ...LIFE, hardTimeout: 800 },
  { ...LIFE, grace: '1h', softTimeout: 0, hardTimeout: 1_500 },
  { ...LIFE, ttl: 20_000, sliding: 4_000 },
];

/** How a loader ends, and whether it heeds its signal. */
export type Ending = 'value' | 'error' | 'skip';

export type Step =
  | {
      readonly do: 'getOrSet';
      readonly process: number;
      readonly key: Key;
      readonly policy: number;
      readonly ending: Ending;
      readonly heeds: boolean;
      /** Whether its tags are those of its policy, or learned by the load. */
      readonly tags: 'known' | 'learned';
    }
  | { readonly do: 'get' | 'touch'; readonly process: number; readonly key: Key }
  | { readonly do: 'delete' | 'expire'; readonly process: number; readonly key: Key }
  | { readonly do: 'set'; readonly process: number; readonly key: Key; readonly policy: number }
  | { readonly do: 'invalidateTags'; readonly process: number; readonly tag: 't' | 'u'; readonly stale: boolean }
  | { readonly do: 'clear'; readonly process: number }
  /** Lets one of the things that wait go on, or all. */
  | { readonly do: 'release'; readonly which: number }
  | { readonly do: 'releaseAll' }
  /** Cancels one of the calls under way. */
  | { readonly do: 'cancel'; readonly which: number }
  | { readonly do: 'advance'; readonly ms: number }
  /** From now on, calls of a process's store are refused, or carried out and their answers lost. */
  | { readonly do: 'fault'; readonly process: number; readonly fault: Fault };

/** A step by which a process asks its cache for something, or is disturbed. */
export type AskingStep = Extract<Step, { readonly process: number }>;

/** A step that makes entries worthless. */
export type ChangingStep = Extract<Step, { readonly do: 'delete' | 'expire' | 'invalidateTags' | 'clear' }>;

export type Fault = 'none' | 'refused' | 'lost';

export interface Scenario {
  readonly processes: readonly ('frozen' | 'cloned' | 'no local tier')[];
  /** Which calls of stores and loaders wait to be released: seed and share of a sequence of pseudo-random numbers. */
  readonly gates: { readonly seed: number; readonly share: number; readonly where: 'everywhere' | 'store' | 'loader' };
  /** Whether leases answer at once, or wait and fail like everything else of a store. */
  readonly leases: 'sound' | 'slow';
  readonly steps: readonly Step[];
}

const process = fc.nat(2);
const policy = fc.nat(POLICIES.length - 1);
const which = fc.nat(15);

/** What a scenario's steps may be, for a choice of keys; by how often they are wanted. */
function kinds(keys: readonly Key[]): readonly { readonly weight: number; readonly arbitrary: fc.Arbitrary<Step> }[] {
  const key = fc.constantFrom(...keys);
  const tag = fc.constantFrom<('t' | 'u')[]>('t', 'u');
  const fault = fc.constantFrom<Fault[]>('none', 'none', 'refused', 'lost');
  const ms = fc.constantFrom(1, 100, 600, 1_100, 2_100, 3_000, 4_500, 9_000);
  return [
    { weight: 2, arbitrary: fc.record({ do: fc.constant('get'), process, key }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('set'), process, key, policy }) },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constantFrom<('delete' | 'expire')[]>('delete', 'expire'), process, key }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('touch'), process, key }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('invalidateTags'), process, tag, stale: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('clear'), process }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('releaseAll') }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('cancel'), which }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('advance'), ms }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('advance'), ms: fc.constant(610_000) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('fault'), process, fault }) },
  ];
}

/** What every scenario has: calls with loaders, and something that goes on. */
function always(keys: readonly Key[]): readonly { readonly weight: number; readonly arbitrary: fc.Arbitrary<Step> }[] {
  const call = fc.record({
    do: fc.constant('getOrSet' as const),
    process,
    key: fc.constantFrom(...keys),
    policy,
    ending: fc.constantFrom<Ending[]>('value', 'value', 'value', 'error', 'error', 'skip'),
    heeds: fc.boolean(),
    tags: fc.constantFrom<('known' | 'learned')[]>('known', 'learned'),
  });
  return [
    { weight: 6, arbitrary: call },
    { weight: 5, arbitrary: fc.record({ do: fc.constant('release' as const), which }) },
  ];
}

/** Each scenario draws its steps from a few kinds and keys only: that way rare meetings become frequent in some of them. */
const steps = fc
  .subarray(KEYS, { minLength: 1 })
  .chain((keys) =>
    fc
      .subarray([...kinds(keys)], { minLength: 2, maxLength: 7 })
      .chain((some) => fc.array(fc.oneof(...always(keys), ...some), { minLength: 1, maxLength: 45, size: 'max' })),
  );

/** Scenarios of these steps. */
function scenarioOf(some: fc.Arbitrary<readonly Step[]>): fc.Arbitrary<Scenario> {
  return fc.record({
    processes: fc.array(fc.constantFrom<Scenario['processes'][number][]>('frozen', 'cloned', 'no local tier'), {
      minLength: 2,
      maxLength: 3,
    }),
    gates: fc.record({
      seed: fc.nat(2 ** 31 - 1),
      share: fc.constantFrom(0, 0.2, 0.4, 0.7),
      where: fc.constantFrom<Scenario['gates']['where'][]>('loader', 'store', 'everywhere'),
    }),
    leases: fc.constantFrom<Scenario['leases'][]>('sound', 'slow'),
    steps: some,
  });
}

/** Everything that can happen. */
export const scenario = scenarioOf(steps);

/** One entry, deleted again and again while slow loads are waited for: little can happen, and it happens often. */
export const slowLoads = scenarioOf(
  fc.array(
    fc.oneof(
      ...always(['a']),
      { weight: 2, arbitrary: fc.record({ do: fc.constant('delete' as const), process, key: fc.constant<Key>('a') }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(100, 3_000) }) },
    ),
    { minLength: 1, maxLength: 30, size: 'max' },
  ),
);
