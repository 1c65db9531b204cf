/**
 * One statement on the wire, answered as rows of text: a query class of our own for the driver, as pg-cursor and pg-query-stream have theirs.
 *
 * The driver's own asks for a description of the columns with every run (our statements always answer the same), looks up a parser for each,
 * copies its configuration property by property, and emits an event for each row. Without all that a read alone takes a tenth less time (107 to 97 µs, measured
 * with pg 8.23; see docs/performance.md).
 */
import type pg from 'pg';
import { boundMessage } from './bound-message.js';
import type { Parameter, Row } from './statement.js';

/** What of the driver's connection this needs, beside what its types say: the text of each statement it has prepared, by name. */
interface Connection extends pg.Connection {
  readonly parsedStatements: Readonly<Record<string, string | undefined>>;
}

type Callback = (error: Error | null, rows: readonly Row[]) => void;

/** A statement for `client.query`. The fields are those of the driver's own class, for whoever watches its queries. */
export class TextQuery implements pg.Submittable {
  readonly text: string;
  /** Undefined: it is parsed anew with every run. */
  readonly name: string | undefined;
  readonly values: readonly Parameter[];
  /** The driver puts its own in its place when it has a time limit of its own. */
  callback: Callback;
  readonly #rows: Row[] = [];
  readonly #take: ((row: Row) => void) | undefined;
  #fault: { readonly error: unknown } | undefined;

  constructor(
    statement: { readonly text: string; readonly name?: string },
    values: readonly Parameter[],
    callback: Callback,
    take?: (row: Row) => void,
  ) {
    this.text = statement.text;
    this.name = statement.name;
    this.values = values;
    this.callback = callback;
    this.#take = take;
  }

  /** Whether this client's driver takes it: not the native one, a dialect's, or one that sends queries before those ahead are answered. */
  static isTakenBy(client: object): boolean {
    if (!('connection' in client) || ('pipeline' in client && client.pipeline === true)) return false;
    const { connection } = client;
    return (
      typeof connection === 'object' &&
      connection !== null &&
      'parsedStatements' in connection &&
      'stream' in connection
    );
  }

  submit(connection: pg.Connection): void {
    const { stream } = connection;
    // One packet rather than two.
    stream.cork();
    try {
      if (this.name === undefined || !isPrepared(connection, this.name)) {
        connection.parse({ name: this.name ?? '', text: this.text, types: [] }, true);
      }
      stream.write(boundMessage(this.name ?? '', this.values));
    } finally {
      stream.uncork();
    }
  }

  handleDataRow({ fields }: { readonly fields: Row }): void {
    if (this.#take === undefined) {
      this.#rows.push(fields);
      return;
    }
    if (this.#fault !== undefined) return;
    try {
      this.#take(fields);
    } catch (error) {
      // Thrown from here it would end the process; and the rest of the answer must be read all the same.
      this.#fault = { error };
    }
  }

  handleCommandComplete(): void {
    // The rows are complete when the server is ready again.
  }

  handleReadyForQuery(): void {
    if (this.#fault === undefined) this.callback(null, this.#rows);
    else this.callback(asError(this.#fault.error), []);
  }

  handleError(error: Error): void {
    this.callback(error, []);
  }
}

function isPrepared(connection: pg.Connection, name: string): boolean {
  return (connection as Connection).parsedStatements[name] !== undefined;
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
