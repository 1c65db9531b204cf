/**
 * Owed invalidations: what a decorated method has made invalid while the store could not be told. The method has done its work and its
 * result counts, so the debt stays with the cache: it is tried again until the store has it, and until then this process neither serves nor
 * keeps anything that carries one of the names. Other processes hear of it when the store does.
 */
import type { Clock, Timer } from '../kernel/clock.js';
import type { InvalidationKind } from '../ports/store.js';
import type { Background } from './background.js';

/** First and longest pause between two tries, in milliseconds. */
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 30_000;

/** Most names owed one by one; more are paid by invalidating everything in the namespace. */
const MOST_NAMES = 10_000;

export interface OwedOptions {
  readonly clock: Clock;
  readonly background: Background;
  /** The name that hides everything of this cache. */
  readonly everything: string;
  /** Tells the store; rejects when it cannot be told. */
  readonly pay: (names: readonly string[], kind: InvalidationKind) => Promise<void>;
}

export class OwedInvalidations {
  readonly #options: OwedOptions;
  readonly #owed = new Map<string, InvalidationKind>();
  #timer: Timer | undefined;
  #pause = FIRST_PAUSE;
  #state: 'open' | 'closed' = 'open';

  constructor(options: OwedOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#owed.size;
  }

  /** Takes on a debt; of two for one name the stronger stays. */
  owe(names: readonly string[], kind: InvalidationKind): void {
    for (const name of names) if (this.#owed.get(name) !== 'delete') this.#owed.set(name, kind);
    if (this.#owed.size > MOST_NAMES) {
      this.#owed.clear();
      this.#owed.set(this.#options.everything, 'delete');
    }
    this.#retryLater();
  }

  /** Whether one of these names waits to be invalidated: what carries it must not be believed. */
  hides(names: readonly string[]): boolean {
    return this.#owed.size > 0 && names.some((name) => this.#owed.has(name));
  }

  /** Tries at once: the store has just answered again. */
  retryNow(): void {
    if (this.#owed.size === 0 || this.#state === 'closed') return;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#options.background.run('owed invalidations', () => this.#payAll());
  }

  /** Tries once more, then gives up: the process ends. Resolves to how many names remain unpaid. */
  async close(): Promise<number> {
    this.#state = 'closed';
    this.#timer?.cancel();
    if (this.#owed.size > 0) await this.#payAll();
    return this.#owed.size;
  }

  async #payAll(): Promise<void> {
    try {
      for (const kind of ['delete', 'expire'] as const) await this.#pay(kind);
      this.#pause = FIRST_PAUSE;
    } catch {
      // Reported where it failed.
      this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE);
      this.#retryLater();
    }
  }

  async #pay(kind: InvalidationKind): Promise<void> {
    const names = [...this.#owed].filter(([, owed]) => owed === kind).map(([name]) => name);
    if (names.length === 0) return;
    await this.#options.pay(names, kind);
    // A name that has been owed more strongly meanwhile stays owed.
    for (const name of names) if (this.#owed.get(name) === kind) this.#owed.delete(name);
  }

  #retryLater(): void {
    if (this.#state === 'closed') return;
    this.#timer ??= this.#options.clock.schedule(this.#pause, () => this.retryNow());
  }
}
