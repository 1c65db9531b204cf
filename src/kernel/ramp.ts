/**
 * Ramps: a tier that is on for a share of the keys. Which keys these are is decided by a hash of the key, so every process decides alike,
 * and a key that is in stays in while the share grows: raising a ramp adds keys and never reshuffles them.
 */
import { refuse } from './expectation.js';

/** Percentages of keys, 0 to 100 each, for which a tier is on. What is left out is 100. */
export interface Ramp {
  readonly local?: number | undefined;
  readonly shared?: number | undefined;
}

/** Both percentages. */
export interface ResolvedRamp {
  readonly local: number;
  readonly shared: number;
}

/** Which tiers a ramp switches on for a key. */
export function tiersOn(ramp: ResolvedRamp, key: string): 'both' | 'local' | 'shared' | 'none' {
  const { local, shared } = ramp;
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
 * Checks a ramp, and fills in what is left out.
 *
 * @throws ConfigurationError `INVALID_POLICY`
 * @example parseRamp({ shared: 5 }, 'UserService.user') // { local: 100, shared: 5 }
 */
export function parseRamp(input: unknown, subject: string): ResolvedRamp {
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
  return { local: percentage(input, 'local', subject), shared: percentage(input, 'shared', subject) };
}

function percentage(ramp: object, tier: 'local' | 'shared', subject: string): number {
  const share: unknown = Reflect.get(ramp, tier) ?? 100;
  if (typeof share === 'number' && share >= 0 && share <= 100) return share;
  throw refuse({ option: `ramp.${tier}`, expected: 'a number from 0 to 100', got: share, subject });
}
