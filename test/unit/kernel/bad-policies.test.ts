import { describe, expect, it } from 'vitest';
import { ConfigurationError } from '../../../src/errors.js';
import { POLICY_OPTIONS } from '../../../src/kernel/options.js';
import type { Policy } from '../../../src/kernel/policy.js';
import { resolvePolicy, validatePolicy } from '../../../src/kernel/resolve-policy.js';

const POSITIVE = "a positive duration such as 5000, '90s' or '1h30m'";
const FROM_ZERO = `0 or ${POSITIVE}`;
const FINITE = "a finite duration of at most '10000y'";
const TEXT = 'a non-empty text without NUL and lone surrogates';
const ENTITY = "a type and at least one part of an id, such as ['user', 42]";
const ERRORS = "classes of errors and a lifetime, such as { classes: [NotFoundError], ttl: '30s' }";
const PREDICATE = 'an array of error classes such as [FetchError], or a predicate (error) => boolean';

class FetchError extends Error {}

/** Option, bad value, what is allowed, how the value is shown. */
const BAD: readonly (readonly [option: keyof Policy, value: unknown, expected: string, shown: string])[] = [
  ['ttl', 0, POSITIVE, '`0` (number)'],
  ['ttl', -5, POSITIVE, '`-5` (number)'],
  ['ttl', Number.NaN, POSITIVE, '`NaN` (number)'],
  ['ttl', '', POSITIVE, "`''` (string)"],
  ['ttl', '5 fortnights', POSITIVE, "`'5 fortnights'` (string)"],
  ['ttl', null, POSITIVE, '`null` (null)'],
  ['sliding', 0, POSITIVE, '`0` (number)'],
  ['sliding', Infinity, FINITE, '`Infinity` (number)'],
  ['expiresAt', new Date('x'), 'a valid Date or finite milliseconds since 1970', '`Invalid Date` (Date)'],
  ['expiresAt', '2030-01-01', 'a valid Date or finite milliseconds since 1970', "`'2030-01-01'` (string)"],
  ['expiresAt', Infinity, 'a valid Date or finite milliseconds since 1970', '`Infinity` (number)'],
  ['expiresAt', Number.NaN, 'a valid Date or finite milliseconds since 1970', '`NaN` (number)'],
  ['expiresAt', -1, 'a valid Date or finite milliseconds since 1970', '`-1` (number)'],
  ['jitter', -1, `${FROM_ZERO}, or a percentage such as '10%'`, '`-1` (number)'],
  ['jitter', '51%', "a percentage from '0%' to '50%'", "`'51%'` (string)"],
  ['jitter', '-1%', "a percentage from '0%' to '50%'", "`'-1%'` (string)"],
  ['jitter', '%', "a percentage from '0%' to '50%'", "`'%'` (string)"],
  ['jitter', Infinity, FINITE, '`Infinity` (number)'],
  ['localTtl', 0, POSITIVE, '`0` (number)'],
  ['grace', -1, FROM_ZERO, '`-1` (number)'],
  ['grace', 'long', FROM_ZERO, "`'long'` (string)"],
  ['backoff', -1, FROM_ZERO, '`-1` (number)'],
  ['backoff', Infinity, FINITE, '`Infinity` (number)'],
  ['earlyTtl', 0, `${POSITIVE}, or a percentage such as '80%'`, '`0` (number)'],
  ['earlyTtl', '0%', "a percentage between '0%' and '100%'", "`'0%'` (string)"],
  ['earlyTtl', '100%', "a percentage between '0%' and '100%'", "`'100%'` (string)"],
  ['earlyTtl', '8O%', "a percentage between '0%' and '100%'", "`'8O%'` (string)"],
  ['softTimeout', -1, FROM_ZERO, '`-1` (number)'],
  ['hardTimeout', 0, POSITIVE, '`0` (number)'],
  ['leaseTimeout', 'soon', FROM_ZERO, "`'soon'` (string)"],
  ['nullTtl', 0, POSITIVE, '`0` (number)'],
  ['cacheNull', 'no', 'true or false', "`'no'` (string)"],
  ['cacheNull', 0, 'true or false', '`0` (number)'],
  ['tiers', 'l1', "one of 'both', 'local', 'shared'", "`'l1'` (string)"],
  ['consistency', 'Strong', "one of 'eventual', 'strong'", "`'Strong'` (string)"],
  ['isolation', 'deep', "one of 'frozen', 'cloned', 'shared'", "`'deep'` (string)"],
  ['ramp', 50, 'an object such as { local: 100, shared: 5 }', '`50` (number)'],
  ['tags', 'products', "an array of texts such as ['products']", "`'products'` (string)"],
  ['tags', Array.from({ length: 65 }, (_, i) => `t${i}`), 'at most 64 different tags', '`[65]` (array)'],
  ['exceptions', 'FetchError', PREDICATE, "`'FetchError'` (string)"],
  ['exceptions', FetchError, PREDICATE, '`FetchError` (function)'],
  ['exceptions', Error, PREDICATE, '`Error` (function)'],
  ['codec', 'superjson', 'a codec with `name`, `encode` and `decode`', "`'superjson'` (string)"],
  ['codec', { name: 'x', encode: () => 1 }, 'a codec with `name`, `encode` and `decode`', '`{…}` (object)'],
  ['useCase', '', TEXT, "`''` (string)"],
  ['useCase', 5, TEXT, '`5` (number)'],
  ['useCase', 'u'.repeat(257), 'at most 256 characters', `\`'${'u'.repeat(80)}…'\` (string)`],
  ['keyType', 'a\0b', TEXT, "`'a\\u0000b'` (string)"],
  ['entity', 'user', ENTITY, "`'user'` (string)"],
  ['entity', ['user'], ENTITY, '`[1]` (array)'],
  ['cacheErrors', [FetchError], ERRORS, '`[1]` (array)'],
  ['cacheErrors', null, ERRORS, '`null` (null)'],
  ['unless', true, 'a predicate (value, ...args) => boolean', '`true` (boolean)'],
];

/** Bad values inside an array are named by their place. */
const BAD_ITEMS: readonly (readonly [policy: unknown, message: string])[] = [
  [{ tags: ['a', ''] }, `Expected \`tags[1]\` to be ${TEXT}, got \`''\` (string), in X`],
  [{ tags: ['a\0'] }, `Expected \`tags[0]\` to be ${TEXT}, got \`'a\\u0000'\` (string), in X`],
  [{ tags: ['\ud800'] }, `Expected \`tags[0]\` to be ${TEXT}, got \`'\ufffd'\` (string), in X`],
  [{ tags: [5] }, `Expected \`tags[0]\` to be ${TEXT}, got \`5\` (number), in X`],
  [{ exceptions: [FetchError, 'x'] }, "Expected `exceptions[1]` to be an error class, got `'x'` (string), in X"],
  [{ exceptions: [Date] }, 'Expected `exceptions[0]` to be an error class, got `Date` (function), in X'],
  [
    { cacheErrors: { classes: [FetchError, 'x'], ttl: 1 } },
    "Expected `cacheErrors.classes[1]` to be an error class with a name, got `'x'` (string), in X",
  ],
  [
    { cacheErrors: { classes: [], ttl: 1 } },
    'Expected `cacheErrors.classes` to be at least one error class, got `[0]` (array), in X',
  ],
  [
    { cacheErrors: { classes: [FetchError], ttl: 0 } },
    `Expected \`cacheErrors.ttl\` to be ${POSITIVE}, got \`0\` (number), in X`,
  ],
  [
    { entity: ['user', null] },
    'Expected `entity[1]` to be a text, a finite number or a bigint, got `null` (null), in X',
  ],
];

/** Policies that contradict themselves, and the option that is refused. */
const CONTRADICTIONS: readonly (readonly [policy: Policy, message: string])[] = [
  [
    { ttl: '5m', expiresAt: 1_900_000_000_000 },
    'Expected `expiresAt` to be left out beside `ttl`: an entry ends after a time or at an instant, got `1900000000000` (number), in X',
  ],
  [
    { ttl: '5m', sliding: '6m' },
    "Expected `sliding` to be at most `ttl`, its ceiling (`ttl: Infinity` = no ceiling), got `'6m'` (string), in X",
  ],
  [{ ttl: '5m', earlyTtl: '5m' }, "Expected `earlyTtl` to be shorter than `ttl`, got `'5m'` (string), in X"],
  [
    { expiresAt: 1_900_000_000_000, earlyTtl: '80%' },
    "Expected `earlyTtl` to be a duration: without a finite `ttl` or `sliding` there is nothing to take a percentage of, got `'80%'` (string), in X",
  ],
  [
    { ttl: Infinity, earlyTtl: '80%' },
    "Expected `earlyTtl` to be a duration: without a finite `ttl` or `sliding` there is nothing to take a percentage of, got `'80%'` (string), in X",
  ],
  [
    { softTimeout: 100, hardTimeout: 100 },
    'Expected `softTimeout` to be shorter than `hardTimeout`, got `100` (number), in X',
  ],
  [
    { nullTtl: '1m', cacheNull: false },
    "Expected `nullTtl` to be left out where `cacheNull` is false, got `'1m'` (string), in X",
  ],
  [
    { localTtl: '1m', tiers: 'shared' },
    "Expected `localTtl` to be left out where `tiers` is 'shared', got `'1m'` (string), in X",
  ],
  [
    { consistency: 'strong', tiers: 'local' },
    "Expected `consistency` to be left out where `tiers` is 'local': such entries hear of no other process, got `'strong'` (string), in X",
  ],
];

/** What looks odd and means something. */
const GOOD: readonly Policy[] = [
  {},
  { ttl: Infinity },
  { ttl: Infinity, sliding: '5m' },
  { ttl: '5m', sliding: '5m' },
  { ttl: Infinity, earlyTtl: '5m' },
  { ttl: Infinity, sliding: '5m', earlyTtl: '80%' },
  { sliding: '5m', earlyTtl: '80%' },
  { sliding: '5m', earlyTtl: '1h' },
  { expiresAt: new Date(0), earlyTtl: '5m' },
  { expiresAt: 1_900_000_000_000, sliding: '5m', earlyTtl: '80%' },
  { earlyTtl: '80%' },
  { ttl: '5m', earlyTtl: Infinity },
  { ttl: Infinity, grace: '1h' },
  { ttl: '5m', grace: Infinity, backoff: 0, jitter: 0, softTimeout: 0, leaseTimeout: 0 },
  { hardTimeout: '1s', softTimeout: Infinity },
  { nullTtl: '1m', cacheNull: true },
  { localTtl: Infinity, tiers: 'shared' },
  { jitter: '50%' },
  { exceptions: [] },
  { exceptions: [AggregateError, FetchError, Error] },
];

function refusalOf(fn: () => void): string {
  try {
    fn();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError);
    expect((error as ConfigurationError).code).toBe('INVALID_POLICY');
    return (error as ConfigurationError).message;
  }
  throw new Error('accepted');
}

describe('bad policies', () => {
  it.each(BAD)('%s: %j is refused with what is allowed', (option, value, expected, shown) => {
    const policy = { [option]: value } as Policy;
    const message = `Expected \`${option}\` to be ${expected}, got ${shown}, in X`;
    expect(refusalOf(() => validatePolicy(policy, 'X'))).toBe(message);
    expect(refusalOf(() => resolvePolicy([{ ttl: '5m' }, policy], 'X'))).toBe(message);
  });

  it('the table above has a bad value for every option', () => {
    // Anything at all may be a fallback.
    const options = Object.keys(POLICY_OPTIONS).filter((option) => option !== 'fallback');
    expect(new Set(BAD.map(([option]) => option))).toEqual(new Set(options));
  });

  it.each(BAD_ITEMS)('%j is refused by the place of the bad item', (policy, message) => {
    expect(refusalOf(() => validatePolicy(policy as Policy, 'X'))).toBe(message);
  });

  it.each(CONTRADICTIONS)('%j contradicts itself', (policy, message) => {
    expect(refusalOf(() => validatePolicy(policy, 'X'))).toBe(message);
    expect(refusalOf(() => resolvePolicy([{ ttl: '1h' }, policy], 'X'))).toBe(message);
  });

  it.each(GOOD)('%j is fine', (policy) => {
    expect(() => validatePolicy(policy, 'X')).not.toThrow();
  });

  it.each([
    ['slidng', 'Unknown option `slidng` in X: did you mean `sliding`?'],
    ['TTL', 'Unknown option `TTL` in X: did you mean `ttl`?'],
    ['earlyTTL', 'Unknown option `earlyTTL` in X: did you mean `earlyTtl`?'],
    ['exception', 'Unknown option `exception` in X: did you mean `exceptions`?'],
  ])('an unknown option %s is refused, with the one that was meant', (name, message) => {
    expect(refusalOf(() => validatePolicy({ ttl: '5m', [name]: '1m' }, 'X'))).toBe(message);
    expect(refusalOf(() => resolvePolicy([{ ttl: '5m', [name]: '1m' }], 'X'))).toBe(message);
  });

  it('an unknown option that resembles none is refused with the list of options', () => {
    const message = refusalOf(() => validatePolicy({ refreshEvery: 1 } as Policy, 'X'));
    for (const name of Object.keys(POLICY_OPTIONS)) expect(message).toContain(name);
  });

  it('an unknown option is refused even when its value is undefined, and `__proto__` is one', () => {
    expect(refusalOf(() => validatePolicy({ slidng: undefined } as Policy, 'X'))).toContain('`slidng`');
    expect(refusalOf(() => validatePolicy(JSON.parse('{"__proto__":{"ttl":1}}') as Policy, 'X'))).toContain(
      '`__proto__`',
    );
  });

  it('names the caller knows beside the policy’s are let pass', () => {
    expect(() => validatePolicy({ ttl: 1, key: 'user:{id}' } as Policy, 'X', ['key'])).not.toThrow();
    expect(resolvePolicy([{ ttl: 1, key: 'user:{id}' } as Policy], 'X', ['key'])).not.toHaveProperty('key');
    expect(refusalOf(() => validatePolicy({ kye: 1 } as Policy, 'X', ['key']))).toContain('did you mean `key`?');
  });

  it.each([[null], ['5m'], [5], [['ttl']]])('%j is no policy', (policy) => {
    expect(refusalOf(() => validatePolicy(policy as Policy, 'X'))).toContain(
      "Expected `policy` to be an object such as { ttl: '5m' }",
    );
  });
});
