/** A program that uses a cache and comes to its end, with the cache closed or not. */
import type { CacheOptions } from '../../../src/cache-options.js';
import { Cache } from '../../../src/default-cache.js';

const options = JSON.parse(process.argv[2] ?? '{}') as CacheOptions;
const atTheEnd = process.argv[3];

await Cache.configure({ ...options, logger: { warn: () => undefined } });
const value = await Cache.getOrSet('key', () => 'value', { ttl: '1h', sliding: '10m', grace: '1h', tags: ['tag'] });
console.log(`${value} ${Cache.stats().store.health}`);
// Nothing else keeps this process alive: what `close` waits for has to come by itself.
if (atTheEnd === 'close') {
  await Cache.close();
  console.log('closed');
}
