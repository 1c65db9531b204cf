/**
 * Transactions of the application's database: begun and ended as its own library does, by what the object given can do. Here and
 * not beside the store, because a cache that keeps its entries in memory is used with a database too.
 */
import { StoreError } from '../errors.js';
import { refuse } from '../kernel/expectation.js';

/** What `transaction` takes: a Kysely instance, or a `pg` pool or client. */
export type TransactionDatabase<Trx> =
  | { transaction(): { execute<T>(work: (trx: Trx) => Promise<T>): Promise<T> } }
  | TransactionPool<Trx>
  | (Trx & { query(...args: never[]): unknown; readonly totalCount?: never });

/** A `pg` pool, by what is needed of it; in the second signature it does not differ from a client. */
export interface TransactionPool<Client> {
  connect(): Promise<Client>;
  connect(callback: (...args: never[]) => void): void;
  readonly totalCount: number;
}

type Work<T> = (trx: unknown) => Promise<T>;

/** What is used of a client. */
interface Client {
  readonly client: object;
  query(sql: string): Promise<unknown>;
}

/**
 * Runs `work` in a transaction of `db`; commits when it resolves, rolls back when it rejects.
 *
 * @param otherwise what to do with a `db` that is no database we know
 * @throws what `work` throws, or the database; StoreError when the database rolled back what was to be committed
 */
export async function inDatabaseTransaction<T>(
  db: unknown,
  work: Work<T>,
  otherwise: 'refuse' | 'run without',
): Promise<T> {
  if (typeof db === 'object' && db !== null) {
    const isTransaction: unknown = Reflect.get(db, 'isTransaction');
    if (isTransaction === true) throw refuseDatabase(db);
    if (typeof Reflect.get(db, 'transaction') === 'function') return await onKysely(db, work);
    if ('totalCount' in db && typeof Reflect.get(db, 'connect') === 'function') return await onPool(db, work);
    if (typeof Reflect.get(db, 'query') === 'function') return await onClient(clientOf(db), work);
  }
  if (otherwise === 'refuse') throw refuseDatabase(db);
  return await work(db);
}

async function onKysely<T>(db: object, work: Work<T>): Promise<T> {
  const builder: unknown = await call(db, 'transaction');
  return (await call(Object(builder), 'execute', work)) as T;
}

async function onPool<T>(pool: object, work: Work<T>): Promise<T> {
  const given: unknown = await call(pool, 'connect');
  const client = clientOf(Object(given));
  // Between checkout and release nobody else listens, and an unheard `error` would end the process.
  await call(client.client, 'on', 'error', ignore);
  const broken = new Set([client]);
  try {
    return await onClient(client, work, () => broken.clear());
  } finally {
    await call(client.client, 'off', 'error', ignore);
    await call(client.client, 'release', broken.has(client));
  }
}

/** @param onEnded is called when the transaction has surely ended, and the client can be used for something else */
async function onClient<T>(client: Client, work: Work<T>, onEnded: () => void = ignore): Promise<T> {
  await client.query('begin');
  let result: T;
  try {
    result = await work(client.client);
  } catch (error) {
    await client.query('rollback').then(onEnded, ignore);
    throw error;
  }
  const ended = await client.query('commit');
  onEnded();
  // What PostgreSQL answers to a commit after a statement has failed is no error.
  if (Reflect.get(Object(ended), 'command') === 'ROLLBACK') {
    throw new StoreError('The transaction was rolled back, because a statement in it had failed', {
      outcome: 'failed',
    });
  }
  return result;
}

function clientOf(client: object): Client {
  return { client, query: (sql) => call(client, 'query', sql) };
}

async function call(target: object, method: string, ...args: readonly unknown[]): Promise<unknown> {
  const found: unknown = Reflect.get(target, method);
  if (typeof found !== 'function') throw refuseDatabase(target);
  return await Reflect.apply(found, target, args);
}

function refuseDatabase(got: unknown): Error {
  const expected = 'a Kysely instance outside of any transaction, a pg pool or a pg client';
  return refuse({ option: 'db', expected, got, subject: 'transaction()', code: 'INVALID_OPTION' });
}

const ignore = (): undefined => undefined;
