/** From what users say (`Policy` layers) to what the engine works with (`ResolvedPolicy`): pure, and never changing its input. */
import type { Policy, ResolvedPolicy } from './policy.js';

/** Laid over each other, later over earlier, without resolving: undefined is "not set", `ttl` and `expiresAt` replace each other. */
export function overlayPolicies(_layers: readonly (Policy | undefined)[]): Policy {
  throw new Error('not finished');
}

/** Checks one layer alone: unknown names (but `alsoKnown`), each option's value, contradictions within. No lifetime is required. */
export function validatePolicy(_policy: Policy, _subject: string, _alsoKnown: readonly string[] = []): void {}

/** Later layers over earlier ones, over the defaults. Unknown names (but `alsoKnown`) are refused here too. */
export function resolvePolicy(
  _layers: readonly (Policy | undefined)[],
  _subject: string,
  _alsoKnown: readonly string[] = [],
): ResolvedPolicy {
  throw new Error('not finished');
}
