/** A program that uses a cache and comes to its end without closing it. */
import type { CacheOptions } from '../../../src/cache-options.js';
import { Cache } from '../../../src/default-cache.js';

const options = JSON.parse(process.argv[2] ?? '{}') as CacheOptions;

await Cache.configure({ ...options, logger: { warn: () => undefined } });
const value = await Cache.getOrSet('key', () => 'value', { ttl: '1h', sliding: '10m', grace: '1h', tags: ['tag'] });
console.log(`${value} ${Cache.stats().store.health}`);
