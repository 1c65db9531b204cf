/**
 * Milliseconds in buckets that grow by 9 % (2^(1/8)), so that a million samples take a few hundred numbers and histograms of several processes can
 * be added. Quantiles are those of the buckets' upper ends; the maximum is exact.
 */
export interface HistogramJson {
  readonly counts: readonly number[];
  readonly max: number;
}

const SMALLEST = 0.001;
const PER_OCTAVE = 8;

export class Histogram {
  readonly #counts: number[] = [];
  #total = 0;
  #max = 0;

  add(ms: number): void {
    const bucket = ms <= SMALLEST ? 0 : Math.ceil(Math.log2(ms / SMALLEST) * PER_OCTAVE);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#total += 1;
    this.#max = Math.max(this.#max, ms);
  }

  addAll({ counts, max }: HistogramJson): void {
    for (const [bucket, count] of counts.entries()) {
      // Buckets that nothing fell into arrive as null from other processes.
      if (!count) continue;
      this.#counts[bucket] = (this.#counts[bucket] ?? 0) + count;
      this.#total += count;
    }
    this.#max = Math.max(this.#max, max);
  }

  get total(): number {
    return this.#total;
  }

  get max(): number {
    return this.#max;
  }

  /** The value that a share of the samples does not exceed; 0 when there are none. */
  quantile(share: number): number {
    let left = Math.ceil(this.#total * share);
    for (const [bucket, count] of this.#counts.entries()) {
      left -= count ?? 0;
      if (left <= 0 && count) return bucket === 0 ? 0 : Math.min(this.#max, SMALLEST * 2 ** (bucket / PER_OCTAVE));
    }
    return this.#max;
  }

  toJSON(): HistogramJson {
    return { counts: Array.from(this.#counts, (count) => count ?? 0), max: this.#max };
  }
}
