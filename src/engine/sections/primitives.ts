/** Counters and locks: what many processes need beside cached values. Both act at once, inside of `transaction` too. */
import { type CountOptions, count } from '../counting.js';
import { explicitCall } from '../explicit-call.js';
import type { Lock } from '../held-lock.js';
import { type LockOptions, resolveLockOptions } from '../lock-keeper.js';
import { Collections } from './collections.js';

export abstract class Primitives extends Collections {
  /**
   * Adds to the counter under `key`, in one step however many processes do it at once; answers the new number. A counter that is not there
   * begins at 0, and lives for `ttl` from then on. Numbers that were `set` count on as they are.
   *
   * @throws CounterError `NOT_A_COUNTER`, `COUNTER_OVERFLOW`; StoreError when the store fails; ConfigurationError for bad options
   * @example const calls = await Cache.incr(`calls:${user}`, { ttl: '1m' })
   */
  incr(key: string, options?: CountOptions): Promise<number>;
  incr(key: string, options: CountOptions<bigint>): Promise<bigint>;
  incr(key: string, options?: CountOptions<number | bigint>): Promise<number | bigint> {
    return explicitCall(() => {
      this.assertOpen();
      return count(this.engine, this.keyOf(key), 'up', options);
    });
  }

  /** Takes away from the counter under `key`, like `incr`. It may go below 0. */
  decr(key: string, options?: CountOptions): Promise<number>;
  decr(key: string, options: CountOptions<bigint>): Promise<bigint>;
  decr(key: string, options?: CountOptions<number | bigint>): Promise<number | bigint> {
    return explicitCall(() => {
      this.assertOpen();
      return count(this.engine, this.keyOf(key), 'down', options);
    });
  }

  /**
   * Takes the lock of `name`: one holder at a time over all processes with this store and namespace. It is renewed until it is released;
   * a holder that dies loses it after `expire`.
   *
   * @throws LockError `LOCK_TIMEOUT` after `wait`; the reason of `signal`; StoreError when the store fails; ConfigurationError for bad options
   * @example
   * await using lock = await Cache.lock('nightly-report', { expire: '10s', wait: 0 })
   * await report({ signal: lock.lost, fence: lock.fence })
   */
  lock(name: string, options: LockOptions = {}): Promise<Lock> {
    return explicitCall(async () => {
      this.assertOpen();
      return await this.engine.locks.acquire(name, resolveLockOptions(options, `lock(\`${name}\`)`));
    });
  }

  /**
   * Runs `work` while holding the lock of `name`, and gives it back however `work` ends. The result is that of `work`, also when the lock
   * was lost meanwhile: `work` hears of that by `lock.lost`.
   *
   * @throws like `lock`, and whatever `work` throws
   * @example await Cache.withLock('invoices', async (lock) => { await createInvoices({ fence: lock.fence }) })
   */
  withLock<T>(name: string, work: (lock: Lock) => T | Promise<T>): Promise<T>;
  withLock<T>(name: string, options: LockOptions, work: (lock: Lock) => T | Promise<T>): Promise<T>;
  async withLock<T>(
    name: string,
    ...given:
      | readonly [work: (lock: Lock) => T | Promise<T>]
      | readonly [options: LockOptions, work: (lock: Lock) => T | Promise<T>]
  ): Promise<T> {
    const [options, work] = given.length === 1 ? [{}, given[0]] : given;
    const lock = await this.lock(name, options);
    try {
      return await work(lock);
    } finally {
      await lock.release();
    }
  }
}
