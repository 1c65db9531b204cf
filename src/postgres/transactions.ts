/** Users' transactions over PostgreSQL: invalidations join them, and what becomes of them is asked of the server. */
import { ConfigurationError, KeepsakeError } from '../errors.js';
import { nameHash } from '../kernel/name-hash.js';
import type { TransactionOutcome, TransactionReceipt, Transactions } from '../ports/transactions.js';
import { numberArray, textArray } from './arrays.js';
import { Batcher } from './batcher.js';
import type { Connections } from './connections.js';
import { hashTexts } from './notification.js';
import type { ResolvedStoreOptions } from './options.js';
import {
  invalidateWithinAndTellStatement,
  invalidateWithinStatement,
  outcomesStatement,
  placeStatement,
  tellStatement,
} from './queries/transactions.js';
import { configurationErrorOf, outcomeOf, SqlState, sqlState, storeErrorOf } from './sqlstate.js';
import { runnerOf } from './user-transaction.js';

/** Hashes in one notification: each takes 12 bytes at most with its space, and 7999 are allowed. */
const HASHES_IN_MESSAGE = 600;

/** What a transaction has made invalid. */
interface News {
  readonly names: readonly string[];
  readonly receipt: TransactionReceipt;
}

export interface PostgresTransactionsOptions extends Pick<ResolvedStoreOptions, 'notify'> {
  readonly timeout: number;
  readonly maxBatch: number;
}

export class PostgresTransactions implements Transactions {
  readonly #connections: Connections;
  readonly #notify: PostgresTransactionsOptions['notify'];
  readonly #statements;
  readonly #news: Batcher<News, undefined>;
  /** Where our own connections were when we last asked; undefined before that. */
  #place: string | undefined;

  constructor(connections: Connections, { notify, ...options }: PostgresTransactionsOptions) {
    this.#connections = connections;
    this.#notify = notify;
    const { tables } = connections;
    this.#statements = {
      place: placeStatement(tables),
      invalidate:
        notify === 'transactional' ? invalidateWithinAndTellStatement(tables) : invalidateWithinStatement(tables),
      outcomes: outcomesStatement(tables),
      tell: tellStatement(tables),
    };
    this.#news = new Batcher<News, undefined>({ ...options, slots: 1, run: (news) => this.#tellAll(news) });
  }

  /**
   * Asks where our own connections are, before a transaction is open: where there is one connection only, a transaction would keep the
   * question waiting.
   */
  async prepare(): Promise<void> {
    await this.#ask();
  }

  async invalidate(trx: unknown, names: readonly string[], kind: 'delete' | 'expire'): Promise<TransactionReceipt> {
    const run = runnerOf(trx);
    const expected = this.#place ?? (await this.#ask());
    const receipt = await this.#log(run, names, kind, expected);
    if (receipt.place === expected || expected === '') return receipt;
    // Our own tables may be another incarnation by now.
    const current = await this.#ask();
    if (current !== expected) {
      const again = await this.#log(run, names, kind, current);
      if (again.place === current || current === '') return again;
    }
    throw foreign();
  }

  async outcomes(receipts: readonly TransactionReceipt[]): Promise<readonly TransactionOutcome[]> {
    const [header, ...rows] = await this.#connections.executor.run(this.#statements.outcomes, [
      numberArray(receipts.map(({ xid }) => xid)),
    ]);
    const place = header?.[1] ?? '';
    this.#place = place === '' ? undefined : place;
    const answers = new Map(rows.map(([n, answer]) => [Number(n), answer]));
    return receipts.map((receipt, i) => (receipt.place === place ? outcome(answers.get(i + 1)) : 'unknown'));
  }

  async tell(names: readonly string[], receipt: TransactionReceipt): Promise<void> {
    // The transaction has told them itself.
    if (this.#notify === 'deferred') await this.#news.call({ names, receipt }).result;
  }

  /** Resolves when nobody is being told anything. */
  idle(): Promise<void> {
    return this.#news.idle();
  }

  async #log(
    run: ReturnType<typeof runnerOf>,
    names: readonly string[],
    kind: 'delete' | 'expire',
    expected: string,
  ): Promise<TransactionReceipt> {
    const parameters = [kind, JSON.stringify(names), expected];
    if (this.#notify === 'transactional') parameters.push(this.#connections.channel, JSON.stringify(hashTexts(names)));
    let answer: string;
    try {
      answer = await run(this.#statements.invalidate.text, parameters);
    } catch (error) {
      throw failure(error);
    }
    const [xid = '', place = ''] = answer.split(' ');
    return { xid: Number(xid), place };
  }

  /** Where our own connections are; an empty text when that cannot be said now, and then a transaction is taken at its word. */
  async #ask(): Promise<string> {
    try {
      const [row] = await this.#connections.executor.run(this.#statements.place, []);
      const place = row?.[0] ?? '';
      this.#place = place === '' ? undefined : place;
      return place;
    } catch {
      return '';
    }
  }

  async #tellAll(news: readonly News[]): Promise<readonly undefined[]> {
    const told = news.flatMap(({ names, receipt }) =>
      names.map((name, i) => ({ name, xid: String(receipt.xid), message: Math.floor(i / HASHES_IN_MESSAGE) })),
    );
    await this.#connections.executor.run(this.#statements.tell, [
      this.#connections.channel,
      textArray(told.map(({ xid }) => xid)),
      textArray(told.map(({ name }) => name)),
      textArray(told.map(({ name }) => nameHash(name).toString(36))),
      numberArray(told.map(({ message }) => message)),
    ]);
    return news.map(() => undefined);
  }
}

/** In words of `pg_xact_status`; null: so long ago that nobody remembers. */
function outcome(status: string | null | undefined): TransactionOutcome {
  if (status === 'in progress') return 'running';
  if (status === 'committed') return 'committed';
  return status === 'aborted' ? 'rolled back' : 'unknown';
}

function failure(error: unknown): Error {
  if (error instanceof KeepsakeError) return error;
  const state = sqlState(error);
  if (state === SqlState.undefinedTable || state === SqlState.invalidSchemaName) return foreign(error);
  const subject = 'The invalidation could not be logged in the transaction';
  return configurationErrorOf(error, subject) ?? storeErrorOf(error, subject, outcomeOf(error));
}

function foreign(cause?: unknown): ConfigurationError {
  return new ConfigurationError(
    'FOREIGN_TRANSACTION',
    "The transaction is one of another database: the cache's log is not there, so it can invalidate nothing",
    { cause },
  );
}
