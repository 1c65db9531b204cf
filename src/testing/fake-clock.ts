/** A clock that stands still until a test moves it. */
import type { Clock, Timer } from '../kernel/clock.js';

interface Pending {
  readonly at: number;
  readonly fn: () => void;
}

/**
 * A {@link Clock} for tests. `advance` moves both of its times and runs the timers that come due, in order of time, then of
 * scheduling, those included that they schedule themselves; each sees the time it was due at.
 *
 * @example
 * const clock = new FakeClock();
 * clock.schedule(100, () => log('fired'));
 * clock.advance(99);  // nothing
 * clock.advance(1);   // fired
 */
export class FakeClock implements Clock {
  #monotonic: number;
  #wall: number;
  readonly #pending = new Set<Pending>();

  /** `wall` in milliseconds since 1970; the default is a fixed day in 2025. `monotonic` starts somewhere, as a real one does. */
  constructor({ wall = Date.UTC(2025, 0, 15, 12), monotonic = 1_000 } = {}) {
    this.#wall = wall;
    this.#monotonic = monotonic;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  wall(): number {
    return this.#wall;
  }

  schedule(ms: number, fn: () => void): Timer {
    const pending: Pending = { at: this.#monotonic + Math.max(0, ms), fn };
    this.#pending.add(pending);
    return { cancel: () => this.#pending.delete(pending) };
  }

  /** How many timers wait, those that never fire (`Infinity`) left out. */
  get timers(): number {
    return [...this.#pending].filter(({ at }) => at !== Number.POSITIVE_INFINITY).length;
  }

  /** Lets `ms` milliseconds pass at once. Promises settle only when the test awaits something: see {@link advanceAsync}. */
  advance(ms: number): void {
    const end = this.#monotonic + checked(ms);
    for (let next = this.#due(end); next !== undefined; next = this.#due(end)) this.#fire(next);
    this.#moveTo(end);
  }

  /** Lets `ms` milliseconds pass, and before, between and after timers everything that waits for promises only. */
  async advanceAsync(ms: number): Promise<void> {
    const end = this.#monotonic + checked(ms);
    await settle();
    for (let next = this.#due(end); next !== undefined; next = this.#due(end)) {
      this.#fire(next);
      await settle();
    }
    this.#moveTo(end);
    await settle();
  }

  /** Changes the wall clock only, as an administrator or a resumed machine does; timers do not notice. */
  jumpWall(ms: number): void {
    this.#wall += ms;
  }

  #due(end: number): Pending | undefined {
    let first: Pending | undefined;
    for (const pending of this.#pending) {
      if (pending.at <= end && (first === undefined || pending.at < first.at)) first = pending;
    }
    return first;
  }

  #fire(pending: Pending): void {
    this.#pending.delete(pending);
    this.#moveTo(pending.at);
    pending.fn();
  }

  #moveTo(at: number): void {
    if (at <= this.#monotonic) return;
    this.#wall += at - this.#monotonic;
    this.#monotonic = at;
  }
}

function checked(ms: number): number {
  if (!(Number.isFinite(ms) && ms >= 0)) throw new RangeError(`Expected a time that passes, got ${ms} ms`);
  return ms;
}

/** A turn of the event loop: every chain of promises that waits for nothing else has run to its end. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
