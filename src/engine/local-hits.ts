/** The local hits of a call for many keys: nothing is made for any of them but its value. */
import { take } from '../kernel/isolation.js';
import type { ResolvedPolicy } from '../kernel/policy.js';
import type { Engine } from './call.js';

/** A call for many keys, which only its policy concerns (`isUnconcerned`). */
export interface AskedTogether {
  readonly keys: readonly string[];
  readonly useCase: string | undefined;
  readonly keyType: string | undefined;
  readonly policy: Pick<ResolvedPolicy, 'tiers'>;
}

/**
 * Puts the values of fresh copies into `values`, at the places of their keys. The places of all others: of keys without a copy, and of copies that
 * have something to be done about.
 */
export function takeLocalHits(
  engine: Engine,
  { keys, useCase, keyType, policy }: AskedTogether,
  started: number,
  values: unknown[],
): readonly number[] {
  const { local, reporter, clock } = engine;
  if (policy.tiers === 'shared' || local.keepsNothing) return keys.map((_, place) => place);
  const missing: number[] = [];
  // One moment for all of them: that of the call.
  const now = clock.monotonic();
  const isHeard = reporter.audience.isThere;
  for (let place = 0; place < keys.length; place += 1) {
    const key = keys[place] ?? '';
    const copy = local.findPlain(key, now);
    if (copy === undefined) {
      missing.push(place);
      continue;
    }
    values[place] = take(copy);
    if (isHeard) reporter.hit({ key, useCase, keyType }, 'local', 'fresh', started);
  }
  if (!isHeard) reporter.uneventfulHits('local', keys.length - missing.length);
  return missing;
}
