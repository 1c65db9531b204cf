/** `@Early`: refresh a method's entries before they expire. */
import { EARLY_DEFAULTS } from '../kernel/defaults.js';
import { cacheMethod } from './cache-method.js';
import type { AsyncMethodDecorator } from './method-decorator.js';
import type { MethodPolicy } from './options.js';

/**
 * `@Cached` whose entries are refreshed in the background once they are older than `earlyTtl` (default `'80%'` of `ttl`): whoever
 * reads an entry of that age is answered at once, and starts one refresh.
 *
 * @example
 * class Reports {
 *   @Early('report:{day}', { ttl: '10m', earlyTtl: '7m' })
 *   async report(day: string): Promise<Report> { … }
 * }
 */
export function Early(key: NonNullable<MethodPolicy['key']>, options?: MethodPolicy): AsyncMethodDecorator;
export function Early(options: MethodPolicy): AsyncMethodDecorator;
export function Early(first: NonNullable<MethodPolicy['key']> | MethodPolicy, second?: MethodPolicy): AsyncMethodDecorator {
  return cacheMethod('@Early', EARLY_DEFAULTS, first, second);
}
