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
  | { readonly do: 'get' | 'delete' | 'expire' | 'touch'; readonly process: number; readonly key: Key }
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

export type Fault = 'none' | 'refused' | 'lost';

export interface Scenario {
  readonly processes: readonly ('frozen' | 'cloned' | 'no local tier')[];
  /** Which calls of stores and loaders wait to be released: seed and share of a sequence of pseudo-random numbers. */
  readonly gates: { readonly seed: number; readonly share: number };
  /** Whether leases answer at once, or wait and fail like everything else of a store. */
  readonly leases: 'sound' | 'slow';
  readonly steps: readonly Step[];
}

const process = fc.nat(2);
/** One key more often than others: what collides is what is of interest. */
const key = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Key>('a') },
  { weight: 2, arbitrary: fc.constantFrom(...KEYS) },
);
const policy = fc.nat(POLICIES.length - 1);
const which = fc.nat(15);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('getOrSet'),
      process,
      key,
      policy,
      ending: fc.constantFrom<Ending[]>('value', 'value', 'value', 'error', 'error', 'skip'),
      heeds: fc.boolean(),
      tags: fc.constantFrom<('known' | 'learned')[]>('known', 'learned'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('get'), process, key }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('set'), process, key, policy }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom<('delete' | 'expire' | 'touch')[]>('delete', 'expire', 'touch'),
      process,
      key,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('invalidateTags'),
      process,
      tag: fc.constantFrom<('t' | 'u')[]>('t', 'u'),
      stale: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('clear'), process }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('release'), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('releaseAll') }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cancel'), which }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('advance'),
      ms: fc.constantFrom(1, 100, 600, 1_100, 2_100, 3_000, 4_500, 9_000, 700_000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('fault'),
      process,
      fault: fc.constantFrom<Fault[]>('none', 'none', 'refused', 'lost'),
    }),
  },
);

export const scenario: fc.Arbitrary<Scenario> = fc.record({
  processes: fc.array(fc.constantFrom<Scenario['processes'][number][]>('frozen', 'cloned', 'no local tier'), {
    minLength: 2,
    maxLength: 3,
  }),
  gates: fc.record({ seed: fc.nat(2 ** 31 - 1), share: fc.constantFrom(0, 0.2, 0.4, 0.7) }),
  leases: fc.constantFrom<Scenario['leases'][]>('sound', 'slow'),
  steps: fc.array(step, { minLength: 1, maxLength: 45, size: 'max' }),
});
