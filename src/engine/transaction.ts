/** Transactions: `Cache.transaction`, and invalidations inside of one that the application runs itself. */
import { ConfigurationError } from '../errors.js';
import { refuse } from '../kernel/expectation.js';
import type { Engine } from './call.js';
import { inDatabaseTransaction } from './database-transaction.js';
import type { Invalidation } from './invalidation.js';
import { currentScope, TransactionScope } from './transaction-scope.js';

/** Runs `work` in a transaction of `db` that invalidations inside of it join. */
export async function runTransaction<T>(engine: Engine, db: unknown, work: (trx: unknown) => Promise<T>): Promise<T> {
  if (currentScope() !== undefined) {
    throw new ConfigurationError(
      'NESTED_TRANSACTION',
      '`transaction` was called inside of another one: hand on its `trx`, or use a savepoint of it',
    );
  }
  const scope = new TransactionScope(engine);
  const otherwise = engine.store.transactions === undefined ? 'run without' : 'refuse';
  let result: T;
  try {
    result = await inDatabaseTransaction(db, (trx) => scope.run(trx, async () => await work(trx)), otherwise);
  } catch (error) {
    if (scope.state === 'done') await scope.inDoubt();
    throw error;
  }
  await scope.committed();
  return result;
}

/** Refuses a call whose answer would only be true once the transaction around it has committed. */
export function refuseInTransaction(method: string): void {
  if (currentScope() === undefined) return;
  throw new ConfigurationError(
    'WITHIN_TRANSACTION',
    `\`${method}\` cannot take part in a transaction: call it before or after \`transaction\``,
  );
}

/** How an invalidation joins a transaction. */
export type Join = (engine: Engine, invalidation: Invalidation) => Promise<void>;

/** How an invalidation made here and now joins a transaction, `trx` or that of the scope; undefined when there is none. */
export function transactionToJoin(trx: unknown): Join | undefined {
  const scope = currentScope();
  if (trx === undefined || scope?.is(trx) === true) {
    return scope === undefined ? undefined : (engine, invalidation) => scope.join(engine, invalidation);
  }
  return (engine, invalidation) => invalidateWithin(engine, trx, invalidation);
}

/** Logs an invalidation in a transaction whose end nobody tells us. */
async function invalidateWithin(engine: Engine, trx: unknown, invalidation: Invalidation): Promise<void> {
  const { unsettled, store, reporter } = engine;
  const { transactions } = store;
  if (transactions === undefined) {
    const expected = `left out: the ${store.kind} store is in no transaction of yours, use \`transaction(db, fn)\``;
    throw refuse({ option: 'trx', expected, got: trx, code: 'INVALID_OPTION' });
  }
  if (invalidation.names.length === 0) return;
  // Before it is sent: the commit may be known to the application before our answer is.
  const begun = unsettled.begin(invalidation.names);
  try {
    invalidation.drop();
    unsettled.watch(begun, await transactions.invalidate(trx, invalidation.names, invalidation.kind));
  } catch (error) {
    unsettled.end(begun);
    reporter.error({ key: invalidation.key }, 'invalidate', error);
    throw error;
  }
  invalidation.report();
}
