/** `@CachePut`: a method that changes data, and returns what is true now. */
import { refuse } from '../kernel/expectation.js';
import { CachedMethod } from './cached-method.js';
import { decorationBelow } from './decorations.js';
import { type AsyncMethodDecorator, methodDecorator, requireParentheses } from './method-decorator.js';
import { type KeyOrPolicy, type MethodKey, type MethodPolicy, methodPolicy } from './options.js';

/**
 * Runs the method on every call, and stores what it returns under its key, where `@Cached` methods with the same key find it. Give it
 * their `tags` too. It is stored as what was true before the method began: if something of it was invalidated or written meanwhile,
 * nothing is stored. Whenever nothing is stored, its key is invalidated, so that what was there before is never served again.
 *
 * Inside of `Cache.transaction` its key is invalidated with the commit, and nothing is stored. A method that throws stores and
 * invalidates nothing. Stands beside `@InvalidateTags`, never beside a decorator that caches.
 *
 * @param key a template such as `'product:{product.id}'`, or a function of the arguments
 * @throws ConfigurationError where the class is defined: as `@Cached`, and without a `key`
 * @example
 * class Products {
 *   @CachePut('product:{product.id}', { ttl: '10m', tags: ['products'] })
 *   async save(product: Product): Promise<Product> { … }
 * }
 */
export function CachePut(key: MethodKey, options?: Omit<MethodPolicy, 'key'>): AsyncMethodDecorator;
export function CachePut(options: MethodPolicy & { readonly key: MethodKey }): AsyncMethodDecorator;
export function CachePut(...given: [first?: KeyOrPolicy, second?: MethodPolicy]): AsyncMethodDecorator {
  const decorator = '@CachePut';
  requireParentheses(decorator, given);
  const policy = methodPolicy(decorator, given[0], given[1]);
  if (policy.key === undefined) {
    const expected = 'the key of the methods that read what this one writes';
    throw refuse({ option: 'key', expected, got: undefined, subject: decorator });
  }
  return methodDecorator(decorator, (decorated) => {
    const below = decorationBelow(decorator, 'puts', decorated);
    return new CachedMethod(decorated, { decorator, policy, beneath: {} }, 'puts', below).replacement;
  });
}
