/** The directory of open caches in this process: by it decorated methods, defined before any cache exists, find theirs. */
import { ConfigurationError } from '../errors.js';
import type { CacheInstance } from './cache.js';

/** The cache that decorators use when they name none. */
export const DEFAULT_CACHE = 'default';

type Entry = { readonly state: 'open'; readonly cache: CacheInstance } | { readonly state: 'opening' };

const entries = new Map<string, Entry>();

/** The open cache of that name. */
export function findCache(name: string): CacheInstance | undefined {
  const entry = entries.get(name);
  if (entry?.state !== 'open') return undefined;
  return entry.cache.closed ? undefined : entry.cache;
}

/** Whether a cache of that name is being opened: calls made meanwhile run uncached, without a warning. */
export function isOpening(name: string): boolean {
  return entries.get(name)?.state === 'opening';
}

/**
 * Opens a cache under a name of its own.
 *
 * @throws ConfigurationError `ALREADY_CONFIGURED` when an open cache has that name
 */
export async function register(name: string, open: () => Promise<CacheInstance>): Promise<CacheInstance> {
  if (findCache(name) !== undefined || isOpening(name)) {
    throw new ConfigurationError(
      'ALREADY_CONFIGURED',
      `A cache named \`${name}\` is already configured: close it first, or give this one another \`name\``,
    );
  }
  const opening: Entry = { state: 'opening' };
  entries.set(name, opening);
  try {
    const cache = await open();
    entries.set(name, { state: 'open', cache });
    return cache;
  } catch (error) {
    if (entries.get(name) === opening) entries.delete(name);
    throw error;
  }
}
