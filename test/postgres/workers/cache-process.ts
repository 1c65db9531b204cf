/** A process with a cache, which does what its test asks for. */
import type { CacheOptions } from '../../../src/cache-options.js';
import { createCache } from '../../../src/configure.js';
import type { CacheInstance } from '../../../src/engine/cache.js';
import { Recorder } from '../../support/recorder.js';
import { serve } from '../../support/worker-protocol.js';

let cache: CacheInstance | undefined;
const recorder = new Recorder();

/** The open cache, and an argument that the test gave as JSON. */
function on<Argument>(act: (cache: CacheInstance, argument: Argument) => unknown): (argument: unknown) => unknown {
  return (argument) => {
    if (cache === undefined) throw new Error('The test did not open a cache');
    return act(cache, argument as Argument);
  };
}

serve({
  open: async (options) => {
    cache = await createCache({
      name: 'worker',
      defaults: { ttl: '1h', jitter: 0 },
      logger: { warn: () => undefined },
      observer: recorder,
      ...(options as CacheOptions),
    });
    // When a process begins to listen it gives up the copies it holds.
    while (cache.stats().stream?.state === 'connecting') await new Promise((resolve) => setTimeout(resolve, 10));
  },
  /** A call whose loader answers `made` after `ms` milliseconds; says whether it ran. */
  getOrSet: on(async (open, { key, made, ms = 0 }: { key: string; made: unknown; ms?: number }) => {
    let loads = 0;
    const value = await open.getOrSet(key, async () => {
      loads += 1;
      await new Promise((resolve) => setTimeout(resolve, ms));
      return made;
    });
    return { value, loads };
  }),
  get: on((open, key: string) => open.get(key)),
  delete: on((open, key: string) => open.delete(key)),
  expire: on((open, key: string) => open.expire(key)),
  invalidateTags: on((open, tags: string[]) => open.invalidateTags(tags)),
  clear: on((open) => open.clear()),
  close: on((open) => open.close()),
  tiers: () => recorder.of('hit').map(({ tier }) => tier),
});
