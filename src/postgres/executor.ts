/**
 * The executor: the one way statements reach PostgreSQL. It takes a connection of the pool, has it prepared when it is
 * new, runs one statement under a deadline and gives the connection back, or destroys it when it cannot be trusted any
 * more.
 */
import type pg from 'pg';
import { StoreError } from '../errors.js';
import { Deadline } from './deadline.js';
import type { Timeouts } from './options.js';
import { isConnectionLost, isPreparedStatementLost, isTransient, outcomeOf, storeErrorOf } from './sqlstate.js';
import { type Parameter, Pieces, type Row, type Statement } from './statement.js';
import { TextQuery } from './text-query.js';

/** Runs one statement on one connection. */
export type RunOn = (text: string, values?: readonly Parameter[]) => Promise<readonly Row[]>;

/** Takes rows as they come, which is before all of them are there where the driver hands them on so soon. */
export interface RowTaker {
  /** A try begins; what was taken before is worth nothing. */
  begin(): void;
  take(row: Row): void;
}

export interface ExecutorOptions {
  readonly pool: pg.Pool;
  readonly timeouts: Timeouts;
  readonly preparedStatements: boolean;
  /**
   * Runs once on every new connection before anything else does; its failure fails the statement that wanted the
   * connection.
   */
  readonly onConnect: (run: RunOn) => Promise<void>;
}

/** Tries of one statement, the first included. */
const MAX_TRIES = 4;

/** Until a check that nobody waits for any more is given up, milliseconds. */
const CHECK_TIMEOUT = 10_000;

/** Every column as the text it came as. */
const AS_TEXT = { getTypeParser: () => (value: string) => value };

export class Executor {
  readonly #pool: pg.Pool;
  readonly #timeouts: Timeouts;
  readonly #onConnect: (run: RunOn) => Promise<void>;
  #checked = new WeakSet<pg.PoolClient>();
  /** Give up the checks that go on although nobody waits for them any more. */
  readonly #abandon = new Set<() => void>();
  #naming: 'named' | 'unnamed';

  constructor(options: ExecutorOptions) {
    this.#pool = options.pool;
    this.#timeouts = options.timeouts;
    this.#onConnect = options.onConnect;
    this.#naming = options.preparedStatements ? 'named' : 'unnamed';
  }

  /** Destroys the connections whose check still goes on: nobody will want them. */
  close(): void {
    for (const abandon of this.#abandon) abandon();
  }

  /** Has every connection checked again before its next statement: a pooler may have put another server behind it. */
  distrust(): void {
    this.#checked = new WeakSet();
  }

  /**
   * Runs a statement. Rejects with StoreError by its deadline, which counts from now: waiting for a connection
   * included.
   *
   * @param taker is given the rows; then none are returned
   */
  async run(statement: Statement, values: readonly Parameter[], taker?: RowTaker): Promise<readonly Row[]> {
    const deadline = new Deadline(this.#timeouts[statement.effect]);
    for (let tries = 1; ; tries += 1) {
      const attempt = new Attempt(taker);
      try {
        return await this.#attempt(statement, values, deadline, attempt);
      } catch (error) {
        if (tries < MAX_TRIES && deadline.left() > 0 && this.#mayRepeat(error, statement, attempt, tries)) continue;
        throw storeErrorOf(error, 'The statement failed', attempt.sent ? outcomeOf(error) : 'failed');
      }
    }
  }

  /** Whether the statement surely did nothing, or does the same twice. */
  #mayRepeat(error: unknown, statement: Statement, attempt: Attempt, tries: number): boolean {
    if (error instanceof StoreError) return false;
    if (isPreparedStatementLost(error) && this.#naming === 'named') {
      this.#naming = 'unnamed';
      return true;
    }
    if (isTransient(error)) return true;
    return attempt.sent && statement.effect === 'read' && tries === 1 && isConnectionLost(error);
  }

  async #attempt(
    statement: Statement,
    values: readonly Parameter[],
    deadline: Deadline,
    attempt: Attempt,
  ): Promise<readonly Row[]> {
    const client = await this.#acquire(deadline);
    const giveBack = checkOut(client);
    try {
      await this.#check(client, deadline, giveBack);
      attempt.sent = true;
      attempt.taker?.begin();
      const given = this.#naming === 'named' ? statement : { text: statement.text };
      const rows = await deadline.over(query(client, given, values, attempt.taker), 'unknown');
      giveBack('keep');
      // Those that the driver has kept until now.
      for (const row of attempt.taker === undefined ? [] : rows) attempt.taker?.take(row);
      return rows;
    } catch (error) {
      // An error of the statement leaves the connection as it was; what came late or broke does not.
      const isUsable = attempt.sent && !(error instanceof StoreError) && !isConnectionLost(error);
      giveBack(isUsable ? 'keep' : 'destroy');
      throw error;
    }
  }

  /**
   * Has a new connection checked. When that takes longer than this caller waits, it goes on: else no caller would ever
   * get further.
   */
  async #check(client: pg.PoolClient, deadline: Deadline, giveBack: GiveBack): Promise<void> {
    if (this.#checked.has(client)) return;
    const checked = this.#checked;
    const checking = this.#onConnect(runOn(client)).then(() => {
      checked.add(client);
    });
    try {
      await deadline.over(checking, 'failed');
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      giveBack(this.#untilClosed(new Deadline(CHECK_TIMEOUT).over(checking, 'failed')));
      throw error;
    }
  }

  /** The result of `work`, or a rejection when this executor is closed before. */
  #untilClosed(work: Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      const abandon = (): void => reject(new StoreError('The Postgres store is closed', { outcome: 'failed' }));
      this.#abandon.add(abandon);
      const forget = () => this.#abandon.delete(abandon);
      work.then(resolve, reject).then(forget, forget);
    });
  }

  /** A connection of the pool, by the deadline; one that arrives later goes straight back. */
  async #acquire(deadline: Deadline): Promise<pg.PoolClient> {
    const connecting = this.#pool.connect();
    try {
      return await deadline.over(connecting, 'failed');
    } catch (error) {
      if (error instanceof StoreError) connecting.then((client) => client.release(), ignore);
      throw error;
    }
  }
}

/** Gives a connection back, once: to be used again, to be destroyed, or which of the two when something has ended. */
type GiveBack = (verdict: 'keep' | 'destroy' | Promise<unknown>) => void;

/** Between checkout and release nobody else listens to a connection, and an unheard `error` would end the process. */
function checkOut(client: pg.PoolClient): GiveBack {
  let status: 'out' | 'returned' = 'out';
  const release = (verdict: 'keep' | 'destroy') => {
    client.release(verdict === 'destroy');
    client.off('error', ignore);
  };
  client.on('error', ignore);
  return (verdict) => {
    if (status === 'returned') return;
    status = 'returned';
    if (typeof verdict === 'string') release(verdict);
    else
      verdict.then(
        () => release('keep'),
        () => release('destroy'),
      );
  };
}

/** Statements on this one connection, unnamed and without a deadline of their own. */
export function runOn(client: pg.ClientBase): RunOn {
  return (text, values = []) => query(client, { text }, values);
}

/**
 * With a callback rather than a promise of the driver's: what passes through that one outlives every quick garbage collection (measured with pg
 * 8.23: a kilobyte for each value of a kilobyte), and collecting it cost more than all the rest of a read. A connection of a dialect's
 * has promises only.
 */
function query(
  client: pg.ClientBase,
  config: { readonly text: string; readonly name?: string },
  values: readonly Parameter[],
  taker?: RowTaker,
): Promise<readonly Row[]> {
  return new Promise((resolve, reject) => {
    const take = taker && ((row: Row): void => taker.take(row));
    if (TextQuery.isTakenBy(client)) {
      client.query(new TextQuery(config, values, (error, rows) => (error ? reject(error) : resolve(rows)), take));
      return;
    }
    const { text, name } = config;
    const given: pg.QueryArrayConfig = { text, values: values.map(whole), rowMode: 'array', types: AS_TEXT };
    if (name !== undefined) given.name = name;
    const answered = ({ rows }: pg.QueryArrayResult<(string | null)[]>): void => resolve(rows);
    const promised: unknown = client.query<(string | null)[]>(given, (error: Error | undefined, result) => {
      // The driver says null where nothing went wrong.
      if (error) reject(error);
      else answered(result);
    });
    if (promised instanceof Promise) promised.then(answered, reject);
  });
}

/** A parameter as drivers know them. */
function whole(value: Parameter): string | number | Buffer | null {
  return value instanceof Pieces ? value.toBuffer() : value;
}

/** How far a try came: what failed before it was sent did nothing. And who is given its rows. */
class Attempt {
  readonly taker: RowTaker | undefined;
  sent = false;

  constructor(taker: RowTaker | undefined) {
    this.taker = taker;
  }
}

/** Hears what needs no answer: `pg` reports a broken connection to its statement as well. */
const ignore = (): undefined => undefined;
