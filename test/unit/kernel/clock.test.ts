import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../../src/kernel/clock.js';

const DAY = 86_400_000;

describe('systemClock', () => {
  // Only the timers are replaced: the real ones are what is tested, but nobody waits 30 days.
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
  afterEach(() => void vi.useRealTimers());

  it('INVARIANT 26: 30 days overflow no timer', () => {
    const fired = vi.fn();
    systemClock.schedule(30 * DAY, fired);
    vi.advanceTimersByTime(30 * DAY - 1);
    expect(fired).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(fired).toHaveBeenCalledTimes(1);
  });

  it('INVARIANT 26: Infinity sets no timer', () => {
    systemClock.schedule(Infinity, () => undefined).cancel();
    systemClock.schedule(Infinity, () => undefined);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('a cancelled timer does not fire, not even one that has been armed again', () => {
    const fired = vi.fn();
    const timer = systemClock.schedule(60 * DAY, fired);
    vi.advanceTimersByTime(30 * DAY);
    timer.cancel();
    vi.advanceTimersByTime(60 * DAY);
    expect(fired).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('INVARIANT 28: its timers keep no process alive', () => {
    const setTimer = vi.spyOn(globalThis, 'setTimeout');
    systemClock.schedule(30 * DAY, () => undefined);
    vi.advanceTimersByTime(25 * DAY);
    const handles = setTimer.mock.results.map((result) => result.value as NodeJS.Timeout);
    expect(handles).toHaveLength(2);
    expect(handles.map((handle) => handle.hasRef())).toEqual([false, false]);
    setTimer.mockRestore();
  });

  it('runs monotonically', () => {
    const first = systemClock.monotonic();
    expect(systemClock.monotonic()).toBeGreaterThanOrEqual(first);
    expect(Math.abs(systemClock.wall() - Date.now())).toBeLessThan(1_000);
  });
});
