/** Handles: what can be done about the entry of one call, by its arguments, beside making the call. */
import { explicitCall } from '../engine/explicit-call.js';
import type { ReadOptions } from '../engine/sections/single-entries.js';
import type { ResolvedPolicy } from '../kernel/policy.js';
import type { CachedMethod } from './cached-method.js';
import type { AsyncMethod } from './method-decorator.js';

/**
 * A cached function or method by its arguments: the key of a call, and what is stored under it. `cached` returns one with the function,
 * `cacheOf` that of a decorated method.
 */
export interface CacheHandle<Args extends readonly unknown[], Value> {
  /**
   * The key of the call with these arguments, as `Cache.get` and `Cache.delete` take it.
   *
   * @throws KeyError when it cannot be built: then the call runs uncached
   */
  key(...args: Args): string;
  /**
   * The fresh value of that call, or undefined. Never runs the function, never answers stale, never rejects for the store's sake.
   *
   * @throws KeyError when the key cannot be built
   */
  peek(...args: Args): Promise<Value | undefined>;
  /**
   * Runs the function now, whatever is stored, and publishes what it returns; waits for loads of that key that began before. Other
   * processes keep fresh copies of their own: where the data has changed, invalidate.
   *
   * @throws whatever the function throws, never answered stale; LoadTimeoutError at `hardTimeout`; KeyError
   */
  refresh(...args: Args): Promise<Value>;
  /**
   * Deletes the entry of that call, in every process; whether a servable one was there. Inside of `Cache.transaction` it joins it.
   *
   * @throws StoreError when the store fails; KeyError
   */
  invalidate(...args: Args): Promise<boolean>;
}

/** The handle of a function or method of this type. With overloads, the last of them counts. */
export type HandleOf<Fn extends AsyncMethod> = CacheHandle<Parameters<Fn>, Awaited<ReturnType<Fn>>>;

/** The handle of a method on one object. */
export function handleOf(method: CachedMethod, self: unknown): CacheHandle<readonly unknown[], unknown> {
  return {
    key: (...args) => method.keyOf(self, args),
    async peek(...args) {
      const ready = method.ready(self, args);
      if (ready === undefined) return undefined;
      return await ready.cache.get(ready.call.key, peekOptions(ready.call.policy));
    },
    async refresh(...args) {
      const ready = method.ready(self, args);
      return await (ready === undefined ? method.runUncached(self, args) : ready.cache.loadAnew(ready.call));
    },
    invalidate: (...args) =>
      explicitCall(async () => {
        const ready = method.ready(self, args);
        return ready === undefined ? false : await ready.cache.delete(ready.call.key);
      }),
  };
}

/** How a handle looks for what a method has stored. */
export function peekOptions(policy: ResolvedPolicy): ReadOptions {
  const { useCase, keyType, tiers, consistency, codec, isolation, localTtl } = policy;
  return { useCase, keyType, tiers, consistency, codec, isolation, localTtl };
}
