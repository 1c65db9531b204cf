/** Closing a store: nothing is left open, nobody waits for what nobody wants any more, and nothing is heard of it afterwards. */
import { expect, it } from 'vitest';
import { useDatabase } from '../support/database.js';
import { useProxy } from '../support/proxy.js';
import { connect, failureOf, openStore, write } from './fixture.js';

const database = useDatabase();
const QUICK = { read: 250, write: 400 };

it('close does not wait for the check of a connection that nobody wants any more', async () => {
  const proxy = await useProxy(database.url);
  const store = await openStore({ connection: proxy.url(database.url), timeouts: QUICK });
  await proxy.behave('black-hole');
  await failureOf(store.read('id'));
  const began = performance.now();
  await store.close();
  expect(performance.now() - began).toBeLessThan(8_000); // the check is given 10 s
});

it('after close nobody hears what the server still says to connections that are being ended', async () => {
  const errors: unknown[] = [];
  const proxy = await useProxy(database.url);
  const connection = proxy.url(database.url);
  const store = await openStore({ connection, onError: (error) => errors.push(error) });
  await store.set(write('closed'));
  const admin = await connect(database.url);
  // What ends them is on its way to the server while the server ends them.
  proxy.slow(300);
  await store.close();
  const { rowCount } = await admin.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and pid <> pg_backend_pid()`,
  );
  expect(rowCount).toBeGreaterThan(0);
  await expect.poll(() => proxy.open, { timeout: 10_000 }).toBe(0);
  expect(errors).toEqual([]);
});

it('calls after close are rejected, and close ends our connections', async () => {
  const store = await openStore({ connection: { connectionString: database.url, application_name: 'closing' } });
  await store.read('id');
  await store.close();
  const client = await connect(database.url);
  const open = async () =>
    (await client.query(`select from pg_stat_activity where application_name = 'closing'`)).rowCount;
  await expect.poll(open, { timeout: 5000 }).toBe(0);
});
