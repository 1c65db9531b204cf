/** `Cache`: the default cache's face. Each method is that of the cache `configure` made; none has a body of its own. */
import type { CacheOptions } from './cache-options.js';
import { createCache, createInertCache } from './configure.js';
import { warnUnconfigured } from './decorators/unconfigured.js';
import type { CacheInstance } from './engine/cache.js';
import { DEFAULT_CACHE, findCache, isOpening } from './engine/directory.js';
import { ConfigurationError } from './errors.js';
import { type KeyTag, keyTag } from './keys/key-tag.js';

/** The methods of a cache that `Cache` has too. */
const FORWARDED = [
  'get',
  'getEntry',
  'getOrSet',
  'set',
  'setIfAbsent',
  'has',
  'ttl',
  'touch',
  'expire',
  'delete',
  'getMany',
  'getOrSetMany',
  'setMany',
  'deleteMany',
  'entries',
  'deletePattern',
  'invalidateTags',
  'invalidateEntity',
  'clear',
  'clearAll',
  'table',
  'transaction',
  'incr',
  'decr',
  'lock',
  'withLock',
  'on',
  'events',
  'stats',
  'idle',
  'sweep',
  'enable',
  'disable',
  'bypass',
  'refresh',
] as const satisfies readonly (keyof CacheInstance)[];

type Forwarded = Pick<CacheInstance, (typeof FORWARDED)[number]>;

/** What `Cache` is: the default cache's methods, and those that make and find caches. */
export interface CacheFace extends Forwarded {
  /**
   * Makes the default cache (or, with `name`, another one) and opens it. Call it once, at bootstrap.
   *
   * @throws ConfigurationError for wrong options, credentials or tables, and `ALREADY_CONFIGURED` the second time
   * @example await Cache.configure({ connection: process.env.DATABASE_URL })
   */
  configure(options?: CacheOptions): Promise<CacheInstance>;
  /**
   * The open cache of that name.
   *
   * @throws ConfigurationError `NOT_CONFIGURED` when there is none
   */
  named(name: string): CacheInstance;
  /**
   * A key written by hand, with the escaping of key templates: no value can make the key of another.
   *
   * @throws KeyError for a value that is undefined, null or has no text
   * @example await Cache.delete(Cache.key`product:${id}`)
   */
  readonly key: KeyTag;
  /** Closes the default cache; resolves when there is none. */
  close(): Promise<void>;
}

const own = {
  configure: createCache,
  named(name: string): CacheInstance {
    const cache = findCache(name);
    if (cache !== undefined) return cache;
    throw new ConfigurationError(
      'NOT_CONFIGURED',
      `No cache named \`${name}\` is configured: call Cache.configure({ name: '${name}', ... })`,
    );
  },
  key: keyTag,
  async close(): Promise<void> {
    await findCache(DEFAULT_CACHE)?.close();
  },
};

/**
 * The default cache. Before `Cache.configure` its calls find and keep nothing (`getOrSet` runs its loader), and the process warns once.
 *
 * @example
 * await Cache.configure({ connection: process.env.DATABASE_URL })
 * const product = await Cache.get<Product>('product:42')
 */
export const Cache: CacheFace = Object.freeze(Object.assign(own, forwarded()));

/** What stands in for the default cache as long as there is none. */
let standIn: CacheInstance | undefined;

function target(): CacheInstance {
  const cache = findCache(DEFAULT_CACHE);
  if (cache !== undefined) return cache;
  if (!isOpening(DEFAULT_CACHE)) warnUnconfigured(DEFAULT_CACHE);
  standIn ??= createInertCache(DEFAULT_CACHE);
  return standIn;
}

function forwarded(): Forwarded {
  const methods = FORWARDED.map(
    (name) => [name, (...args: unknown[]) => Reflect.apply(target()[name], target(), args)] as const,
  );
  return Object.fromEntries(methods) as Record<string, unknown> as Forwarded;
}
