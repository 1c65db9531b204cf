/** Leases over PostgreSQL: rows of one table, taken, held and given back in batches. No session is held, so poolers do not matter. */
import { randomUUID } from 'node:crypto';
import type { Leases } from '../ports/lease.js';
import { textArray } from './arrays.js';
import { Batcher } from './batcher.js';
import type { Connections } from './connections.js';
import { acquireStatement, releaseStatement, renewStatement } from './queries/leases.js';

interface Acquisition {
  readonly id: string;
  readonly ms: number;
}

export class PostgresLeases implements Leases {
  /** Who holds: this cache of this process, whatever else it is called. */
  readonly #holder = randomUUID();
  readonly #connections: Connections;
  readonly #acquisitions: Batcher<Acquisition, 'granted' | 'held'>;
  readonly #releases: Batcher<string, undefined>;
  readonly #renew;

  constructor(connections: Connections, options: { readonly timeout: number; readonly maxBatch: number }) {
    this.#connections = connections;
    const { tables } = connections;
    const [acquire, release] = [acquireStatement(tables), releaseStatement(tables)];
    this.#renew = renewStatement(tables);
    const batching = { ...options, slots: 1 };
    this.#acquisitions = new Batcher({
      ...batching,
      run: async (wanted) => {
        const ids = [...new Set(wanted.map(({ id }) => id))];
        const ms = Math.max(...wanted.map((one) => one.ms));
        const rows = await connections.executor.run(acquire, [textArray(ids), this.#holder, ms]);
        const granted = new Set(rows.map(([n]) => ids[Number(n) - 1]));
        return wanted.map(({ id }) => (granted.has(id) ? 'granted' : 'held'));
      },
    });
    this.#releases = new Batcher({
      ...batching,
      run: async (ids) => {
        await connections.executor.run(release, [textArray(ids), this.#holder]);
        return ids.map(() => undefined);
      },
    });
  }

  acquire(id: string, ms: number): Promise<'granted' | 'held'> {
    return this.#acquisitions.call({ id, ms }).result;
  }

  async renew(ids: readonly string[], ms: number): Promise<void> {
    await this.#connections.executor.run(this.#renew, [textArray(ids), this.#holder, ms]);
  }

  async release(id: string): Promise<void> {
    await this.#releases.call(id).result;
  }

  /** Resolves when no call is under way. */
  async idle(): Promise<void> {
    await Promise.all([this.#acquisitions.idle(), this.#releases.idle()]);
  }
}
