/** Rows that are taken as they come: of every try anew, from every kind of connection. */
import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Executor } from '../../src/postgres/executor.js';
import { type Row, readingStatement } from '../../src/postgres/statement.js';
import { useDatabase } from '../support/database.js';
import { PATIENT } from './fixture.js';

const database = useDatabase();

function open(Client: typeof pg.Client = pg.Client): { readonly pool: pg.Pool; readonly executor: Executor } {
  const pool = new pg.Pool({ connectionString: database.url, max: 1, Client });
  onTestFinished(() => pool.end());
  const onConnect = async (): Promise<void> => undefined;
  return { pool, executor: new Executor({ pool, timeouts: PATIENT, preparedStatements: true, onConnect }) };
}

class Taken {
  begun = 0;
  rows: Row[] = [];

  begin(): void {
    this.begun += 1;
    this.rows = [];
  }

  take(row: Row): void {
    this.rows.push(row);
  }
}

const statement = readingStatement('select n, $1 || n from generate_series(1, 3) as n');
const ROWS = [
  ['1', 'a1'],
  ['2', 'a2'],
  ['3', 'a3'],
];

/** As the driver's clients are in its pipelines, and those of others: our own query class is nothing to them. */
class PlainClient extends pg.Client {
  override readonly pipeline = true;
}

describe('Executor', () => {
  it.each([
    ['as they come', pg.Client],
    ['in the end, where the driver keeps them until then', PlainClient],
  ])('gives rows to who takes them, %s, and returns none of them a second time', async (_, Client) => {
    const { executor } = open(Client);
    const taken = new Taken();
    await executor.run(statement, ['a'], taken);
    expect(taken).toEqual({ begun: 1, rows: ROWS });
    expect(await executor.run(statement, ['a'])).toEqual(ROWS);
  });

  it('begins anew with every try', async () => {
    const { pool, executor } = open();
    await executor.run(statement, ['a']);
    // As a pooler does that gives the connection another server.
    await pool.query('deallocate all');
    const taken = new Taken();
    await executor.run(statement, ['a'], taken);
    expect(taken).toEqual({ begun: 2, rows: ROWS });
  });

  it('rejects when a row cannot be used, and goes on', async () => {
    const { executor } = open();
    const take = (): never => {
      throw new TypeError('not such a row');
    };
    const failed = executor.run(statement, ['a'], { begin: () => undefined, take });
    await expect(failed).rejects.toMatchObject({ cause: { message: 'not such a row' } });
    expect(await executor.run(statement, ['a'])).toEqual(ROWS);
  });
});
