/**
 * The lease keeper: takes leases for this process and holds on to them while their loads run. One timer renews all of them in one
 * call; a process that dies, stops or loses the store renews nothing, so its leases pass on by themselves.
 */
import type { Clock, Timer } from '../kernel/clock.js';
import type { Leases } from '../ports/lease.js';
import type { Background } from './background.js';
import type { Reporter } from './reporter.js';

/** How long a lease lasts when it is not renewed, and how often it is, in milliseconds. */
const LASTS = 3_000;
const RENEWED_EVERY = 1_000;

/** A lease of this process. */
export interface HeldLease {
  /** Gives it back, in the background. */
  release(): void;
}

export interface LeaseKeeperOptions {
  /** Those of the store guard. Undefined: no other process loads into this store, so everything is granted. */
  readonly leases: Leases | undefined;
  readonly clock: Clock;
  readonly background: Background;
  readonly reporter: Reporter;
}

export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  /** How many loads of this process hold each id: after `leaseTimeout` there may be more than one. */
  readonly #held = new Map<string, number>();
  #timer: Timer | undefined;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
  }

  /** Whether there are other processes to keep from loading the same. */
  get isShared(): boolean {
    return this.#options.leases !== undefined;
  }

  /** Takes the lease of an id. `unavailable`: the store cannot tell, and a load should not wait for that. */
  async take(id: string): Promise<HeldLease | 'held' | 'unavailable'> {
    const { leases } = this.#options;
    if (leases === undefined) return 'unavailable';
    const taken = await this.#ask(() => leases.acquire(id, LASTS));
    if (taken === undefined) return 'unavailable';
    if (taken.answer === 'held') return 'held';
    this.#hold(id);
    let state: 'held' | 'released' = 'held';
    return {
      release: () => {
        if (state === 'released') return;
        state = 'released';
        this.#letGo(id, leases);
      },
    };
  }

  /** Renews nothing any more: what is still held passes on. */
  close(): void {
    this.#timer?.cancel();
    this.#held.clear();
  }

  #hold(id: string): void {
    this.#held.set(id, (this.#held.get(id) ?? 0) + 1);
    this.#timer ??= this.#options.clock.schedule(RENEWED_EVERY, () => void this.#renew());
  }

  #letGo(id: string, leases: Leases): void {
    const others = (this.#held.get(id) ?? 1) - 1;
    if (others > 0) {
      this.#held.set(id, others);
      return;
    }
    this.#held.delete(id);
    this.#options.background.run(`release ${id}`, async () => {
      if (!this.#held.has(id)) await this.#ask(() => leases.release(id));
    });
  }

  async #renew(): Promise<void> {
    const { leases, clock } = this.#options;
    const ids = [...this.#held.keys()];
    if (leases !== undefined && ids.length > 0) await this.#ask(() => leases.renew(ids, LASTS));
    this.#timer = this.#held.size === 0 ? undefined : clock.schedule(RENEWED_EVERY, () => void this.#renew());
  }

  /** An answer of the store; failures are reported and cost nothing but the lease. Undefined = none. */
  async #ask<T>(ask: () => Promise<T>): Promise<{ readonly answer: T } | undefined> {
    try {
      return { answer: await ask() };
    } catch (error) {
      this.#options.reporter.error({ key: undefined }, 'lease', error);
      return undefined;
    }
  }
}
