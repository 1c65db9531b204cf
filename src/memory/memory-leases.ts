/** Leases in memory: several holders over one map stand for several processes. */
import type { Clock } from '../kernel/clock.js';
import type { Leases } from '../ports/lease.js';

/** What holders share: who holds which id, and until when (monotonic milliseconds). */
export type LeaseMap = Map<string, { readonly holder: object; readonly until: number }>;

export class MemoryLeases implements Leases {
  readonly #held: LeaseMap;
  readonly #clock: Clock;

  constructor(held: LeaseMap, clock: Clock) {
    this.#held = held;
    this.#clock = clock;
  }

  async acquire(id: string, ms: number): Promise<'granted' | 'held'> {
    const now = this.#clock.monotonic();
    const lease = this.#held.get(id);
    if (lease !== undefined && lease.holder !== this && lease.until > now) return 'held';
    this.#held.set(id, { holder: this, until: now + ms });
    return 'granted';
  }

  async renew(ids: readonly string[], ms: number): Promise<void> {
    const until = this.#clock.monotonic() + ms;
    for (const id of ids) if (this.#held.get(id)?.holder === this) this.#held.set(id, { holder: this, until });
  }

  async release(id: string): Promise<void> {
    if (this.#held.get(id)?.holder === this) this.#held.delete(id);
  }
}
