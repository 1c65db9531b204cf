/**
 * From what users say, in layers, to what the engine works with: pure functions that never change their input.
 *
 * Layers lie over each other: a cache's `defaults`, a decorator's, the run-time provider's, a call's. Later ones win option by option
 * (arrays too: `tags` of a later layer stand alone; of `ramp`, tier by tier); undefined is "not set" and never covers anything.
 */
import { ConfigurationError } from '../errors.js';
import { findContradiction } from './contradictions.js';
import { POLICY_DEFAULTS } from './defaults.js';
import { isAcceptedByDefault } from './exceptions.js';
import { refuse } from './expectation.js';
import { type ParsedPolicy, parsePolicy } from './parse-policy.js';
import type { Policy, ResolvedPolicy } from './policy.js';

/**
 * Checks one layer alone, where it is given: names, values, and contradictions within it. A lifetime need not be among them.
 *
 * @param subject whose policy it is, for messages: `UserService.user`, `defaults`, `Cache.set`
 * @param alsoKnown names beside a policy's own that may be there, such as a decorator's `key`
 * @throws ConfigurationError `INVALID_POLICY`
 * @example validatePolicy({ ttl: '10m', earlyTtl: '7m' }, 'ReportService.report')
 */
export function validatePolicy(policy: Policy, subject: string, alsoKnown: readonly string[] = []): void {
  const parsed = parsePolicy(policy, subject, alsoKnown);
  refuseContradiction(parsed, parsed, policy, subject);
}

/**
 * One policy out of several, without resolving it: options of later layers over those of earlier ones, where `ttl` and
 * `expiresAt` replace each other. Layers that one person writes as a whole (a decorator over its kind's defaults) are
 * merged like this first, so that their contradictions are found.
 *
 * @example overlayPolicies([EARLY_DEFAULTS, { ttl: '10m' }]) // { earlyTtl: '80%', ttl: '10m' }
 */
export function overlayPolicies(layers: readonly (Policy | undefined)[]): Policy {
  return layers.reduce<Policy>((below, layer) => (layer === undefined ? below : overlay(below, layer)), {});
}

/**
 * What the engine works with: the layers over each other, over the defaults, every duration in whole milliseconds.
 *
 * A layer may not contradict itself, nor set an option that what it lies on makes meaningless. The other way round the later
 * layer wins: a short `ttl` laid over a longer `earlyTtl` leaves the entry without early refresh.
 *
 * @param alsoKnown names beside a policy's own that may be in a layer, such as a decorator's `key`
 * @throws ConfigurationError `INVALID_POLICY`: as {@link validatePolicy}, and when none of ttl, sliding and expiresAt is set
 * @example resolvePolicy([defaults, { ttl: '10m' }, { ttl: '1m' }], 'UserService.user').ttl // 60000
 */
export function resolvePolicy(
  layers: readonly (Policy | undefined)[],
  subject: string,
  alsoKnown: readonly string[] = [],
): ResolvedPolicy {
  let all: ParsedPolicy | undefined;
  for (const layer of layers) {
    if (layer === undefined) continue;
    const parsed = parsePolicy(layer, subject, alsoKnown);
    all = all === undefined ? parsed : overlay(all, parsed);
    refuseContradiction(parsed, all, layer, subject);
  }
  if (all === undefined || (all.ttl === undefined && all.sliding === undefined && all.expiresAt === undefined)) {
    throw withoutLifetime(subject);
  }
  return Object.freeze({ ...all, ...filledIn(all) });
}

/** The options that may be changed while the program runs. What an entry is called, and what it is made of, is none of them. */
const OVERLAYABLE: ReadonlySet<string> = new Set([
  'ttl',
  'sliding',
  'expiresAt',
  'jitter',
  'localTtl',
  'grace',
  'backoff',
  'earlyTtl',
  'softTimeout',
  'hardTimeout',
  'leaseTimeout',
  'nullTtl',
  'tiers',
  'consistency',
  'ramp',
] satisfies (keyof Policy)[]);

/**
 * Checks what a run-time provider answered.
 *
 * @throws ConfigurationError `INVALID_POLICY`
 */
export function parseOverlay(layer: Policy, subject: string): ParsedPolicy {
  const parsed = parsePolicy(layer, subject);
  refuseContradiction(parsed, parsed, layer, subject);
  const fixed = Object.entries(layer).find(([option, value]) => value !== undefined && !OVERLAYABLE.has(option));
  if (fixed === undefined) return parsed;
  throw refuse({ option: fixed[0], expected: 'left out: it cannot change at run time', got: fixed[1], subject });
}

/** A policy with options of a later layer over it; what then contradicts itself is decided as for a call's own options. */
export function overlayResolved(policy: ResolvedPolicy, over: ParsedPolicy): ResolvedPolicy {
  return Object.freeze(overlay<ResolvedPolicy>(policy, over as ResolvedPolicy));
}

/** Every default that no layer set. */
function filledIn(all: ParsedPolicy): typeof POLICY_DEFAULTS & Pick<ResolvedPolicy, 'accepts' | 'keyType'> {
  const tags = all.tags ?? POLICY_DEFAULTS.tags;
  return {
    keyType: all.keyType ?? all.entity?.type,
    jitter: all.jitter ?? POLICY_DEFAULTS.jitter,
    localTtl: all.localTtl ?? POLICY_DEFAULTS.localTtl,
    grace: all.grace ?? POLICY_DEFAULTS.grace,
    backoff: all.backoff ?? POLICY_DEFAULTS.backoff,
    softTimeout: all.softTimeout ?? POLICY_DEFAULTS.softTimeout,
    hardTimeout: all.hardTimeout ?? POLICY_DEFAULTS.hardTimeout,
    leaseTimeout: all.leaseTimeout ?? POLICY_DEFAULTS.leaseTimeout,
    cacheNull: all.cacheNull ?? POLICY_DEFAULTS.cacheNull,
    tiers: all.tiers ?? POLICY_DEFAULTS.tiers,
    // A later layer that says `tiers: 'local'` has won over an earlier one's consistency.
    consistency: all.tiers === 'local' ? 'eventual' : (all.consistency ?? POLICY_DEFAULTS.consistency),
    tags: all.entity === undefined ? tags : Object.freeze([...tags, all.entity.tag]),
    accepts: all.accepts ?? isAcceptedByDefault,
  };
}

/** `over` upon `below`, as a new object; the two ways to say when an entry ends replace each other. */
function overlay<Layer extends { readonly ttl?: unknown; readonly expiresAt?: unknown; readonly ramp?: unknown }>(
  below: Layer,
  over: Layer,
): Layer {
  const replaced =
    over.ttl !== undefined ? { expiresAt: undefined } : over.expiresAt !== undefined ? { ttl: undefined } : {};
  const set = setIn(over);
  // As users wrote it, a ramp may be anything until it has been checked.
  const isBoth = isObject(below.ramp) && isObject(over.ramp);
  return { ...below, ...replaced, ...set, ...(isBoth && { ramp: { ...below.ramp, ...setIn(over.ramp) } }) };
}

function isObject(input: unknown): input is object {
  return typeof input === 'object' && input !== null && !Array.isArray(input);
}

function setIn(options: object): object {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

function refuseContradiction(parsed: ParsedPolicy, all: ParsedPolicy, layer: Policy, subject: string): void {
  const contradiction = findContradiction(parsed, all);
  if (contradiction !== undefined) throw refuse({ ...contradiction, got: layer[contradiction.option], subject });
}

function withoutLifetime(subject: string): ConfigurationError {
  const where = subject === '' ? '' : `, in ${subject}`;
  return new ConfigurationError(
    'INVALID_POLICY',
    `Expected one of \`ttl\`, \`sliding\` and \`expiresAt\` to be set, got none${where}; for an entry that never expires say \`ttl: Infinity\``,
  );
}
