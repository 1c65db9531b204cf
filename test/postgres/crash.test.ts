/**
 * A real crash: one backend of a server of our own is killed, so the whole server recovers from its write-ahead log.
 */
import pg from 'pg';
import { expect, it, onTestFinished } from 'vitest';
import { startEmbedded } from '../../src/embedded/server.js';
import { bodyOf, failureOf, makeStore, openStore, write } from './fixture.js';

/** The embedded server would lose what was committed a moment before. */
const DURABLE = { synchronous_commit: 'on' };

it('INVARIANT 8: after a crash, loads in flight are refused, unlogged entries gone, logged ones valid and still invalidated', async () => {
  const server = await startEmbedded({ settings: DURABLE });
  onTestFinished(() => server.stop());
  const connection = server.connectionString;
  const unlogged = await openStore({ connection, prefix: 'u_' });
  const logged = await openStore({ connection, prefix: 'l_', durability: 'logged' });
  await unlogged.set(write('id'));
  await logged.set(write('id', { tags: ['tag'] }));
  await logged.set(write('hidden', { tags: ['gone'] }));
  await logged.invalidate(['t|gone'], 'delete');
  // Transactions that leave no trace in the write-ahead log: their ids are given out again.
  for (let i = 0; i < 20; i += 1) await unlogged.set(write('id'));
  const inFlight = [await unlogged.read('load'), await logged.read('load')] as const;

  await crash(connection);
  await expect.poll(() => bodyOf(unlogged, 'id').catch(() => 'unreachable'), { timeout: 20_000 }).toBeUndefined();
  await expect.poll(() => bodyOf(logged, 'id').catch(() => 'unreachable'), { timeout: 20_000 }).toBe('value');

  const refused = { status: 'refused', reason: 'incarnation' };
  expect(await unlogged.fill(write('load'), inFlight[0].token)).toEqual(refused);
  expect(await logged.fill(write('load'), inFlight[1].token)).toEqual(refused);
  expect(await bodyOf(logged, 'hidden')).toBeUndefined();
  await logged.invalidate(['t|tag'], 'delete');
  expect(await bodyOf(logged, 'id')).toBeUndefined();
  for (const store of [unlogged, logged]) {
    expect(await store.fill(write('load'), (await store.read('load')).token)).toMatchObject({ status: 'stored' });
  }
}, 60_000);

it('a server that is just recovering is an outage, not a wrong configuration', async () => {
  const server = await startEmbedded({ settings: DURABLE });
  onTestFinished(() => server.stop());
  await crash(server.connectionString);
  const store = makeStore({ connection: server.connectionString, prefix: 'r_' });
  const opened = async () => {
    const outcome = await store.open().then(
      () => 'open',
      (error: unknown) => error,
    );
    if (outcome !== 'open') expect(outcome).toMatchObject({ code: 'STORE_FAILED' });
    return outcome;
  };
  await expect.poll(opened, { timeout: 20_000 }).toBe('open');
}, 60_000);

/** Kills a backend the way the kernel does when memory runs out. The server restarts all of itself and recovers. */
async function crash(connectionString: string): Promise<void> {
  const victim = new pg.Client({ connectionString });
  victim.on('error', () => undefined);
  await victim.connect();
  const { rows } = await victim.query<{ pid: number }>('select pg_backend_pid() as pid');
  const pid = rows[0]?.pid;
  if (pid === undefined) throw new Error('No backend');
  const sleeping = failureOf(victim.query('select pg_sleep(60)'));
  process.kill(pid, 'SIGKILL');
  await sleeping;
  await victim.end().catch(() => undefined);
}
