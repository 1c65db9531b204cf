/**
 * Background work: refreshes, touches and retries that no caller waits for. It is tracked, so that `idle()` can wait for it and
 * `close()` drains it; bounded, so that a slow store cannot pile it up; and it runs outside the asynchronous context of the call
 * that caused it, whose transaction or request may be over by then.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

/** Most pieces of work under way at once; more are refused, and the next call that finds the need tries again. */
const MAX_UNDER_WAY = 1_000;

export class Background {
  readonly #running = new Map<string, Promise<void>>();
  /** Loads that somebody started and nobody waits for any more. */
  readonly #adopted = new Set<Promise<void>>();
  /** The context in which the cache was made: background work belongs to it, not to a call. */
  readonly #outside = AsyncLocalStorage.snapshot();
  readonly #onError: (name: string, error: unknown) => void;
  #closed = false;

  constructor(onError: (name: string, error: unknown) => void) {
    this.#onError = onError;
  }

  /** Starts `work` unless work of the same name is under way; whether it was started. */
  run(name: string, work: () => Promise<void>): boolean {
    if (this.#closed || this.#running.has(name) || this.#running.size >= MAX_UNDER_WAY) return false;
    const promise = this.#outside(() =>
      Promise.resolve()
        .then(work)
        .catch((error: unknown) => this.#onError(name, error))
        .finally(() => this.#running.delete(name)),
    );
    this.#running.set(name, promise);
    return true;
  }

  /** Takes work that is under way already, after `close` too; whoever began it hears of its failure. */
  adopt(work: Promise<unknown>): void {
    const forget = (): void => {
      this.#adopted.delete(adopted);
    };
    const adopted = work.then(forget, forget);
    this.#adopted.add(adopted);
  }

  /** Resolves when nothing is under way, work started meanwhile included. */
  async idle(): Promise<void> {
    while (this.size > 0) await Promise.all([...this.#running.values(), ...this.#adopted]);
  }

  /** Accepts no more work. */
  close(): void {
    this.#closed = true;
  }

  get size(): number {
    return this.#running.size + this.#adopted.size;
  }
}
