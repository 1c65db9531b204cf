/** What `@Cached`, `@Early` and `@Failover` have in common: they differ only in the defaults they bring. */
import type { Policy } from '../kernel/policy.js';
import { CachedMethod } from './cached-method.js';
import { decorationBelow } from './decorations.js';
import { type AsyncMethodDecorator, methodDecorator, requireParentheses } from './method-decorator.js';
import { type KeyOrPolicy, methodPolicy } from './options.js';

/**
 * A decorator that caches a method by what it is given, over the defaults of its kind.
 *
 * @param beneath those defaults
 * @param given the decorator's arguments: `(key, options)`, `(options)` or nothing
 */
export function cacheMethod(
  decorator: string,
  beneath: Policy,
  given: readonly [first?: KeyOrPolicy, second?: unknown],
): AsyncMethodDecorator {
  requireParentheses(decorator, given);
  const policy = methodPolicy(decorator, given[0], given[1]);
  return methodDecorator(decorator, (decorated) => {
    const layer = { decorator, policy, beneath };
    const below = decorationBelow(decorator, 'cached', decorated);
    if (!(below instanceof CachedMethod)) return new CachedMethod(decorated, layer).replacement;
    below.add(layer);
    return decorated.method;
  });
}
