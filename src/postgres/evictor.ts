/**
 * The evictor: keeps the table within `maxEntries` and `maxBytes`, after a sweep has counted what lives. It learns from a sample which age the oldest
 * share has, and removes what is older in statements of bounded size, in the order of ids like the sweeper. So the bounds are held after each sweep,
 * and approximately the oldest entries go; between two sweeps the table may grow beyond them.
 */

import type { Tables } from './names.js';
import { cutoffStatement, evictStatement } from './queries/evict.js';
import type { Parameter, Row, Statement } from './statement.js';

/** Most entries and bytes of values; Infinity = no bound. */
export interface Bounds {
  readonly maxEntries: number;
  readonly maxBytes: number;
}

/** What lives. */
export interface Living {
  readonly entries: number;
  readonly bytes: number;
}

/** Entries that a sample has: enough to tell a share of them within a hundredth. */
const SAMPLE = 20_000;

export class Evictor {
  readonly #bounds: Bounds;
  readonly #cutoff: Statement;
  readonly #evict: Statement;

  constructor(tables: Tables, bounds: Bounds) {
    this.#bounds = bounds;
    this.#cutoff = cutoffStatement(tables);
    this.#evict = evictStatement(tables);
  }

  /**
   * Removes what is too much; answers how many entries.
   *
   * @param mayGoOn asked before each statement
   */
  async evict(
    living: Living,
    batch: number,
    run: (statement: Statement, values: readonly Parameter[]) => Promise<readonly Row[]>,
    mayGoOn: () => Promise<boolean>,
  ): Promise<number> {
    let entries = living.entries - this.#bounds.maxEntries;
    let bytes = living.bytes - this.#bounds.maxBytes;
    const share = Math.max(entries / living.entries, bytes / living.bytes);
    if (!(share > 0)) return 0;
    const percent = Math.min(100, (100 * SAMPLE) / living.entries);
    const [row] = await run(this.#cutoff, [percent, Math.min(1, share)]);
    const cutoff = row?.[0];
    if (cutoff == null) return 0;
    let evicted = 0;
    for (let after = ''; (entries > 0 || bytes > 0) && (await mayGoOn()); ) {
      const most = bytes > 0 ? batch : Math.min(batch, entries);
      const [answer] = await run(this.#evict, [after, batch, cutoff, most]);
      const [last = null, lookedAt, removed, freed] = answer ?? [];
      evicted += Number(removed);
      entries -= Number(removed);
      bytes -= Number(freed);
      if (Number(lookedAt) < batch || last === null) break;
      after = last;
    }
    return evicted;
  }
}
