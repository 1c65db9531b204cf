/**
 * The audience: everybody who hears what a cache does. Observers it was made with, listeners that come and go, streams that are read in their
 * own time, and the diagnostics channel. All get the same objects. As long as there is nobody, no event is even built.
 */
import { channel } from 'node:diagnostics_channel';
import type { CacheEvent } from '../kernel/events.js';

/** Its subscribers are called by Node, which turns what they throw into an uncaught exception. */
const DIAGNOSTICS = channel('keepsake');

export type Listener = (event: CacheEvent) => unknown;

export class Audience {
  #listeners: readonly Listener[];
  readonly #onError: (error: unknown) => void;

  /** @param onError told when a listener throws, or rejects */
  constructor(listeners: readonly Listener[], onError: (error: unknown) => void) {
    this.#listeners = listeners;
    this.#onError = onError;
  }

  /** Whether there is anybody. */
  get isThere(): boolean {
    return this.#listeners.length > 0 || DIAGNOSTICS.hasSubscribers;
  }

  /** Adds a listener; the answer takes it away again. */
  join(listener: Listener): () => void {
    // One that joins twice is called twice, and each leaves for itself.
    const own: Listener = (event) => listener(event);
    this.#listeners = [...this.#listeners, own];
    return () => {
      this.#listeners = this.#listeners.filter((other) => other !== own);
    };
  }

  /** Tells everybody; nobody's failure reaches the cache or the others. */
  tell(event: CacheEvent): void {
    for (const listener of this.#listeners) {
      try {
        const result = listener(event);
        if (result instanceof Promise) result.catch(this.#onError);
      } catch (error) {
        this.#onError(error);
      }
    }
    if (DIAGNOSTICS.hasSubscribers) DIAGNOSTICS.publish(event);
  }
}
