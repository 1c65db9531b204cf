/** Counting on: the short way of an addition, for counters that certainly go on (queries/count-on.ts); most do. */
import { nothingRunsIn, type Snapshot } from '../kernel/snapshot.js';
import type { IncrementResult } from '../ports/counters.js';
import { type Addition, countedOf, isOfOneBigint } from './addition.js';
import { textArray } from './arrays.js';
import type { Connections } from './connections.js';
import { countOnStatement, countSeveralOnStatement } from './queries/count-on.js';
import type { Row, Statement } from './statement.js';

/** Most batches in a row that go the long way at once, while the short one leads nowhere: while counters begin, or invalidations pour in. */
const MOST_PASSES = 31;

export class CountingOn {
  readonly #connections: Connections;
  /** For while no other writing transaction is open, and for while some are. */
  readonly #one: Readonly<Record<'quiet' | 'busy', Statement>>;
  readonly #several: Readonly<Record<'quiet' | 'busy', Statement>>;
  /** What the last statement saw. */
  #server: 'quiet' | 'busy' = 'busy';
  /** Batches that pass by it from now on; and how many will after its next failure: each doubles them, a success begins anew. */
  #passes = 0;
  #nextPasses = 1;

  constructor(connections: Connections) {
    const { tables } = connections;
    this.#connections = connections;
    this.#one = { quiet: countOnStatement(tables, 'quiet'), busy: countOnStatement(tables, 'busy') };
    this.#several = { quiet: countSeveralOnStatement(tables, 'quiet'), busy: countSeveralOnStatement(tables, 'busy') };
  }

  /** Carries out what it can of `additions`; answers the results by their places, none where nothing was added. */
  async add(additions: readonly Addition[]): Promise<readonly (readonly IncrementResult[] | undefined)[]> {
    if (this.#passes > 0) {
      this.#passes -= 1;
      return [];
    }
    const rows = additions.every(isOfOneBigint) ? await this.#run(additions) : [];
    const results: (readonly IncrementResult[] | undefined)[] = additions.map(() => undefined);
    for (const [n, number, xid, isQuiet] of rows) {
      const at = Number(n) - 1;
      const addition = additions[at];
      if (addition !== undefined) results[at] = countedOf(addition, BigInt(number ?? 0), Number(xid));
      this.#server = isQuiet === 't' ? 'quiet' : 'busy';
    }
    this.#learn(rows.length * 2 >= additions.length);
    return results;
  }

  /** Takes note of what a statement of the long way could see. */
  note(snapshot: Snapshot): void {
    this.#server = nothingRunsIn(snapshot) ? 'quiet' : 'busy';
  }

  #run(additions: readonly Addition[]): Promise<readonly Row[]> {
    const { executor } = this.#connections;
    const [first] = additions;
    if (first !== undefined && additions.length === 1) {
      const { id, sum, least, most } = first;
      return executor.run(this.#one[this.#server], [id, String(sum), String(least), String(most)]);
    }
    return executor.run(this.#several[this.#server], [
      textArray(additions.map(({ id }) => id)),
      textArray(additions.map(({ sum }) => String(sum))),
      textArray(additions.map(({ least }) => String(least))),
      textArray(additions.map(({ most }) => String(most))),
    ]);
  }

  #learn(wasOfUse: boolean): void {
    this.#passes = wasOfUse ? 0 : this.#nextPasses;
    this.#nextPasses = wasOfUse ? 1 : Math.min(2 * this.#nextPasses + 1, MOST_PASSES);
  }
}
