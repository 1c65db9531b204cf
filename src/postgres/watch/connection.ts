/** One connection for one errand, for the command line. */
import pg from 'pg';
import { KeepsakeError } from '../../errors.js';
import { configurationErrorOf, storeErrorOf } from '../sqlstate.js';
import { assertConnectable, poolConfig } from '../startup.js';

/** Milliseconds; waiting for transactions that have written to the table counts. */
const TIMEOUT = 600_000;

/**
 * Connects, runs the errand, disconnects.
 *
 * @throws what the errand throws; ConfigurationError or StoreError when there is no connection to be had
 */
export async function withConnection<T>(connection: string, errand: (client: pg.ClientBase) => Promise<T>): Promise<T> {
  assertConnectable(connection);
  const timeouts = { read: TIMEOUT, write: TIMEOUT };
  const pool = new pg.Pool(poolConfig(connection, { poolSize: 1, timeouts, settings: 'plain' }));
  pool.on('error', () => undefined); // its statement fails as well
  try {
    const client = await pool.connect();
    try {
      return await errand(client);
    } finally {
      client.release(true);
    }
  } catch (error) {
    if (error instanceof KeepsakeError) throw error;
    const subject = 'The database cannot be reached';
    throw configurationErrorOf(error, subject) ?? storeErrorOf(error, subject, 'failed');
  } finally {
    await pool.end();
  }
}
