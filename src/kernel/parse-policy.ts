/** From one layer as a user wrote it to checked values: durations in milliseconds, filters as predicates. Nothing is filled in. */
import { ConfigurationError } from '../errors.js';
import { parseCachedErrors } from './cached-errors.js';
import { closestName } from './closest-name.js';
import { deepClone } from './deep-clone.js';
import { parseDuration } from './duration.js';
import { parseEarly } from './early-refresh.js';
import { parseEntity } from './entity.js';
import { parseExceptions } from './exceptions.js';
import { refuse } from './expectation.js';
import { parseJitter } from './jitter.js';
import { POLICY_OPTIONS } from './options.js';
import type { LifetimePolicy, Policy, ResolvedPolicy } from './policy.js';
import { parseRamp } from './ramp.js';
import { checkTags, checkText } from './tags.js';

/** The checked values of one layer, or of several laid over each other; undefined = not set. */
export type ParsedPolicy = { readonly [Option in keyof ResolvedPolicy]: ResolvedPolicy[Option] | undefined };

/** Longest label of metrics and events, in characters. */
const MAX_LABEL = 256;

/** Milliseconds of the last instant a Date can hold. */
const LAST_INSTANT = 8.64e15;

/** The options that are a duration and nothing else. */
type DurationOption = Exclude<keyof LifetimePolicy, 'expiresAt' | 'jitter' | 'earlyTtl'>;

/**
 * Checks each option's own value. Contradictions between options are found elsewhere, where layers meet.
 *
 * @param alsoKnown names that are no options of a policy but may stand beside them, such as a decorator's `key`; their values are not looked at
 * @throws ConfigurationError `INVALID_POLICY`
 */
export function parsePolicy(policy: Policy, subject: string, alsoKnown: readonly string[] = []): ParsedPolicy {
  checkNames(policy, subject, alsoKnown);
  const duration = (option: DurationOption): number | undefined =>
    unlessUnset(policy[option], (value) => parseDuration(value, option, { ...POLICY_OPTIONS[option], subject }));
  const label = (option: 'useCase' | 'keyType'): string | undefined =>
    unlessUnset(policy[option], (value) => checkLabel(value, option, subject));
  const choice = <Choice extends string>(
    option: 'tiers' | 'consistency' | 'isolation',
    choices: readonly Choice[],
  ): Choice | undefined => unlessUnset(policy[option], (value) => checkChoice(value, option, choices, subject));
  return {
    useCase: label('useCase'),
    keyType: label('keyType'),
    ttl: duration('ttl'),
    sliding: duration('sliding'),
    expiresAt: unlessUnset(policy.expiresAt, (value) => parseInstant(value, subject)),
    jitter: unlessUnset(policy.jitter, (value) => parseJitter(value, subject)),
    localTtl: duration('localTtl'),
    grace: duration('grace'),
    backoff: duration('backoff'),
    early: unlessUnset(policy.earlyTtl, (value) => parseEarly(value, subject)),
    softTimeout: duration('softTimeout'),
    hardTimeout: duration('hardTimeout'),
    leaseTimeout: duration('leaseTimeout'),
    nullTtl: duration('nullTtl'),
    cacheNull: unlessUnset(policy.cacheNull, (value) => checkBoolean(value, subject)),
    tiers: choice('tiers', ['both', 'local', 'shared']),
    consistency: choice('consistency', ['eventual', 'strong']),
    tags: unlessUnset(policy.tags, (value) => checkTags(value, subject)),
    accepts: unlessUnset(policy.exceptions, (value) => parseExceptions(value, subject)),
    isolation: choice('isolation', ['frozen', 'cloned', 'shared']),
    ramp: unlessUnset(policy.ramp, (value) => parseRamp(value, subject)),
    codec: unlessUnset(policy.codec, (value) => checkCodec(value, subject)),
    entity: unlessUnset(policy.entity, (value) => parseEntity(value, subject)),
    fallback: unlessUnset(policy.fallback, parseFallback),
    cacheErrors: unlessUnset(policy.cacheErrors, (value) => parseCachedErrors(value, subject)),
    unless: unlessUnset(policy.unless, (value) => parseUnless(value, subject)),
  };
}

/** Undefined always means "not set", never a value; null is a value, and refused by whoever reads it. */
function unlessUnset<Value, Parsed>(value: Value | undefined, parse: (value: Value) => Parsed): Parsed | undefined {
  return value === undefined ? undefined : parse(value);
}

/** A function is called; anything else is a value, of which each caller gets a copy. */
function parseFallback(fallback: unknown): ResolvedPolicy['fallback'] {
  if (typeof fallback !== 'function') return () => deepClone(fallback);
  return (error, args): unknown => Reflect.apply(fallback, undefined, [error, ...args]);
}

function parseUnless(unless: unknown, subject: string): ResolvedPolicy['unless'] {
  if (typeof unless !== 'function')
    throw refuse({ option: 'unless', expected: 'a predicate (value, ...args) => boolean', got: unless, subject });
  return (value, args) => Reflect.apply(unless, undefined, [value, ...args]) === true;
}

function checkNames(policy: unknown, subject: string, alsoKnown: readonly string[]): void {
  if (typeof policy !== 'object' || policy === null || Array.isArray(policy)) {
    throw refuse({ option: 'policy', expected: "an object such as { ttl: '5m' }", got: policy, subject });
  }
  const known = [...Object.keys(POLICY_OPTIONS), ...alsoKnown];
  for (const name of Object.keys(policy)) {
    if (!known.includes(name)) throw unknownOption(name, known, subject);
  }
}

function unknownOption(name: string, known: readonly string[], subject: string): ConfigurationError {
  const closest = closestName(name, known);
  const hint = closest === undefined ? `known are ${known.join(', ')}` : `did you mean \`${closest}\`?`;
  return new ConfigurationError(
    'INVALID_POLICY',
    `Unknown option \`${name}\`${subject === '' ? '' : ` in ${subject}`}: ${hint}`,
  );
}

function parseInstant(value: unknown, subject: string): number {
  const instant = value instanceof Date ? value.getTime() : value;
  if (typeof instant !== 'number' || !(instant >= 0 && instant <= LAST_INSTANT)) {
    throw refuse({
      option: 'expiresAt',
      expected: 'a valid Date or finite milliseconds since 1970',
      got: value,
      subject,
    });
  }
  return Math.round(instant);
}

function checkLabel(value: unknown, option: string, subject: string): string {
  const label = checkText(value, option, subject);
  if (label.length > MAX_LABEL)
    throw refuse({ option, expected: `at most ${MAX_LABEL} characters`, got: value, subject });
  return label;
}

function checkBoolean(value: unknown, subject: string): boolean {
  if (typeof value !== 'boolean') throw refuse({ option: 'cacheNull', expected: 'true or false', got: value, subject });
  return value;
}

function checkChoice<Choice extends string>(
  value: unknown,
  option: string,
  choices: readonly Choice[],
  subject: string,
): Choice {
  const chosen = choices.find((choice) => choice === value);
  if (chosen !== undefined) return chosen;
  throw refuse({
    option,
    expected: `one of ${choices.map((choice) => `'${choice}'`).join(', ')}`,
    got: value,
    subject,
  });
}

function checkCodec(value: NonNullable<Policy['codec']>, subject: string): NonNullable<Policy['codec']> {
  const codec: unknown = value;
  const isCodec =
    typeof codec === 'object' &&
    codec !== null &&
    'name' in codec &&
    typeof codec.name === 'string' &&
    'encode' in codec &&
    typeof codec.encode === 'function' &&
    'decode' in codec &&
    typeof codec.decode === 'function';
  if (!isCodec)
    throw refuse({ option: 'codec', expected: 'a codec with `name`, `encode` and `decode`', got: value, subject });
  return value;
}
