/** Caches for tests: over one memory table, on a fake clock, with everything recorded; several stand for several processes. */
import { randomUUID } from 'node:crypto';
import { onTestFinished } from 'vitest';
import type { CacheOptions } from '../../src/cache-options.js';
import { createCache } from '../../src/configure.js';
import type { CacheInstance } from '../../src/engine/cache.js';
import { EVERYTHING, namespaceName } from '../../src/kernel/names.js';
import { type LeaseMap, MemoryLeases } from '../../src/memory/memory-leases.js';
import { MemoryStore } from '../../src/memory/memory-store.js';
import { MemoryTable } from '../../src/memory/memory-table.js';
import type { Store } from '../../src/ports/store.js';
import { FakeClock } from './fake-clock.js';
import { Recorder } from './recorder.js';

export interface TestCache {
  readonly cache: CacheInstance;
  readonly store: Store;
  readonly recorder: Recorder;
  readonly warnings: string[];
}

/** One shared tier and one clock; `process()` makes another cache over them. */
export class TestCluster {
  readonly clock = new FakeClock();
  readonly #leases: LeaseMap = new Map();
  readonly #table = new MemoryTable({ clock: this.clock, loadDeadline: 600_000, maxEntries: Number.POSITIVE_INFINITY });

  /** How many leases there are, run out or not. */
  get leases(): number {
    return this.#leases.size;
  }

  /** A store over the shared table; `around` may replace methods of it, to count or to fail. */
  store(namespace = '', around: Partial<Store> = {}): Store {
    const store = new MemoryStore(this.#table, {
      clock: this.clock,
      scopeNames: [namespaceName(namespace), EVERYTHING],
      leases: new MemoryLeases(this.#leases, this.clock),
    });
    return new Proxy(store, {
      get(target, property) {
        const replaced: unknown = Reflect.get(around, property);
        if (replaced !== undefined) return replaced;
        const own: unknown = Reflect.get(target, property, target);
        return typeof own === 'function' ? own.bind(target) : own;
      },
    });
  }

  async process(options: CacheOptions = {}, around: Partial<Store> = {}): Promise<TestCache> {
    const recorder = new Recorder();
    const warnings: string[] = [];
    const store = options.store ?? this.store(options.namespace, around);
    const cache = await createCache({
      name: randomUUID(),
      clock: this.clock,
      observer: recorder,
      logger: { warn: (message) => warnings.push(message) },
      defaults: { ttl: '1h', jitter: 0 },
      ...options,
      store,
    });
    onTestFinished(() => cache.close());
    return { cache, store, recorder, warnings };
  }
}

/** A loader that waits until the test lets it go. */
export class Gate<T = unknown> {
  calls = 0;
  readonly #waiting: { resolve: (value: T) => void; reject: (error: unknown) => void }[] = [];

  /** The loader. */
  readonly load = (): Promise<T> => {
    this.calls += 1;
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  };

  /** Lets the oldest waiting load succeed. */
  open(value: T): void {
    this.#next().resolve(value);
  }

  /** Lets the oldest waiting load fail. */
  fail(error: unknown): void {
    this.#next().reject(error);
  }

  /** Resolves when `calls` loads have begun. */
  async begun(calls = 1): Promise<void> {
    for (let turn = 0; this.calls < calls; turn += 1) {
      if (turn > 1_000) throw new Error(`${this.calls} loads began, ${calls} were awaited`);
      await turnOfTheLoop();
    }
  }

  #next(): { resolve: (value: T) => void; reject: (error: unknown) => void } {
    const next = this.#waiting.shift();
    if (next === undefined) throw new Error('No load waits');
    return next;
  }
}

/** Lets everything that waits for promises only run to its end. */
export async function turnOfTheLoop(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
