/** `@Early`: refresh a method's entries before they expire. */
import { EARLY_DEFAULTS } from '../kernel/defaults.js';
import { cacheMethod } from './cache-method.js';
import type { AsyncMethodDecorator } from './method-decorator.js';
import type { KeyOrPolicy, MethodKey, MethodPolicy } from './options.js';

/**
 * `@Cached` whose entries are refreshed in the background once they are older than `earlyTtl` (default `'80%'` of `ttl`): whoever
 * reads an entry of that age is answered at once, and starts one refresh.
 *
 * @param key as for `@Cached`
 * @throws ConfigurationError as `@Cached`, and for lifetimes without an end, which nothing is earlier than
 * @example
 * class Reports {
 *   @Early('report:{day}', { ttl: '10m', earlyTtl: '7m' })
 *   async report(day: string): Promise<Report> { … }
 * }
 */
export function Early(key: MethodKey, options?: Omit<MethodPolicy, 'key'>): AsyncMethodDecorator;
export function Early(options?: MethodPolicy): AsyncMethodDecorator;
export function Early(...given: [first?: KeyOrPolicy, second?: MethodPolicy]): AsyncMethodDecorator {
  return cacheMethod('@Early', EARLY_DEFAULTS, given);
}
