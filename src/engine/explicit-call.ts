/**
 * Explicit calls: those that carry correctness, so that whoever makes one hears when the store fails. Nobody may be waiting, though, as in
 * `void cache.delete(key)`, and a store that fails must not end the process for that: the rejection then counts as heard.
 */
import { StoreError } from '../errors.js';

/**
 * The result of `call`. Rejects as it does; a StoreError that nobody waits for is no unhandled rejection, all other errors are the caller's
 * mistakes, and remain one.
 */
export function explicitCall<T>(call: () => Promise<T>): Promise<T> {
  const result = begin(call).catch((error: unknown): never => {
    // Before the rejection, which is in time: what is unhandled is judged when the turn ends.
    if (error instanceof StoreError) result.catch(() => undefined);
    throw error;
  });
  return result;
}

function begin<T>(call: () => Promise<T>): Promise<T> {
  try {
    return call();
  } catch (error) {
    return Promise.reject(error);
  }
}
