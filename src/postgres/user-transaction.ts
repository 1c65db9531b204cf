/** Transactions of users: one way to run a statement in any of them. */
import { CompiledQuery } from 'kysely';
import { refuse } from '../kernel/expectation.js';

/** Runs a statement in a user's transaction; resolves to the first column of its first row. */
export type RunWithin = (sql: string, params: string[]) => Promise<string>;

type Call = (...args: unknown[]) => unknown;

/**
 * How statements are run in `trx`.
 *
 * @throws ConfigurationError (`INVALID_OPTION`) for what is no transaction
 */
export function runnerOf(trx: unknown): RunWithin {
  const run = senderOf(trx);
  return async (sql, params) => answerOf(await run(sql, params));
}

/** The same on any connection of a database: a pool and a Kysely instance will do as well. Resolves to undefined where there is no row. */
export function databaseRunnerOf(db: unknown): (sql: string, params: string[]) => Promise<string | undefined> {
  const send = databaseSenderOf(db);
  return async (sql, params) => firstOf(await send(sql, params));
}

/** The same, for all rows, as the driver gives them. */
export function databaseRowsOf(db: unknown): (sql: string, params: string[]) => Promise<readonly unknown[]> {
  const send = databaseSenderOf(db);
  return async (sql, params) => rowsOf(await send(sql, params));
}

function databaseSenderOf(db: unknown): (sql: string, params: string[]) => unknown {
  const executeQuery = methodOf(db, 'executeQuery');
  const query = methodOf(db, 'query');
  if (typeof db === 'function') return (sql, params) => Reflect.apply(db, undefined, [sql, params]);
  if (executeQuery !== undefined) return (sql, params) => executeQuery(CompiledQuery.raw(sql, params));
  if (query !== undefined) return (sql, params) => query(sql, params);
  const expected = 'a Kysely instance or transaction, a pg pool or client, or `(sql, params) => Promise`';
  throw refuse({ option: 'db', expected, got: db, code: 'INVALID_OPTION' });
}

function senderOf(trx: unknown): (sql: string, params: string[]) => unknown {
  if (typeof trx === 'function') return (sql, params) => Reflect.apply(trx, undefined, [sql, params]);
  const executeQuery = methodOf(trx, 'executeQuery');
  if (executeQuery !== undefined) {
    // Outside of a transaction Kysely takes any connection of its pool.
    if (Reflect.get(Object(trx), 'isTransaction') === false) throw refuseTransaction(trx);
    return (sql, params) => executeQuery(CompiledQuery.raw(sql, params));
  }
  const query = methodOf(trx, 'query');
  if (query === undefined || 'totalCount' in Object(trx)) throw refuseTransaction(trx);
  return (sql, params) => query(sql, params);
}

function methodOf(target: unknown, name: string): Call | undefined {
  if (typeof target !== 'object' || target === null) return undefined;
  const method: unknown = Reflect.get(target, name);
  return typeof method === 'function' ? (...args) => Reflect.apply(method, target, args) : undefined;
}

/** Rows come as arrays or objects, alone or in a result. */
function answerOf(result: unknown): string {
  const answer = firstOf(result);
  if (answer !== undefined) return answer;
  const expected = 'a function that resolves to the rows of its statement, or to an object with `rows`';
  throw refuse({ option: 'trx', expected, got: result, code: 'INVALID_OPTION' });
}

function rowsOf(result: unknown): readonly unknown[] {
  const rows: unknown = Array.isArray(result) ? result : Reflect.get(Object(result), 'rows');
  return Array.isArray(rows) ? rows : [];
}

/** The first column of the first row, if it is a text. */
function firstOf(result: unknown): string | undefined {
  const [row] = rowsOf(result);
  const answer: unknown = typeof row === 'object' && row !== null ? Object.values(row)[0] : undefined;
  return typeof answer === 'string' ? answer : undefined;
}

function refuseTransaction(got: unknown): Error {
  const expected = 'a Kysely transaction, a pg client inside of one, or `(sql, params) => Promise` (a pool is none)';
  return refuse({ option: 'trx', expected, got, code: 'INVALID_OPTION' });
}
