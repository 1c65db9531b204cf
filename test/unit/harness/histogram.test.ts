import { describe, expect, it } from 'vitest';
import { Histogram } from '../../../harness/report/histogram.js';

describe('a histogram of milliseconds', () => {
  it('answers quantiles within 10 %, and the maximum exactly', () => {
    const histogram = new Histogram();
    for (let ms = 1; ms <= 1_000; ms += 1) histogram.add(ms);
    for (const share of [0.1, 0.5, 0.99]) {
      expect(histogram.quantile(share)).toBeGreaterThanOrEqual(share * 1_000);
      expect(histogram.quantile(share)).toBeLessThan(share * 1_000 * 1.1);
    }
    expect([histogram.total, histogram.max, histogram.quantile(1)]).toEqual([1_000, 1_000, 1_000]);
  });

  it('adds those of other processes, which arrive as JSON', () => {
    const [one, other] = [new Histogram(), new Histogram()];
    one.add(0);
    other.add(500);
    other.add(2);
    one.addAll(JSON.parse(JSON.stringify(other)) as ReturnType<Histogram['toJSON']>);
    expect([one.total, one.max, one.quantile(0.3)]).toEqual([3, 500, 0]);
  });

  it('is empty at first', () => {
    expect([new Histogram().total, new Histogram().max, new Histogram().quantile(0.5)]).toEqual([0, 0, 0]);
  });
});
