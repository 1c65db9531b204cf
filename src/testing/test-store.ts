/** The test store: the memory store as a test wants it, over a table that several caches may share. */
import { type Clock, systemClock } from '../kernel/clock.js';
import { CACHE_DEFAULTS } from '../kernel/defaults.js';
import { scopeNames } from '../kernel/names.js';
import { createMemoryStore } from '../memory/memory-store.js';
import type { Store } from '../ports/store.js';

export interface TestStoreOptions {
  /** What lifetimes go by; give the cache's. Default: the process's. */
  readonly clock?: Clock | undefined;
  /** The cache's. Default `''`. */
  readonly namespace?: string | undefined;
}

/**
 * A store in this process's memory, for `createCache({ store })`, where something is to be put around it.
 *
 * @example createCache({ store: chaos.store(createTestStore({ clock })), clock })
 */
export function createTestStore({ clock = systemClock, namespace = '' }: TestStoreOptions = {}): Store {
  const { loadDeadline } = CACHE_DEFAULTS;
  return createMemoryStore({ clock, scopeNames: scopeNames(namespace), loadDeadline });
}
