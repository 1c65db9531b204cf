/**
 * The transactions port: invalidations inside of transactions that the application runs itself, on its own connections. The log
 * row is part of the application's transaction, so it becomes true with the commit and never was if that rolls back.
 */
import type { Xid } from '../kernel/snapshot.js';

/**
 * An open transaction of the application's: a Kysely transaction, a `pg` client on which `begin` was run, or a function that runs a
 * statement in it. Statements have their parameters as `$1`, `$2`, each once and in this order, all of them texts; the function
 * resolves to the rows, or to an object that has them as `rows`.
 *
 * @example await Cache.invalidateTags(['products'], { trx: (sql, params) => manager.query(sql, params) }) // TypeORM
 */
export type TransactionHandle =
  | ((sql: string, params: string[]) => PromiseLike<unknown>)
  | { executeQuery(...args: never[]): PromiseLike<unknown>; readonly isTransaction: true }
  | { query(...args: never[]): unknown; readonly totalCount?: never };

/** Which transaction logged an invalidation, and where: transaction ids mean something in one database and one incarnation of it. */
export interface TransactionReceipt {
  readonly xid: Xid;
  readonly place: string;
}

/** What became of a transaction. `unknown`: it has ended, and nobody can say how any more. */
export type TransactionOutcome = 'running' | 'committed' | 'rolled back' | 'unknown';

export interface Transactions {
  /**
   * Logs invalidations in a transaction of the application's; nobody is told. Rejects with ConfigurationError for what is no open
   * transaction of this store's database, with StoreError when its statement fails.
   */
  invalidate(trx: unknown, names: readonly string[], kind: 'delete' | 'expire'): Promise<TransactionReceipt>;
  /** What became of these transactions, in their order. Rejects with StoreError. */
  outcomes(receipts: readonly TransactionReceipt[]): Promise<readonly TransactionOutcome[]>;
  /** Tells other processes of those of `names` that a committed transaction has logged; they would hear of it a heartbeat later. */
  tell(names: readonly string[], receipt: TransactionReceipt): Promise<void>;
}
