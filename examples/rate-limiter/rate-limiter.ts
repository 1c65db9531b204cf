/** A fixed-window rate limiter: a counter that lives as long as its window. */
import { type CacheInstance, StoreError } from 'keepsake';

export interface RateLimit {
  /** Calls that are allowed in a window. */
  readonly calls: number;
  /** How long a window is; it begins with the first call. */
  readonly window: string;
}

export interface Verdict {
  readonly allowed: boolean;
  /** How many calls are left in this window. */
  readonly left: number;
  /** Milliseconds until the window ends; 0 for a call that was allowed. */
  readonly retryAfter: number;
}

export class RateLimiter {
  readonly #cache: CacheInstance;
  readonly #limit: RateLimit;

  constructor(cache: CacheInstance, limit: RateLimit) {
    this.#cache = cache;
    this.#limit = limit;
  }

  /** Counts a call of `subject`, and says whether it may go on. */
  async take(subject: string): Promise<Verdict> {
    const key = `rate:${subject}`;
    const { calls, window } = this.#limit;
    try {
      // One step: the counter and its end come into being together, and no two calls get the same number.
      const number = await this.#cache.incr(key, { ttl: window });
      const left = Math.max(0, calls - number);
      if (number <= calls) return { allowed: true, left, retryAfter: 0 };
      return { allowed: false, left, retryAfter: (await this.#cache.ttl(key)) ?? 0 };
    } catch (error) {
      // When the database is away nobody is turned away. A limiter that protects something dearer decides otherwise.
      if (error instanceof StoreError) return { allowed: true, left: 0, retryAfter: 0 };
      throw error;
    }
  }
}
