/** What decorators take: a policy, and how the method's calls get their keys. */

import { refuse } from '../kernel/expectation.js';
import type { Policy } from '../kernel/policy.js';
import { checkText } from '../kernel/tags.js';
import type { ArgumentAdapters } from '../keys/argument-selection.js';

/** A key template such as `'product:{id}'`, or a function of a method's arguments (with `this`). */
export type MethodKey = string | ((...args: never[]) => string);

/** Options of `@Cached`, `@Early` and `@Failover`: those of a policy, where `tags` are templates with the placeholders of keys, and these. */
export interface MethodPolicy extends Policy {
  /**
   * A key template such as `'product:{id}'`, or a function of the arguments (with `this`).
   *
   * Default: the use case and all arguments. Methods with one template share their entries.
   */
  readonly key?: MethodKey | undefined;
  /** Names of the method's parameters, first to last, for builds that rename them. Default: those in its source text. */
  readonly params?: readonly string[] | undefined;
  /** Parameters (by name or position) that do not belong to the key; without `key` only. Default: none. */
  readonly ignoreArgs?: readonly (string | number)[] | undefined;
  /** By parameter or position, what arguments become before they are used in a key or tag: `{ page: String }`. Default: what they are. */
  readonly args?: ArgumentAdapters | undefined;
  /** Which cache; default `'default'`. */
  readonly cache?: string | undefined;
  /**
   * Which calls are cached: a predicate of the arguments (with `this`); where it does not answer `true`, the method runs and nothing is
   * looked up or kept. Default: all. One that throws is reported, and the method runs uncached.
   */
  readonly when?: ((...args: never[]) => boolean) | undefined;
}

/** Names of the options a decorator has beside a policy's. */
export const METHOD_OPTIONS = [
  'key',
  'params',
  'ignoreArgs',
  'args',
  'cache',
  'when',
] as const satisfies readonly Exclude<keyof MethodPolicy, keyof Policy>[];

/** What decorators may be given first. */
export type KeyOrPolicy = MethodKey | MethodPolicy | undefined;

/**
 * What a decorator was given, as `(key, options)`, `(options)` or nothing, in one object. Its values are checked where they are used.
 *
 * @throws ConfigurationError `INVALID_POLICY` for two keys, and for options that are no object
 */
export function methodPolicy(decorator: string, first: KeyOrPolicy, second: unknown): MethodPolicy {
  if (typeof first !== 'string' && typeof first !== 'function')
    return first === undefined ? {} : checked(decorator, first);
  if (second === undefined) return { key: first };
  const options = checked(decorator, second);
  if (options.key === undefined) return { ...options, key: first };
  throw refuse({ option: 'key', expected: 'given once', got: options.key, subject: decorator });
}

function checked(subject: string, options: unknown): MethodPolicy {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw refuse({ option: 'options', expected: "an object such as { ttl: '5m' }", got: options, subject });
  }
  const { key, cache, when }: MethodPolicy = options;
  if (key !== undefined && typeof key !== 'string' && typeof key !== 'function') {
    throw refuse({ option: 'key', expected: 'a template or a function', got: key, subject });
  }
  if (cache !== undefined) checkText(cache, 'cache', subject);
  if (when !== undefined && typeof when !== 'function')
    throw refuse({ option: 'when', expected: 'a predicate (...args) => boolean', got: when, subject });
  return options;
}
