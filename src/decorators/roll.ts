/** The roll of cached methods of this process: what is checked across them, and what a new cache checks before it opens. */
import { ConfigurationError } from '../errors.js';
import type { Policy } from '../kernel/policy.js';

/** What the roll needs to know of a cached method. */
export interface Enrolled {
  readonly useCase: string;
  /** Whether the use case is final; in standard mode it lacks the class until the first call. */
  readonly isNamed: boolean;
  readonly cacheName: string;
  /** What its keys are made by; undefined for a key function, about which nothing is known. */
  readonly keys: { readonly by: 'template' | 'arguments'; readonly identity: string } | undefined;
  readonly tagTemplates: readonly string[];
  readonly codecName: string | undefined;
  /** The source text of the method below. */
  readonly source: string;
  /** Throws ConfigurationError when its policy cannot work over these defaults. */
  resolveOver(defaults: Policy): unknown;
}

/** Weak, so that classes made at run time can be collected. */
const roll = new Set<WeakRef<Enrolled>>();

/** The method that was enrolled last: it may still get more decorators. */
let latest: WeakRef<Enrolled> | undefined;

/**
 * Puts a method on the roll, where the first of its decorators is applied. The one enrolled before has all of its decorators by
 * now, so it is checked against the others, still where classes are defined.
 *
 * @throws ConfigurationError as {@link requireAgreement}, about that one
 */
export function enroll(method: Enrolled): void {
  const previous = latest?.deref();
  const entry = new WeakRef(method);
  // Not yet on the roll while the other is checked: what decorators will be added to it is not known.
  latest = undefined;
  if (previous !== undefined) requireAgreement(previous);
  latest = entry;
  roll.add(entry);
}

/** Takes a method off the roll: its class could not be defined. */
export function withdraw(method: Enrolled): void {
  for (const entry of roll) {
    if (entry.deref() === method) roll.delete(entry);
  }
  if (latest?.deref() === method) latest = undefined;
}

/**
 * Checks every method that will use a cache of this name with these defaults.
 *
 * @throws ConfigurationError for the first whose policy cannot work, or that shares a key template with one it disagrees with
 */
export function checkRoll(cacheName: string, defaults: Policy): void {
  for (const method of enrolled()) {
    if (method.cacheName !== cacheName) continue;
    method.resolveOver(defaults);
    requireAgreement(method);
  }
}

/**
 * Two use cases with one key template share entries; then their tags and codec must be the same.
 *
 * @throws ConfigurationError `INVALID_DECORATION`
 */
export function requireAgreement(method: Enrolled): void {
  const { keys, useCase, cacheName } = method;
  if (keys?.by !== 'template') return;
  for (const other of enrolled()) {
    if (other.cacheName !== cacheName || other.keys?.identity !== keys.identity || isAgain(method, other)) continue;
    const what = difference(method, other);
    if (what === undefined) continue;
    // Said here, so not again where the next class is defined.
    const last = latest?.deref();
    if (last === method || last === other) latest = undefined;
    throw new ConfigurationError(
      'INVALID_DECORATION',
      `\`${other.useCase}\` and \`${useCase}\` share entries (${keys.identity}), but not their ${what}`,
    );
  }
}

/** By cache, then by use case: the method whose keys begin with it. */
const makers = new WeakMap<object, Map<string, WeakRef<Enrolled>>>();

/**
 * Claims keys that are made of the use case and the arguments for the method that makes them. The first one called gets them, for as
 * long as the cache is open and its class is there: two methods of one name must not answer for each other.
 */
export function claimKeys(cache: object, method: Enrolled): 'claimed' | 'taken' {
  const claimed = makers.get(cache) ?? new Map<string, WeakRef<Enrolled>>();
  makers.set(cache, claimed);
  const holder = claimed.get(method.useCase)?.deref();
  if (holder === undefined) claimed.set(method.useCase, new WeakRef(method));
  return holder === undefined || holder === method ? 'claimed' : 'taken';
}

/** Methods whose classes are still there, the most recent one of each use case. */
function enrolled(): Iterable<Enrolled> {
  const recent = new Map<unknown, Enrolled>();
  for (const entry of roll) {
    const method = entry.deref();
    if (method === undefined) roll.delete(entry);
    else recent.set(method.isNamed ? `${method.cacheName}\0${method.useCase}` : method, method);
  }
  return recent.values();
}

/** Whether one is the other, its class evaluated again. As long as a class is not known, the text of the method has to do. */
function isAgain(one: Enrolled, other: Enrolled): boolean {
  if (one.isNamed && other.isNamed) return one.useCase === other.useCase;
  return one.useCase.split('.').at(-1) === other.useCase.split('.').at(-1) && one.source === other.source;
}

function difference(one: Enrolled, other: Enrolled): 'tags' | 'codec' | undefined {
  if ([...one.tagTemplates].sort().join('\0') !== [...other.tagTemplates].sort().join('\0')) return 'tags';
  return one.codecName === other.codecName ? undefined : 'codec';
}
