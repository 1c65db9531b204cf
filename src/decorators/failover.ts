/** `@Failover`: answer with an expired value when the method fails. */
import { FAILOVER_DEFAULTS } from '../kernel/defaults.js';
import { cacheMethod } from './cache-method.js';
import type { AsyncMethodDecorator } from './method-decorator.js';
import type { KeyOrPolicy, MethodKey, MethodPolicy } from './options.js';

/**
 * `@Cached` that keeps expired entries for `grace` (default 24 h) and serves them when the method throws one of `exceptions`. After a
 * failure the method is left alone for `backoff` (default 30 s), in the whole cluster.
 *
 * @param key as for `@Cached`
 * @throws ConfigurationError as `@Cached`
 * @example
 * class Weather {
 *   @Failover('weather:{city}', { ttl: '30m', grace: '24h', exceptions: [FetchError] })
 *   async weather(city: string): Promise<Forecast> { … }
 * }
 */
export function Failover(key: MethodKey, options?: Omit<MethodPolicy, 'key'>): AsyncMethodDecorator;
export function Failover(options?: MethodPolicy): AsyncMethodDecorator;
export function Failover(...given: [first?: KeyOrPolicy, second?: MethodPolicy]): AsyncMethodDecorator {
  return cacheMethod('@Failover', FAILOVER_DEFAULTS, given);
}
