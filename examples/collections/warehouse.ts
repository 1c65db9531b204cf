/** A warehouse whose stock is asked for many articles at a time: one entry for each article, one query for all that are missing. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Cached, CachedMany } from 'keepsake';

export interface Article {
  readonly id: number;
  readonly name: string;
  readonly stock: number;
}

export class Warehouse {
  /** What the slow database was asked for, query by query. */
  readonly queries: string[] = [];
  readonly #rows = new Map<number, Article>(
    ['bolt', 'nut', 'screw', 'washer', 'nail'].map((name, i) => [i + 1, { id: i + 1, name, stock: 10 * (i + 1) }]),
  );

  /** Rows come back in any order, and none for what does not exist; callers get them in theirs. */
  @CachedMany({
    key: 'article:{id}',
    each: 'ids',
    id: 'id',
    ttl: '10m',
    nullTtl: '1m',
    tags: ['articles', 'article:{id}'],
  })
  async articles(ids: readonly number[]): Promise<Article[]> {
    return (await this.#query(ids)).reverse();
  }

  /** The same entries, one at a time. */
  @Cached('article:{id}', { ttl: '10m', nullTtl: '1m', tags: ['articles', 'article:{id}'] })
  async article(id: number): Promise<Article | null> {
    return (await this.#query([id]))[0] ?? null;
  }

  /** Somebody takes goods out of the warehouse. */
  take(id: number, count: number): void {
    const row = this.#rows.get(id);
    if (row !== undefined) this.#rows.set(id, { ...row, stock: row.stock - count });
  }

  async #query(ids: readonly number[]): Promise<Article[]> {
    // In order: of two calls that want the same articles at once, either may be the one that loads them.
    this.queries.push(`[${ids.toSorted((a, b) => a - b).join(', ')}]`);
    await sleep(20);
    return ids.flatMap((id) => this.#rows.get(id) ?? []);
  }
}
