/** Policies that calls are given, resolved once for all that say the same: resolving one costs as much as encoding a small value. */
import type { Policy, ResolvedPolicy } from './policy.js';
import { resolvePolicy } from './resolve-policy.js';
import { checkTags } from './tags.js';

/** Most policies that are remembered; beyond it all are forgotten, and those still in use are back at once. */
const MOST = 500;

/**
 * Resolves policies upon one that does not change. What two of them have in common is found by what they say, not by which objects
 * they are: most callers write them out at the call. Tags differ from call to call and are put in afterwards.
 *
 * @example new PolicyMemo({ ttl: '5m' }).resolve({ tags: ['products'] }, 'set()').ttl // 300000
 */
export class PolicyMemo {
  readonly #below: Policy;
  readonly #resolved = new Map<string, ResolvedPolicy>();

  constructor(below: Policy) {
    this.#below = below;
  }

  /**
   * @param subject whose policy it is, for messages
   * @throws ConfigurationError `INVALID_POLICY`, as `resolvePolicy`
   */
  resolve(given: Policy, subject: string): ResolvedPolicy {
    const text = textOf(given);
    if (text === undefined) return resolvePolicy([this.#below, given], subject);
    let resolved = this.#resolved.get(text);
    if (resolved === undefined) {
      const { tags: _tags, ...rest } = given;
      resolved = resolvePolicy([this.#below, rest], subject);
      if (this.#resolved.size >= MOST) this.#resolved.clear();
      this.#resolved.set(text, resolved);
    }
    return given.tags === undefined ? resolved : withTags(resolved, checkTags(given.tags, subject));
  }
}

const memos = new WeakMap<Policy, PolicyMemo>();

/** The memo of policies upon this object, which must not change. */
export function memoOf(below: Policy): PolicyMemo {
  let memo = memos.get(below);
  if (memo === undefined) {
    memo = new PolicyMemo(below);
    memos.set(below, memo);
  }
  return memo;
}

/** Every call with tags comes here. Written out, because a spread of so many properties makes five times the garbage and takes a microsecond (Node 20). */
function withTags(policy: ResolvedPolicy, tags: readonly string[]): ResolvedPolicy {
  return {
    useCase: policy.useCase,
    keyType: policy.keyType,
    ttl: policy.ttl,
    sliding: policy.sliding,
    expiresAt: policy.expiresAt,
    jitter: policy.jitter,
    localTtl: policy.localTtl,
    grace: policy.grace,
    backoff: policy.backoff,
    early: policy.early,
    softTimeout: policy.softTimeout,
    hardTimeout: policy.hardTimeout,
    leaseTimeout: policy.leaseTimeout,
    nullTtl: policy.nullTtl,
    cacheNull: policy.cacheNull,
    tiers: policy.tiers,
    consistency: policy.consistency,
    tags,
    accepts: policy.accepts,
    isolation: policy.isolation,
    ramp: policy.ramp,
    codec: policy.codec,
    entity: policy.entity,
    fallback: policy.fallback,
    cacheErrors: policy.cacheErrors,
    unless: policy.unless,
  };
}

/** All of a policy but its tags as text. Undefined when something in it has no text of its own: a function, a Date, a codec. */
function textOf(policy: unknown): string | undefined {
  if (typeof policy !== 'object' || policy === null || Array.isArray(policy)) return undefined;
  let text = '';
  for (const option of Object.keys(policy)) {
    const value: unknown = Reflect.get(policy, option);
    if (value === undefined || option === 'tags') continue;
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') return undefined;
    const said = String(value);
    // With their types and lengths, so that no two policies have one text.
    text += `${option.length} ${option} ${typeof value} ${said.length} ${said} `;
  }
  return text;
}
