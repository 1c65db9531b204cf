/** Waiting: promises with a bound. Every wait of the engine goes through here, so that none hangs. */
import type { Clock } from '../kernel/clock.js';

/** How a bounded wait ended. */
export type Waited<T> =
  | { readonly ended: 'value'; readonly value: T }
  | { readonly ended: 'error'; readonly error: unknown }
  | { readonly ended: 'timeout' }
  | { readonly ended: 'cancelled' };

/**
 * Waits for `promise` at most `ms` milliseconds (Infinity = no bound), or until `signal` aborts. Never rejects; a late rejection is
 * swallowed, since whoever started the work reports it.
 */
export function waitFor<T>(
  promise: Promise<T>,
  clock: Clock,
  ms: number,
  signal?: AbortSignal,
  purpose: 'background' | 'awaited' = 'background',
): Promise<Waited<T>> {
  const settled: Promise<Waited<T>> = promise.then(
    (value) => ({ ended: 'value', value }),
    (error: unknown) => ({ ended: 'error', error }),
  );
  if (ms === Number.POSITIVE_INFINITY && signal === undefined) return settled;
  return new Promise((resolve) => {
    const end = (waited: Waited<T>): void => {
      timer.cancel();
      signal?.removeEventListener('abort', cancelled);
      resolve(waited);
    };
    const cancelled = (): void => end({ ended: 'cancelled' });
    // A result that arrived while the process was busy counts as arrived: the timeout decides one turn of the event loop later.
    const timer = clock.schedule(ms, () => setImmediate(end, { ended: 'timeout' }), purpose);
    if (signal?.aborted === true) cancelled();
    else signal?.addEventListener('abort', cancelled, { once: true });
    void settled.then(end);
  });
}

/** Resolves when `promise` has settled, however. */
export function settled(promise: Promise<unknown>): Promise<void> {
  return promise.then(
    () => undefined,
    () => undefined,
  );
}
