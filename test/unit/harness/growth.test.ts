/** Judging growth by counts made by hand: tables that converge pass, however unevenly they are written; each that does not is reported. */
import { describe, expect, it } from 'vitest';
import { type GrowthSample, judgeGrowth, leastTime } from '../../../harness/check/growth.js';

const LOAD_DEADLINE = 5_000;
const EVERY = 5_000;
const END = leastTime(LOAD_DEADLINE) + 10_000;

/** What a second's writing does, and what is kept of it. */
interface Tables {
  /** Rows of the log that are written in each second, from an instant on; default: 500, always. */
  readonly rate?: (at: number) => number;
  /** How long rows of the log are kept; default: 70 s, the load deadline, its margin and some sweeps. */
  readonly kept?: number;
  /** Whether dead rows are vacuumed, and their room is used again. */
  readonly vacuum?: 'on' | 'off';
}

/** Samples of tables that are written for as long as growth is watched, at least. */
function watched({ rate = () => 500, kept = 70_000, vacuum = 'on' }: Tables): readonly GrowthSample[] {
  const writtenUntil = (at: number): number =>
    Array.from({ length: Math.floor(Math.max(0, at) / 1_000) }, (_, second) => rate(second * 1_000)).reduce(
      (a, b) => a + b,
      0,
    );
  let peak = 0;
  return Array.from({ length: Math.floor(END / EVERY) + 1 }, (_, index): GrowthSample => {
    const at = index * EVERY;
    const written = writtenUntil(at);
    const rows = written - writtenUntil(at - kept);
    const died = written - rows;
    const dead = vacuum === 'on' ? Math.min(died, 900) : died;
    peak = Math.max(peak, rows + dead);
    const entries = { rows: 80, dead: vacuum === 'on' ? 1_200 : written, bytes: 450_000, written, died: written };
    return { at, log: { rows, dead, bytes: peak * 170, written, died }, entries };
  });
}

const judge = (tables: Tables): readonly string[] => judgeGrowth(watched(tables), LOAD_DEADLINE);

describe('INVARIANT 29: tables that are written without a pause', () => {
  it('converge', () => {
    expect(judge({})).toEqual([]);
  });

  it('converge also when the rate of writing trebles, or drops to a tenth', () => {
    expect(judge({ rate: (at) => (at > END / 2 ? 1_500 : 500) })).toEqual([]);
    expect(judge({ rate: (at) => (at > END / 2 ? 50 : 500) })).toEqual([]);
  });

  it('converge on a machine that sweeps a minute late', () => {
    expect(judge({ kept: 129_000 })).toEqual([]);
  });

  it('are reported when nothing is swept, whatever the rate', () => {
    for (const rate of [
      () => 500,
      (at: number) => (at > END / 2 ? 1_000 : 500),
      (at: number) => (at > END / 2 ? 250 : 500),
    ])
      expect(judge({ rate, kept: Number.POSITIVE_INFINITY })).toContainEqual(expect.stringContaining('the log holds'));
  });

  it('are reported when nothing is vacuumed', () => {
    const wrong = judge({ vacuum: 'off' });
    expect(wrong).toContainEqual(expect.stringMatching(/^entries: \d+ of the \d+ rows that ever died/));
    expect(wrong).toContainEqual(expect.stringMatching(/^log: \d+ of the \d+ rows that ever died/));
    expect(wrong).toContainEqual(expect.stringMatching(/^log: \d+ KiB after half of the time, \d+ KiB at its end/));
  });

  it('are not judged before there is something to see', () => {
    expect(judgeGrowth(watched({}).slice(0, -10), LOAD_DEADLINE)).toEqual([expect.stringContaining('too few samples')]);
    expect(judgeGrowth([], LOAD_DEADLINE)).toEqual([expect.stringContaining('too few samples')]);
  });
});
