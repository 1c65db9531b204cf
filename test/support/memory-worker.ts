/** A worker that sends many distinct keys through a small cache and says how much of its heap stays occupied. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createCache } from '../../src/configure.js';
import type { LoadContext } from '../../src/engine/load-context.js';
import { systemClock } from '../../src/kernel/clock.js';
import { EVERYTHING, namespaceName } from '../../src/kernel/names.js';
import { createMemoryStore } from '../../src/memory/memory-store.js';
import { serve } from './worker-protocol.js';

// What `node --expose-gc` does, for a process that is started without it.
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** How long loads may take, and so how long the store remembers invalidations; in milliseconds. */
const LOAD_DEADLINE = 1_000;
const AT_ONCE = 250;

/** What is left of a round of keys. */
export interface Left {
  /** Occupied bytes of the heap after a collection. */
  readonly heap: number;
  readonly underWay: { readonly keys: number; readonly background: number; readonly names: number };
  readonly localEntries: number;
}

const store = createMemoryStore({
  clock: systemClock,
  scopeNames: [namespaceName(''), EVERYTHING],
  loadDeadline: LOAD_DEADLINE,
  maxEntries: 500,
});
const cache = await createCache({
  name: 'small',
  store,
  loadDeadline: LOAD_DEADLINE,
  local: { max: 100 },
  logger: { warn: () => undefined },
});
const leaked: object[] = [];

/** Frozen, so that it is resolved once. */
const PLAIN = Object.freeze({ ttl: '1h', grace: '1h', softTimeout: 500 });

/** A key that is missed, loaded and forgotten; one in a hundred goes through more. */
async function use(index: number): Promise<void> {
  const key = `key ${index}`;
  const load = (context: LoadContext): number => {
    context.tags(`tag ${index}`);
    return index;
  };
  await cache.getOrSet(key, load, PLAIN);
  if (index % 100 === 0) await endure(index, key);
}

/** What can happen to a key: more callers, some cancelled; loads that fail; invalidations. */
async function endure(index: number, key: string): Promise<void> {
  const controller = new AbortController();
  const load = (): Promise<number> => (index % 200 === 0 ? Promise.reject(new Error('down')) : Promise.resolve(index));
  const calls = [PLAIN, { ...PLAIN, signal: controller.signal }, { ...PLAIN, hardTimeout: 900 }];
  const answers = Promise.allSettled(calls.map((options) => cache.getOrSet(`${key}, too`, load, options)));
  if (index % 300 === 0) controller.abort();
  await answers;
  await cache.invalidateTags(`tag ${index}`);
  await cache.delete(`${key}, too`);
  await cache.set(key, index, { ttl: '1h', sliding: '1m' });
  await cache.expire(key);
}

async function round({ from, count, leak }: { from: number; count: number; leak: boolean }): Promise<Left> {
  for (let start = from; start < from + count; start += AT_ONCE) {
    const indices = Array.from({ length: Math.min(AT_ONCE, from + count - start) }, (_, offset) => start + offset);
    if (leak) for (const index of indices) leaked.push({ key: `key ${index}`, index });
    await Promise.all(indices.map(use));
  }
  await cache.idle();
  // The store forgets invalidations when no load can ask for them any more, and looks when it is written to: two passes.
  for (let pass = 0; pass < 2; pass += 1) {
    await new Promise((resolve) => setTimeout(resolve, LOAD_DEADLINE + 10));
    for (let index = 0; index < count / 100; index += 1) await cache.set('one', index, PLAIN);
  }
  collectGarbage();
  const { underWay, local } = cache.stats();
  return { heap: process.memoryUsage().heapUsed, underWay, localEntries: local.entries };
}

serve({ round: (argument) => round(argument as Parameters<typeof round>[0]) });
