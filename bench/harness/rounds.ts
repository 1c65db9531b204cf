/**
 * Interleaved rounds: every subject is sampled once a round, in an order that changes from round to round, and subjects are compared
 * within rounds. Measured one after the other, as most harnesses do, two subjects meet different weather: a neighbour's load, the
 * processor's clock, the heap.
 */
import { Series } from './statistics.js';

/** Something that is measured. */
export interface Subject<Metric extends string> {
  readonly name: string;
  /** Throws when it does not answer what it should: a wrong answer is often a fast one. Runs before anything is timed. */
  readonly check: () => Promise<void>;
  /** One sample; reports what happened in it, per call. */
  readonly sample: () => Promise<Readonly<Record<Metric, number>>>;
}

export interface RoundOptions {
  readonly rounds: number;
  /** Rounds before those that count: compilers warm up, pools connect. */
  readonly warmups: number;
}

/** What was measured, one series for each metric. */
export type Measured<Metric extends string> = Readonly<Record<Metric, Series>>;

/** Checks all subjects, then samples them in rounds. */
export async function runRounds<Metric extends string>(
  subjects: readonly Subject<Metric>[],
  options: RoundOptions,
): Promise<(name: string) => Measured<Metric>> {
  for (const { name, check } of subjects) {
    await check().catch((cause: unknown) => {
      throw new Error(`\`${name}\` does not answer what it should`, { cause });
    });
  }
  const samples = new Map<string, Readonly<Record<Metric, number>>[]>(subjects.map(({ name }) => [name, []]));
  if (samples.size < subjects.length) throw new Error('Two subjects have one name');
  for (let round = -options.warmups; round < options.rounds; round += 1) {
    for (const { name, sample } of inOrderOf(round, subjects)) {
      const measured = await sample();
      if (round >= 0) samples.get(name)?.push(measured);
    }
  }
  const series = new Map([...samples].map(([name, values]) => [name, seriesOf(values)]));
  return (name) => {
    const found = series.get(name);
    if (found === undefined) throw new Error(`There is no subject \`${name}\``);
    return found;
  };
}

/** Forwards in even rounds and backwards in odd ones, beginning with another subject each time: nobody always follows the same one. */
function inOrderOf<T>(round: number, subjects: readonly T[]): readonly T[] {
  const turn = Math.abs(round) % subjects.length;
  const turned = [...subjects.slice(turn), ...subjects.slice(0, turn)];
  return round % 2 === 0 ? turned : turned.reverse();
}

function seriesOf<Metric extends string>(samples: readonly Readonly<Record<Metric, number>>[]): Measured<Metric> {
  const [first] = samples;
  if (first === undefined) throw new RangeError('Nothing was sampled');
  const metrics = Object.keys(first) as Metric[];
  const entries = metrics.map((metric) => [metric, new Series(samples.map((sample) => sample[metric]))] as const);
  return Object.fromEntries(entries) as Record<Metric, Series>;
}
