/** What decorators take: a policy, and how the method's calls get their keys. */
import type { ArgumentAdapters } from '../keys/argument-selection.js';
import type { Policy } from '../kernel/policy.js';

/** Options of `@Cached`, `@Early` and `@Failover`. */
export interface MethodPolicy extends Policy {
  /** A key template such as `'product:{id}'`, or a function of the arguments. Default: the use case and all arguments. */
  readonly key?: string | ((...args: never[]) => string) | undefined;
  /** Names of the method's parameters, first to last, for builds that rename them. */
  readonly params?: readonly string[] | undefined;
  /** Parameters (by name or position) that do not belong to the key; without `key` only. */
  readonly ignoreArgs?: readonly (string | number)[] | undefined;
  /** What arguments become before they are used in a key or tag: `{ page: String }`. */
  readonly args?: ArgumentAdapters | undefined;
  /** Which cache; default `'default'`. */
  readonly cache?: string | undefined;
}

/** Names of the options a decorator has beside a policy's. */
export const METHOD_OPTIONS = ['key', 'params', 'ignoreArgs', 'args', 'cache'] as const;

/** What a decorator was given: `(key, options)`, `(options)`, or nothing. */
export function methodPolicy(first: MethodPolicy['key'] | MethodPolicy, second: MethodPolicy | undefined): MethodPolicy {
  if (typeof first === 'string' || typeof first === 'function') return { ...second, key: first };
  return first ?? {};
}
