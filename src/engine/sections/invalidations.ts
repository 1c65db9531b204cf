/** What holds of many entries at once: their tags, the namespace, the transaction that changes them. */
import { type EntityPart, parseEntity } from '../../kernel/entity.js';
import { checkTags } from '../../kernel/tags.js';
import type { TransactionDatabase } from '../database-transaction.js';
import { explicitCall } from '../explicit-call.js';
import { clearanceOf, invalidateSurely, invalidationOfEntity, invalidationOfTags } from '../invalidation.js';
import { runTransaction } from '../transaction.js';
import { currentScope } from '../transaction-scope.js';
import type { WithinTransaction } from './core.js';
import { Scopes } from './scopes.js';

/** What `invalidateTags` takes. */
export interface InvalidateTagsOptions extends WithinTransaction {
  /** `true`: entries may still be served if loading them fails, within their grace. Default `false`: never again. */
  readonly stale?: boolean | undefined;
}

export abstract class Invalidations extends Scopes {
  /**
   * Invalidates every entry that carries one of `tags`, at a cost that does not depend on how many do. With `stale: true` they may
   * still be served if loading fails, within their grace. With `trx` it is part of that transaction.
   *
   * @throws StoreError when the store fails; ConfigurationError `FOREIGN_TRANSACTION` for a `trx` of another database
   * @example await Cache.invalidateTags(['products'])
   */
  invalidateTags(tags: string | readonly string[], options: InvalidateTagsOptions = {}): Promise<void> {
    return explicitCall(async () => {
      this.assertOpen();
      const checked = checkTags(typeof tags === 'string' ? [tags] : tags, 'invalidateTags()', Infinity);
      const kind = options.stale === true ? 'expire' : 'delete';
      await this.makeInvalid(invalidationOfTags(this.engine, checked, kind), options);
    });
  }

  /**
   * Invalidates every entry of one entity, whatever use case has made it of whatever arguments: those whose policy says
   * `entity: ['user', '{id}']`. An id of several parts is given as an array.
   *
   * @throws StoreError when the store fails; ConfigurationError for an id that is no text, number or bigint, and as `invalidateTags`
   * @example await Cache.invalidateEntity('user', 42)
   */
  invalidateEntity(
    type: string,
    id: EntityPart | readonly EntityPart[],
    options: InvalidateTagsOptions = {},
  ): Promise<void> {
    return explicitCall(async () => {
      this.assertOpen();
      const entity = parseEntity([type, ...(Array.isArray(id) ? id : [id])], 'invalidateEntity()');
      const kind = options.stale === true ? 'expire' : 'delete';
      await this.makeInvalid(invalidationOfEntity(this.engine, entity, kind), options);
    });
  }

  /** What `@InvalidateTags` owes after its method: never rejects, tried until the store has it. @internal */
  async invalidateTagsSurely(tags: readonly string[], kind: 'delete' | 'expire'): Promise<void> {
    this.assertOpen();
    const invalidation = invalidationOfTags(this.engine, tags, kind);
    const scope = currentScope();
    if (scope === undefined) await invalidateSurely(this.engine, invalidation);
    else await scope.joinSurely(this.engine, invalidation);
  }

  /** Invalidates everything in this cache's namespace, at the cost of one row. */
  clear(options: WithinTransaction = {}): Promise<void> {
    return explicitCall(async () => {
      this.assertOpen();
      await this.makeInvalid(clearanceOf(this.engine, 'namespace'), options);
    });
  }

  /**
   * Invalidates everything in the table, whatever its namespace and whichever program it belongs to, at the cost of one row.
   *
   * @throws StoreError when the store fails
   */
  clearAll(options: WithinTransaction = {}): Promise<void> {
    return explicitCall(async () => {
      this.assertOpen();
      await this.makeInvalid(clearanceOf(this.engine, 'table'), options);
    });
  }

  /**
   * Runs `work` in a transaction of `db`: a Kysely instance, or a `pg` pool or client. What is invalidated inside, by `@InvalidateTags`
   * too, is part of it: both commit or neither does. Cached calls inside run their methods and nothing of them is stored or found;
   * `set` only invalidates its key.
   *
   * @throws what `work` throws, after a rollback; ConfigurationError `NESTED_TRANSACTION` inside of another one,
   * `FOREIGN_TRANSACTION` when `db` is not the database of the cache
   * @example
   * await Cache.transaction(db, async (trx) => {
   *   await trx.updateTable('product').set({ price: 12 }).where('id', '=', 42).execute()
   *   await Cache.invalidateTags(['products'])
   * })
   */
  async transaction<Trx, T>(db: TransactionDatabase<Trx>, work: (trx: Trx) => Promise<T>): Promise<T> {
    this.assertOpen();
    return await runTransaction(this.engine, db, (trx) => work(trx as Trx));
  }
}
