/** What happens before a cache is configured, and after it was closed: methods run uncached, and the process says so once. */
import { warnOnce } from './process-warnings.js';

/** Warns once per process and cache name. */
export function warnUnconfigured(cacheName: string): void {
  warnOnce(
    'KEEPSAKE_UNCONFIGURED',
    cacheName,
    `No cache named \`${cacheName}\` is configured (any more), so its methods run uncached: call Cache.configure() at bootstrap`,
  );
}
