/** `events({ cluster: true })`: what other processes publish, in the loop of one that reads. */
import { PostgresDialect } from 'kysely';
import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { CacheOptions } from '../../src/cache-options.js';
import { createCache } from '../../src/configure.js';
import type { ClusterEvents } from '../../src/engine/event-stream.js';
import { createDatabase, testNames, useDatabase } from '../support/database.js';
import { WorkerProcess } from '../support/processes.js';
import { useProxy } from '../support/proxy.js';
import { connectApart, eventually, MIGRATED, openCache } from './cache-fixture.js';

const database = useDatabase({ template: MIGRATED });
const worker = new URL('./workers/cache-process.ts', import.meta.url);

const open = async (options: CacheOptions = {}) => (await openCache({ connection: database.url, ...options })).cache;

/** Reads in the background; what was read so far, as texts. */
async function read(events: ClusterEvents): Promise<readonly string[]> {
  const seen: string[] = [];
  void (async () => {
    for await (const event of events)
      seen.push(`${'origin' in event ? event.cache : 'here'}: ${event.type} ${event.key}`);
    seen.push('ended');
  })();
  await eventually(() => expect(events.state).toBe('listening'));
  return seen;
}

async function listeners(): Promise<number> {
  const client = await connectApart(database.url);
  const { rows } = await client.query<{ n: number }>(
    "select count(*)::int as n from pg_stat_activity where application_name = 'keepsake-listen' and datname = current_database()",
  );
  await client.end();
  return rows[0]?.n ?? Number.NaN;
}

describe('a reader', () => {
  it('reads what this process and another one do, each event once, and ends with its loop', async () => {
    const other = await WorkerProcess.spawn(worker);
    await other.send('open', { connection: database.url, publishEvents: { sample: 1 }, ...testNames() });
    // It publishes too, and does not hear itself twice.
    const cache = await open({ publishEvents: { sample: 1 } });
    const events = cache.events({ cluster: true });
    const seen = await read(events);
    await cache.set('mine', 1);
    await other.send('getOrSet', { key: 'theirs', made: 2 });
    await other.send('delete', 'theirs');
    await eventually(() => expect(seen).toContain('worker: invalidate theirs'));
    await cache.set('after', 1);
    const theirs = ['miss', 'loadStart', 'loadEnd', 'write', 'invalidate'].map((type) => `worker: ${type} theirs`);
    await eventually(() =>
      expect([...seen].sort()).toEqual(['here: write after', 'here: write mine', ...theirs].sort()),
    );
    await events.return();
    await eventually(() => expect(seen.at(-1)).toBe('ended'));
    expect(events).toMatchObject({ dropped: 0, ignored: 0, state: 'closed' });
  });

  it('takes the connection that listens already, else one of its own for as long as it reads', async () => {
    const one = await open();
    const onShared = one.events({ cluster: true });
    await read(onShared);
    expect(await listeners()).toBe(1);
    await onShared.return();
    expect(one.stats().stream?.state).toBe('listening');
    await one.close();
    await eventually(async () => expect(await listeners()).toBe(0));

    const deaf = await open({ local: false });
    expect(await listeners()).toBe(0);
    const alone = deaf.events({ cluster: true });
    await read(alone);
    expect(await listeners()).toBe(1);
    await alone.return();
    await eventually(async () => expect(await listeners()).toBe(0));
  });

  it('hears again after its connection was lost, and ends with the cache', async () => {
    const [cache, other] = [await open(), await open({ publishEvents: { sample: 1 }, local: false })];
    const seen = await read(cache.events({ cluster: true }));
    const client = await connectApart(database.url);
    await client.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'keepsake-listen' and datname = current_database()",
    );
    await eventually(async () => {
      await other.set('again', 1);
      expect(seen).toContain(`${other.name}: write again`);
    });
    await cache.close();
    await eventually(() => expect(seen.at(-1)).toBe('ended'));
  });

  it('a failure of the connection it shares with its cache is one failure', async () => {
    const proxy = await useProxy(database.url);
    const { cache, recorder } = await openCache({
      connection: database.url,
      listenConnection: proxy.url(database.url),
    });
    await read(cache.events({ cluster: true }));
    const { errors } = cache.stats();
    await proxy.behave('black-hole');
    // A heartbeat that is not answered, and attempts that are not.
    await eventually(() => expect(cache.stats().errors - errors).toBeGreaterThan(1));
    const failures = recorder.of('error').map(({ error }) => error);
    expect(new Set(failures).size).toBe(failures.length);
  });

  it('nor is one more than one where nobody is heard, as behind a transaction pooler', async () => {
    // Its notifications go to another database.
    const elsewhere = await createDatabase({ template: MIGRATED });
    onTestFinished(() => elsewhere.drop());
    const proxy = await useProxy(elsewhere.url);
    const cache = await createCache({
      name: 'astray',
      ...testNames(),
      connection: database.url,
      listenConnection: proxy.url(elsewhere.url),
      logger: { warn: () => undefined },
    });
    onTestFinished(() => cache.close());
    const { errors } = cache.stats();
    const attempts = proxy.accepted;
    const events = cache.events({ cluster: true });
    await eventually(() => expect(cache.stats().errors - errors).toBeGreaterThan(2));
    // One attempt may have been under way.
    expect(cache.stats().errors - errors).toBeLessThanOrEqual(proxy.accepted - attempts + 1);
    await events.return();
  });

  it('ignores and counts what is no event, and keeps a bounded number that nobody reads', async () => {
    const cache = await open({ channel: 'a "channel"' });
    const events = cache.events({ cluster: true, buffer: 2 });
    await eventually(() => expect(events.state).toBe('listening'));
    const client = await connectApart(database.url);
    const send = (text: string) => client.query(`select pg_notify('a "channel":events', $1)`, [text]);
    for (const text of ['nonsense', '', '[]', 'null', '{"type":"hit"}', '{"type":"toString"}']) await send(text);
    await eventually(() => expect(events.ignored).toBe(6));
    for (let at = 1; at <= 5; at += 1) {
      await send(JSON.stringify({ type: 'evict', cache: 'other', origin: 'there', at, key: `k${at}` }));
    }
    await eventually(() => expect(events.dropped).toBe(3));
    expect(cache.stats().eventsDropped).toBe(3);
    expect(await events.next()).toEqual({
      done: false,
      value: { type: 'evict', cache: 'other', origin: 'there', at: 4, key: 'k4' },
    });
    expect(await cache.get('still works')).toBeUndefined();
    await events.return();
  });
});

describe('where there is nothing to hear', () => {
  it('a dialect, whose connections cannot listen, is refused', async () => {
    const pool = new pg.Pool({ connectionString: database.url });
    onTestFinished(() => pool.end());
    const cache = await open({ connection: undefined, dialect: new PostgresDialect({ pool }) });
    expect(() => cache.events({ cluster: true })).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  });

  it('memory: only this process is there', async () => {
    const cache = await open({ connection: 'memory' });
    const events = cache.events({ cluster: true });
    await cache.set('k', 1);
    expect(events.state).toBe('closed');
    expect(await events.next()).toMatchObject({ value: { type: 'write', key: 'k' } });
    await events.return();
  });
});
