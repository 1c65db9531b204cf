/** What happens before a cache is configured: methods run uncached, and the process says so once. */

const warned = new Set<string>();

/** Warns once per process and cache name. */
export function warnUnconfigured(cacheName: string): void {
  if (warned.has(cacheName)) return;
  warned.add(cacheName);
  process.emitWarning(
    `No cache named \`${cacheName}\` is configured, so its methods run uncached: call Cache.configure() at bootstrap`,
    { type: 'KeepsakeWarning', code: 'KEEPSAKE_UNCONFIGURED' },
  );
}
