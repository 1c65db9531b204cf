/** One number per round, and what is read from them: medians and quartiles, because one disturbed round must not move a result. */

export class Series {
  readonly values: readonly number[];

  constructor(values: readonly number[]) {
    if (values.length === 0) throw new RangeError('A series has at least one value');
    this.values = values;
  }

  get median(): number {
    return quantile(this.values, 0.5);
  }

  /** The spread: a quarter of the rounds was below `low`, a quarter above `high`. */
  get low(): number {
    return quantile(this.values, 0.25);
  }

  get high(): number {
    return quantile(this.values, 0.75);
  }

  /** Ratios round by round: what disturbs a round disturbs both of its samples, and leaves their ratio. */
  over(reference: Series): Series {
    return this.#with(reference, (value, other) => value / other);
  }

  /** Differences round by round. */
  minus(reference: Series): Series {
    return this.#with(reference, (value, other) => value - other);
  }

  toJSON(): { readonly median: number; readonly low: number; readonly high: number } {
    return { median: rounded(this.median), low: rounded(this.low), high: rounded(this.high) };
  }

  #with(reference: Series, combine: (value: number, other: number) => number): Series {
    if (reference.values.length !== this.values.length) throw new RangeError('Series of different rounds');
    return new Series(this.values.map((value, round) => combine(value, reference.values[round] ?? Number.NaN)));
  }
}

/** The value below which a share of the values lies, interpolated between neighbours. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  const at = (sorted.length - 1) * share;
  const below = sorted[Math.floor(at)] ?? Number.NaN;
  const above = sorted[Math.ceil(at)] ?? below;
  return below + (above - below) * (at - Math.floor(at));
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
