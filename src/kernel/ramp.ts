/**
 * Ramps: a tier that is on for a share of the keys. Which keys these are is decided by a hash of the key, so every process decides alike,
 * and a key that is in stays in while the share grows: raising a ramp adds keys and never reshuffles them.
 */
import { refuse } from './expectation.js';

/** Percentages of keys, 0 to 100 each, for which a tier is on. What is left out is as a layer below has it; 100 where none says. */
export interface Ramp {
  readonly local?: number | undefined;
  readonly shared?: number | undefined;
}

/** Which tiers a ramp switches on for a key. */
export function tiersOn(ramp: Ramp, key: string): 'both' | 'local' | 'shared' | 'none' {
  const { local = 100, shared = 100 } = ramp;
  if (local >= 100 && shared >= 100) return 'both';
  const at = cohort(key);
  if (at < local) return at < shared ? 'both' : 'local';
  return at < shared ? 'shared' : 'none';
}

/**
 * Where a key stands between 0 (included) and 100 (not): keys below the percentage are in.
 *
 * Source: FNV-1a (Fowler, Noll, Vo) over UTF-16 code units, finished by the 32-bit finalizer of MurmurHash3 (A. Appleby), because
 * FNV alone spreads keys that differ in their last characters too little.
 */
export function cohort(key: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < key.length; at += 1) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / (2 ** 32 / 100);
}

/**
 * Checks a ramp; what is left out stays so.
 *
 * @throws ConfigurationError `INVALID_POLICY`
 * @example parseRamp({ shared: 5 }, 'UserService.user') // { shared: 5 }
 */
export function parseRamp(input: unknown, subject: string): Ramp {
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    throw refuse({ option: 'ramp', expected: 'an object such as { local: 100, shared: 5 }', got: input, subject });
  const wrong = Object.keys(input).find((name) => name !== 'local' && name !== 'shared');
  if (wrong !== undefined)
    throw refuse({
      option: `ramp.${wrong}`,
      expected: 'left out: a ramp has `local` and `shared`',
      got: Reflect.get(input, wrong),
      subject,
    });
  return { ...percentage(input, 'local', subject), ...percentage(input, 'shared', subject) };
}

/**
 * One ramp upon another, tier by tier: to raise the share of one tier says nothing of the other.
 *
 * @example rampOver({ local: 0, shared: 0 }, { shared: 5 }) // { local: 0, shared: 5 }
 */
export function rampOver(below: Ramp | undefined, over: Ramp | undefined): Ramp | undefined {
  if (below === undefined || over === undefined) return over ?? below;
  return { local: over.local ?? below.local, shared: over.shared ?? below.shared };
}

function percentage(ramp: object, tier: 'local' | 'shared', subject: string): Ramp {
  const share: unknown = Reflect.get(ramp, tier);
  if (share === undefined || share === null) return {};
  if (typeof share === 'number' && share >= 0 && share <= 100) return { [tier]: share };
  throw refuse({ option: `ramp.${tier}`, expected: 'a number from 0 to 100', got: share, subject });
}
