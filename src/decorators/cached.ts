/** `@Cached`: answer a method's calls from the cache. */
import { cacheMethod } from './cache-method.js';
import type { AsyncMethodDecorator } from './method-decorator.js';
import type { KeyOrPolicy, MethodKey, MethodPolicy } from './options.js';

/**
 * Caches what an asynchronous method returns. A lifetime is required: `ttl`, `sliding` or `expiresAt`, here or in the cache's
 * `defaults`. Works with standard and with legacy decorators. Stacked with `@Early` and `@Failover` it is one policy.
 *
 * @param key a template such as `'product:{id}'`, or a function of the arguments; left out: the use case and all arguments
 * @throws ConfigurationError where the class is defined: unknown placeholders and options, bad durations, contradictions
 * @example
 * class Products {
 *   @Cached('product:{id}', { ttl: '10m', tags: ['products', 'product:{id}'] })
 *   async product(id: number): Promise<Product> { … }
 * }
 */
export function Cached(key: MethodKey, options?: Omit<MethodPolicy, 'key'>): AsyncMethodDecorator;
export function Cached(options?: MethodPolicy): AsyncMethodDecorator;
export function Cached(...given: [first?: KeyOrPolicy, second?: MethodPolicy]): AsyncMethodDecorator {
  return cacheMethod('@Cached', {}, given);
}
