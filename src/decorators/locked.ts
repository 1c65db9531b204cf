/** `@Locked`: a method that runs in one process at a time. */
import { refuse } from '../kernel/expectation.js';
import { checkText } from '../kernel/tags.js';
import { decorationBelow } from './decorations.js';
import { LockedMethod, type LockedOptions } from './locked-method.js';
import { type AsyncMethodDecorator, methodDecorator, requireParentheses } from './method-decorator.js';
import type { MethodKey } from './options.js';

export type { LockedOptions };

const KNOWN = [
  'key',
  'expire',
  'wait',
  'params',
  'args',
  'cache',
  'useCase',
] as const satisfies readonly (keyof LockedOptions)[];

/**
 * Runs the method while holding a lock: calls with one key run one after the other, in all processes. Unlike cached methods it never runs
 * without: when the lock is not to be had, or the cache is not configured, the call rejects.
 *
 * Stands beside `@InvalidateTags` and `@CachePut` (what stands below it happens under the lock), never beside a decorator that caches.
 *
 * @param key what the lock is called: a template such as `'account:{id}'`, or a function of the arguments
 * @throws ConfigurationError where the class is defined: no `key`, unknown placeholders, on a cached method. A call rejects as `Cache.lock`
 *   does, and with KeyError when its key cannot be made
 * @example
 * class Accounts {
 *   @Locked('account:{id}', { expire: '10s', wait: '5s' })
 *   async close(id: number): Promise<void> { … }
 * }
 */
export function Locked(key: MethodKey, options?: Omit<LockedOptions, 'key'>): AsyncMethodDecorator;
export function Locked(options: LockedOptions): AsyncMethodDecorator;
export function Locked(...given: readonly [first: unknown, second?: unknown]): AsyncMethodDecorator {
  const decorator = '@Locked';
  requireParentheses(decorator, given);
  const options = checked(decorator, given);
  return methodDecorator(decorator, (decorated) => {
    const below = decorationBelow(decorator, 'locks', decorated);
    return new LockedMethod(decorated, options, below).replacement;
  });
}

function checked(subject: string, [first, second = {}]: readonly [first: unknown, second?: unknown]): LockedOptions {
  const isKey = typeof first === 'string' || typeof first === 'function';
  const options: unknown = isKey ? second : first;
  if (typeof options !== 'object' || options === null) {
    throw refuse({ option: 'options', expected: "an object such as { key: 'account:{id}' }", got: options, subject });
  }
  const known: readonly string[] = KNOWN;
  for (const option of Object.keys(options)) {
    if (!known.includes(option)) throw refuse({ option, expected: `one of ${KNOWN.join(', ')}`, got: option, subject });
  }
  const { key, cache, useCase }: Partial<LockedOptions> = isKey ? { ...options, key: first as MethodKey } : options;
  if (typeof key !== 'string' && typeof key !== 'function') {
    throw refuse({ option: 'key', expected: 'a template or a function', got: key, subject });
  }
  if (isKey && 'key' in options) throw refuse({ option: 'key', expected: 'given once', got: options.key, subject });
  if (cache !== undefined) checkText(cache, 'cache', subject);
  if (useCase !== undefined) checkText(useCase, 'useCase', subject);
  return { ...options, key };
}
