/** Handles of methods of many ids: what can be done about the entries of one call's ids, beside making the call. */
import { explicitCall } from '../engine/explicit-call.js';
import type { CachedManyMethod } from './cached-many-method.js';
import type { AsyncMethod } from './method-decorator.js';

/**
 * A method or function of many ids by its arguments: the key of one id, and what is stored of many. `cachedMany` returns one with the
 * function, `cacheOf` that of a method with `@CachedMany`.
 */
export interface CacheManyHandle<
  Args extends readonly unknown[],
  One extends readonly unknown[],
  Value,
  Peeked = Value,
> {
  /**
   * The key of one id, as `Cache.get` and `Cache.delete` take it: the function's arguments, with the id in the place of the ids.
   *
   * @throws KeyError when it cannot be built
   */
  key(...one: One): string;
  /**
   * What is fresh of the result of that call: rows and Maps without the ids that are not in the cache, `undefined` in their places where
   * the function returns a value for each id. Never runs the function, never answers stale, never rejects for the store's sake.
   *
   * @throws KeyError when a key cannot be built
   */
  peek(...args: Args): Promise<Peeked>;
  /**
   * Runs the function now for all these ids, whatever is stored, and publishes what it returns; waits for loads of the same keys that
   * began before. Other processes keep fresh copies of their own: where the data has changed, invalidate.
   *
   * @throws whatever the function throws, never answered stale; LoadResultError; LoadTimeoutError at `hardTimeout`; KeyError
   */
  refresh(...args: Args): Promise<Value>;
  /**
   * Deletes the entries of these ids, in every process; whether a servable one was there. Inside of `Cache.transaction` it joins it.
   *
   * @throws StoreError when the store fails, with some of them deleted; KeyError
   */
  invalidate(...args: Args): Promise<boolean>;
}

/** The handle of a function of many ids; `Peeked` is what of its result may be there. */
export type ManyHandleOf<Fn extends AsyncMethod, Peeked = Awaited<ReturnType<Fn>>> = CacheManyHandle<
  Parameters<Fn>,
  WithOneId<Parameters<Fn>>,
  Awaited<ReturnType<Fn>>,
  Peeked
>;

/** A value for each id, in their order, as far as they are there. */
export type Positions<Value> = Value extends readonly (infer One)[] ? (One | undefined)[] : Value;

type Ids = readonly unknown[] | ReadonlySet<unknown>;

type IdIn<Collection> = Collection extends readonly (infer Id)[] | ReadonlySet<infer Id> ? Id : never;

/** Arguments with one id in the place of the ids; where several could have them, of any of these. */
export type WithOneId<Args extends readonly unknown[]> = {
  [Position in keyof Args]: NonNullable<Args[Position]> extends Ids
    ? { [Other in keyof Args]: Other extends Position ? IdIn<NonNullable<Args[Position]>> : Args[Other] }
    : never;
}[number];

/** The handle of a method of many ids on one object. */
export function manyHandleOf(
  method: CachedManyMethod,
  self: unknown,
): CacheManyHandle<readonly unknown[], readonly unknown[], unknown> {
  return {
    key: (...one) => method.keyOfOne(self, one),
    peek: async (...args) => await method.peekMany(self, args),
    refresh: async (...args) => await method.refreshMany(self, args),
    invalidate: (...args) => explicitCall(async () => await method.invalidateMany(self, args)),
  };
}
