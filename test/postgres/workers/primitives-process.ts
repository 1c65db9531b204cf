/** A process that counts and locks as its test asks for. */
import pg from 'pg';
import type { CacheOptions } from '../../../src/cache-options.js';
import { createCache } from '../../../src/configure.js';
import type { CacheInstance } from '../../../src/engine/cache.js';
import type { Lock } from '../../../src/engine/held-lock.js';
import { serve } from '../../support/worker-protocol.js';

let opened: { cache: CacheInstance; client: pg.Client } | undefined;
let held: Lock | undefined;

function using<Argument>(act: (open: NonNullable<typeof opened>, argument: Argument) => unknown) {
  return (argument: unknown): unknown => {
    if (opened === undefined) throw new Error('The test did not open a cache');
    return act(opened, argument as Argument);
  };
}

function lockHeld(): Lock {
  if (held === undefined) throw new Error('The test took no lock');
  return held;
}

serve({
  open: async (options) => {
    const { connection } = options as { connection: string };
    const client = new pg.Client({ connectionString: connection });
    const cache = await createCache({
      name: 'worker',
      logger: { warn: () => undefined },
      ...(options as CacheOptions),
    });
    await client.connect();
    opened = { cache, client };
  },
  /** Adds 1 `times` times, `together` at once; answers all results. */
  count: using(async ({ cache }, { key, times, together }: { key: string; times: number; together: number }) => {
    const results: number[] = [];
    while (results.length < times) {
      results.push(...(await Promise.all(Array.from({ length: together }, () => cache.incr(key)))));
    }
    return results;
  }),
  /** Deletes `times` times. */
  reset: using(async ({ cache }, { key, times }: { key: string; times: number }) => {
    for (let i = 0; i < times; i += 1) {
      await cache.delete(key);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }),
  /** Takes a lock `times` times, and writes down when it had it. */
  work: using(async ({ cache, client }, { name, times }: { name: string; times: number }) => {
    for (let i = 0; i < times; i += 1) {
      await cache.withLock(name, { wait: '1m' }, async ({ fence }) => {
        await client.query('insert into journal (fence, word) values ($1, $2)', [fence, 'begins']);
        await client.query('insert into journal (fence, word) values ($1, $2)', [fence, 'ends']);
      });
    }
  }),
  lock: using(async ({ cache }, { name, options }: { name: string; options: object }) => {
    held = await cache.lock(name, options);
    return held.fence;
  }),
  state: () => (lockHeld().lost.aborted ? 'lost' : 'held'),
  release: () => lockHeld().release(),
});
