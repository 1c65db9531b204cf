/** Locks over PostgreSQL: rows of a logged table, taken, held and given back in batches. No session is held, so poolers do not matter. */
import type { Locks } from '../ports/locks.js';
import { numberArray, textArray } from './arrays.js';
import { Batcher } from './batcher.js';
import type { Connections } from './connections.js';
import { holdLockStatement, takeLockStatement } from './queries/locks.js';
import type { Row, Statement } from './statement.js';

interface Wish {
  readonly name: string;
  readonly holder: string;
  readonly ms: number;
}

export class PostgresLocks implements Locks {
  readonly #connections: Connections;
  readonly #taking: Batcher<Wish, number | undefined>;
  readonly #holding: Batcher<Wish, 'held' | 'lost'>;

  constructor(connections: Connections, options: { readonly timeout: number; readonly maxBatch: number }) {
    this.#connections = connections;
    const { tables } = connections;
    const [take, hold] = [takeLockStatement(tables), holdLockStatement(tables)];
    this.#taking = new Batcher({ ...options, slots: 1, run: (wishes) => this.#take(take, wishes) });
    this.#holding = new Batcher({ ...options, slots: 1, run: (wishes) => this.#hold(hold, wishes) });
  }

  acquire(name: string, holder: string, ms: number): Promise<number | undefined> {
    return this.#taking.call({ name, holder, ms }).result;
  }

  async renew(name: string, holder: string, ms: number): Promise<'renewed' | 'lost'> {
    const answer = await this.#holding.call({ name, holder, ms }).result;
    return answer === 'held' ? 'renewed' : 'lost';
  }

  async release(name: string, holder: string): Promise<'released' | 'lost'> {
    const answer = await this.#holding.call({ name, holder, ms: 0 }).result;
    return answer === 'held' ? 'released' : 'lost';
  }

  /** Resolves when no call is under way. */
  async idle(): Promise<void> {
    await Promise.all([this.#taking.idle(), this.#holding.idle()]);
  }

  /** Of several who want one name the first is asked for. */
  async #take(statement: Statement, wishes: readonly Wish[]): Promise<readonly (number | undefined)[]> {
    const first = new Map<string, Wish>();
    for (const wish of wishes) if (!first.has(wish.name)) first.set(wish.name, wish);
    const asked = [...first.values()];
    const fences = new Map(
      (await this.#run(statement, asked)).map(([n, fence]) => [asked[Number(n) - 1], Number(fence)]),
    );
    return wishes.map((wish) => fences.get(wish));
  }

  /** A renewal and a release of one lock never travel together: who releases a lock has ended its renewals. */
  async #hold(statement: Statement, wishes: readonly Wish[]): Promise<readonly ('held' | 'lost')[]> {
    const held = new Set((await this.#run(statement, wishes)).map(([n]) => wishes[Number(n) - 1]));
    return wishes.map((wish) => (held.has(wish) ? 'held' : 'lost'));
  }

  #run(statement: Statement, wishes: readonly Wish[]): Promise<readonly Row[]> {
    return this.#connections.executor.run(statement, [
      textArray(wishes.map(({ name }) => name)),
      textArray(wishes.map(({ holder }) => holder)),
      numberArray(wishes.map(({ ms }) => ms)),
    ]);
  }
}
