/**
 * The clock port: the only way Keepsake reads a process's time. Tests inject a fake one.
 * Lifetimes are decided by the database; a process measures only how long ago it learned something.
 */

/** A timer that can be cancelled. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds from an arbitrary origin, never going back. */
  monotonic(): number;
  /** Wall-clock milliseconds since 1970, used only to notice jumps and to stamp events. */
  wall(): number;
  /**
   * Runs `fn` once after `ms` milliseconds; `ms` may be Infinity (never). Only a timer that somebody `awaits` keeps the process alive:
   * one that a caller's answer hangs on, with nothing else under way.
   */
  schedule(ms: number, fn: () => void, purpose?: 'background' | 'awaited'): Timer;
}

/** The longest delay setTimeout takes; a longer one would fire at once. */
const MAX_DELAY = 2 ** 31 - 1;

/** The process's clock: `performance.now()`, `Date.now()` and unref'd timers. */
export const systemClock: Clock = {
  monotonic: () => performance.now(),
  wall: () => Date.now(),
  schedule(ms, fn, purpose = 'background') {
    let handle: NodeJS.Timeout | undefined;
    const arm = (left: number): void => {
      if (left === Number.POSITIVE_INFINITY) return;
      const step = Math.min(left, MAX_DELAY);
      handle = setTimeout(() => (left > step ? arm(left - step) : fn()), step);
      if (purpose === 'background') handle.unref();
    };
    arm(ms);
    return { cancel: () => clearTimeout(handle) };
  },
};
