import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../support/fake-clock.js';

describe('FakeClock', () => {
  it('fires due timers in order of time, then of scheduling, each at its own time', () => {
    const clock = new FakeClock({ monotonic: 0 });
    const fired: string[] = [];
    const log = (name: string) => () => fired.push(`${name}@${clock.monotonic()}`);
    clock.schedule(20, log('late'));
    clock.schedule(10, log('a'));
    clock.schedule(10, log('b'));
    clock.schedule(21, log('never'));
    clock.advance(20);
    expect(fired).toEqual(['a@10', 'b@10', 'late@20']);
    expect(clock.monotonic()).toBe(20);
    expect(clock.timers).toBe(1);
  });

  it('fires timers that timers schedule, as far as time passes', () => {
    const clock = new FakeClock();
    let ticks = 0;
    const tick = (): void => {
      ticks += 1;
      clock.schedule(100, tick);
    };
    clock.schedule(100, tick);
    clock.advance(350);
    expect(ticks).toBe(3);
  });

  it('never fires what was cancelled, nor what is scheduled after Infinity', () => {
    const clock = new FakeClock();
    let fired = 0;
    clock.schedule(1, () => (fired += 1)).cancel();
    clock.schedule(Number.POSITIVE_INFINITY, () => (fired += 1));
    clock.advance(1e12);
    expect(fired).toBe(0);
    expect(clock.timers).toBe(0);
  });

  it('moves both times, and jumpWall only the wall clock', () => {
    const clock = new FakeClock({ monotonic: 5, wall: 1_000 });
    clock.advance(10);
    expect([clock.monotonic(), clock.wall()]).toEqual([15, 1_010]);
    clock.jumpWall(-3_600_000);
    expect([clock.monotonic(), clock.wall()]).toEqual([15, 1_010 - 3_600_000]);
  });

  it('advanceAsync lets promises settle between timers', async () => {
    const clock = new FakeClock({ monotonic: 0 });
    const steps: number[] = [];
    const wait = (ms: number): Promise<void> => new Promise((resolve) => void clock.schedule(ms, resolve));
    const run = (async () => {
      for (let turn = 0; turn < 3; turn += 1) {
        await wait(10);
        steps.push(clock.monotonic());
      }
    })();
    await clock.advanceAsync(30);
    expect(steps).toEqual([10, 20, 30]);
    await run;
  });

  it('refuses time that does not pass', () => {
    expect(() => new FakeClock().advance(-1)).toThrow('got -1 ms');
    expect(() => new FakeClock().advance(Number.NaN)).toThrow('got NaN ms');
  });
});
