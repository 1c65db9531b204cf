/** Contradictions: options that cannot all mean something together. */
import { earlyBase } from './early-refresh.js';
import type { ParsedPolicy } from './parse-policy.js';
import type { Policy } from './policy.js';

/** A refused option, and what it would have to be; see `refuse` of kernel/expectation. */
export interface Contradiction {
  readonly option: keyof Policy;
  readonly expected: string;
}

/**
 * One rule: an option that makes no sense beside others. `layer` is what one layer sets, `all` is that over everything below it.
 * A rule is broken by the layer that sets `option`. A layer that only sets the other one wins over what lies below it, so that
 * `load.ttl('5m')` or a call's own `ttl` works whatever the method's decorator says about early refresh.
 */
interface Rule extends Contradiction {
  readonly isBroken: (layer: ParsedPolicy, all: ParsedPolicy) => boolean;
}

const RULES: readonly Rule[] = [
  {
    option: 'expiresAt',
    expected: 'left out beside `ttl`: an entry ends after a time or at an instant',
    isBroken: (layer) => layer.expiresAt !== undefined && layer.ttl !== undefined,
  },
  {
    option: 'sliding',
    expected: 'at most `ttl`, its ceiling (`ttl: Infinity` = no ceiling)',
    isBroken: (layer, all) => layer.sliding !== undefined && all.ttl !== undefined && layer.sliding > all.ttl,
  },
  {
    option: 'earlyTtl',
    expected: 'shorter than `ttl`',
    isBroken: ({ early }, all) =>
      isAge(early) && early.age !== Infinity && all.ttl !== undefined && early.age >= all.ttl,
  },
  {
    option: 'earlyTtl',
    expected: 'a duration: without a finite `ttl` or `sliding` there is nothing to take a percentage of',
    isBroken: ({ early }, all) =>
      early !== undefined &&
      !isAge(early) &&
      earlyBase(all) === undefined &&
      (all.ttl !== undefined || all.expiresAt !== undefined),
  },
  {
    option: 'softTimeout',
    expected: 'shorter than `hardTimeout`',
    isBroken: ({ softTimeout }, { hardTimeout }) =>
      softTimeout !== undefined && softTimeout !== Infinity && hardTimeout !== undefined && softTimeout >= hardTimeout,
  },
  {
    option: 'nullTtl',
    expected: 'left out where `cacheNull` is false',
    isBroken: (layer, all) => layer.nullTtl !== undefined && all.cacheNull === false,
  },
  {
    option: 'localTtl',
    expected: "left out where `tiers` is 'shared'",
    isBroken: ({ localTtl }, all) => localTtl !== undefined && localTtl !== Infinity && all.tiers === 'shared',
  },
  {
    option: 'consistency',
    expected: "left out where `tiers` is 'local': such entries hear of no other process",
    isBroken: ({ consistency }, all) => consistency === 'strong' && all.tiers === 'local',
  },
];

/**
 * The first contradiction a layer brings, or undefined.
 *
 * @param layer the options the layer sets itself
 * @param all the same over every layer below it; for a layer alone, itself
 */
export function findContradiction(layer: ParsedPolicy, all: ParsedPolicy): Contradiction | undefined {
  return RULES.find((rule) => rule.isBroken(layer, all));
}

function isAge(early: ParsedPolicy['early']): early is { readonly age: number } {
  return early !== undefined && 'age' in early;
}
