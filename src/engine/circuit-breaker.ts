/**
 * The circuit breaker: leaves a store alone that has failed several times in a row, so that nobody waits for the deadline of a call that
 * would fail as well, and lets one call at a time try whether it is back.
 *
 *     closed ── `failures` in a row ──> open ── `probeAfter` has passed ──> half-open ── the probe succeeds ──> closed
 *                                        ^                                     |
 *                                        └──────────── the probe fails ────────┘
 *
 * Pure but for the clock it is given. The states are those of M. Nygard, "Release It!" (2007), chapter 5.
 */
import type { Clock } from '../kernel/clock.js';

/** `closed`: calls go to the store. `open`: none does. `half-open`: one does, and the others wait for what it finds. */
export type BreakerState = 'closed' | 'open' | 'half-open';

export interface BreakerOptions {
  /** Failures in a row that open it. */
  readonly failures: number;
  /** Milliseconds from a failure until the next probe. */
  readonly probeAfter: number;
}

/** A call that was let through; handed back with how it ended, exactly once. */
export interface Admission {
  /** How many failures had been noted when it was let through. */
  readonly noted: number;
}

export class CircuitBreaker {
  readonly #options: BreakerOptions;
  readonly #clock: Clock;
  readonly #onChange: (state: 'open' | 'closed') => void;
  #state: BreakerState = 'closed';
  #inARow = 0;
  #noted = 0;
  #probeAt = 0;

  constructor(options: BreakerOptions, clock: Clock, onChange: (state: 'open' | 'closed') => void) {
    this.#options = options;
    this.#clock = clock;
    this.#onChange = onChange;
  }

  get state(): BreakerState {
    return this.#state;
  }

  /** Whether `admit` would refuse now. */
  get refuses(): boolean {
    if (this.#state === 'closed') return false;
    return this.#state === 'half-open' || this.#clock.monotonic() < this.#probeAt;
  }

  /** Milliseconds until a call is let through again; 0 = at once. */
  get refusesFor(): number {
    return this.#state === 'closed' ? 0 : Math.max(0, this.#probeAt - this.#clock.monotonic());
  }

  /** Lets a call through, or refuses it. When a probe is due, the first to ask is the probe. */
  admit(): Admission | 'refused' {
    if (this.refuses) return 'refused';
    if (this.#state === 'open') this.#state = 'half-open';
    return { noted: this.#noted };
  }

  /** The store has answered: whatever failed before, it is back. */
  succeeded(): void {
    this.#inARow = 0;
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#onChange('closed');
  }

  /**
   * The store has failed. Calls travel together and fail together, so of those that were under way at one time one failure counts; a call
   * that was let through before the breaker opened says nothing about a probe.
   */
  failed(admission: Admission): void {
    if (admission.noted !== this.#noted) return;
    this.#noted += 1;
    this.#inARow += 1;
    if (this.#state === 'closed' && this.#inARow < this.#options.failures) return;
    const wasClosed = this.#state === 'closed';
    this.#state = 'open';
    this.#probeAt = this.#clock.monotonic() + this.#options.probeAfter;
    if (wasClosed) this.#onChange('open');
  }

  /** The call ended without a word about the store: a probe that did leaves its turn to the next. */
  abstained(admission: Admission): void {
    if (this.#state === 'half-open' && admission.noted === this.#noted) this.#state = 'open';
  }
}
