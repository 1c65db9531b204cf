/** Locks in memory: several stores over one table stand for several processes. */
import type { Clock } from '../kernel/clock.js';
import type { Locks } from '../ports/locks.js';

/** What holders share: who holds which name until when (monotonic milliseconds), and the last fence given out. */
export interface LockTable {
  readonly held: Map<string, { readonly holder: string; readonly until: number }>;
  lastFence: number;
}

export class MemoryLocks implements Locks {
  readonly #table: LockTable;
  readonly #clock: Clock;

  constructor(table: LockTable, clock: Clock) {
    this.#table = table;
    this.#clock = clock;
  }

  async acquire(name: string, holder: string, ms: number): Promise<number | undefined> {
    const now = this.#clock.monotonic();
    const lock = this.#table.held.get(name);
    if (lock !== undefined && lock.until > now) return undefined;
    this.#table.held.set(name, { holder, until: now + ms });
    this.#table.lastFence += 1;
    return this.#table.lastFence;
  }

  async renew(name: string, holder: string, ms: number): Promise<'renewed' | 'lost'> {
    if (!this.#isHeldBy(name, holder)) return 'lost';
    this.#table.held.set(name, { holder, until: this.#clock.monotonic() + ms });
    return 'renewed';
  }

  async release(name: string, holder: string): Promise<'released' | 'lost'> {
    if (!this.#isHeldBy(name, holder)) return 'lost';
    this.#table.held.delete(name);
    return 'released';
  }

  #isHeldBy(name: string, holder: string): boolean {
    const lock = this.#table.held.get(name);
    return lock !== undefined && lock.holder === holder && lock.until > this.#clock.monotonic();
  }
}
