/** The bus over a real server: what it tells, what it says it may have missed, and what it survives. */
import pg from 'pg';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { type Clock, systemClock } from '../../src/kernel/clock.js';
import { nameHash } from '../../src/kernel/name-hash.js';
import type { GapReason } from '../../src/ports/bus.js';
import { PostgresBus } from '../../src/postgres/bus.js';
import { quoted, tableNames } from '../../src/postgres/names.js';
import { deltaStatement } from '../../src/postgres/queries/delta.js';
import { createPostgresStore } from '../../src/postgres/store.js';
import { Stream } from '../../src/postgres/stream.js';
import { testNames, useDatabase } from '../support/database.js';
import { useProxy } from '../support/proxy.js';
import { connect, SCOPE, table } from './fixture.js';

const database = useDatabase();
const CHANNEL = 'a "channel" that needs quoting';
const QUOTED = pg.escapeIdentifier(CHANNEL);

beforeAll(async () => {
  const store = createPostgresStore({ connection: database.url, ...SCOPE, ...testNames() });
  await store.open();
  await store.close();
});

interface Heard {
  readonly bus: PostgresBus;
  readonly names: { readonly hash: number; readonly xid: number }[];
  readonly gaps: GapReason[];
  readonly proven: number[];
  readonly errors: unknown[];
}

async function listen(url = database.url, missedAfter = 2_000): Promise<Heard> {
  const heard = await begin(url, missedAfter);
  await until(() => heard.bus.health.state === 'listening');
  return heard;
}

async function begin(
  url: string,
  missedAfter: number,
  deaf: 'deaf' | 'hears' = 'hears',
  clock: Clock = systemClock,
): Promise<Heard> {
  const sender = await connect(database.url);
  const heard: Omit<Heard, 'bus'> = { names: [], gaps: [], proven: [], errors: [] };
  const stream = new Stream({
    connect: () => new pg.Client({ connectionString: url, application_name: 'the bus' }),
    delta: deltaStatement(quoted(tableNames({ table: 'cache', ...testNames() }))),
    channel: CHANNEL,
    eventChannel: `${CHANNEL}:events`,
    clock,
    every: 20,
    missedAfter,
  });
  const bus = new PostgresBus({
    stream: () => stream,
    echo: async (payload) => {
      await sender.query('select pg_notify($1, $2)', [deaf === 'deaf' ? 'elsewhere' : CHANNEL, payload]);
    },
    onError: (error) => heard.errors.push(error),
  });
  onTestFinished(() => bus.close());
  void bus.listen({
    onNames: (hashes, xid) => heard.names.push(...hashes.map((hash) => ({ hash, xid }))),
    onGap: (reason) => heard.gaps.push(reason),
    onProven: (at) => heard.proven.push(at),
  });
  return { bus, ...heard };
}

const until = (condition: () => boolean): Promise<true> =>
  vi.waitFor(() => condition() || Promise.reject(new Error('not yet')), { timeout: 10_000, interval: 10 });

const log = (client: pg.Client, name: string) =>
  client.query(`insert into ${table('_invalidations')} (name, kind) values ($1, 'delete')`, [name]);

const times = (heard: Heard, name: string): number => heard.names.filter(({ hash }) => hash === nameHash(name)).length;

describe('the bus', () => {
  it('begins with a gap, then proves itself heartbeat by heartbeat', async () => {
    const heard = await listen();
    await until(() => heard.proven.length >= 3);
    expect(heard.gaps).toEqual(['connected']);
    expect(heard.proven).toEqual([...heard.proven].sort((one, other) => one - other));
    expect(heard.names).toEqual([]);
  });

  it('tells what enters the log by whomever, without a notification, exactly once', async () => {
    const heard = await listen();
    const other = await connect(database.url);
    await log(other, 't|one');
    await until(() => times(heard, 't|one') > 0);
    const beats = heard.proven.length;
    await until(() => heard.proven.length > beats + 3);
    expect(times(heard, 't|one')).toBe(1);
  });

  it('INVARIANT 8a: a transaction that was open over many heartbeats is told when it commits, once, and nothing else again', async () => {
    const heard = await listen();
    const [slow, quick] = [await connect(database.url), await connect(database.url)];
    await slow.query('begin');
    await log(slow, 't|slow');
    await log(quick, 't|quick');
    await until(() => times(heard, 't|quick') > 0);
    const beats = heard.proven.length;
    await until(() => heard.proven.length > beats + 3);
    expect(times(heard, 't|slow')).toBe(0);
    await slow.query('commit');
    await until(() => times(heard, 't|slow') > 0);
    const then = heard.proven.length;
    await until(() => heard.proven.length > then + 3);
    expect([times(heard, 't|slow'), times(heard, 't|quick')]).toEqual([1, 1]);
  });

  it('INVARIANT 8a: a heartbeat after a long silence is a gap: what it asks for may have been swept', async () => {
    let stopped = 0;
    const heard = await begin(database.url, 2_000, 'hears', {
      ...systemClock,
      monotonic: () => systemClock.monotonic() + stopped,
      wall: () => systemClock.wall() + stopped,
    });
    await until(() => heard.proven.length >= 2);
    stopped = 20_000;
    const then = heard.proven.length;
    await until(() => heard.proven.length > then + 3);
    expect(heard.gaps).toEqual(['connected']);
    stopped += 31_000;
    await until(() => heard.gaps.length > 1);
    expect(heard.gaps).toEqual(['connected', 'clock']);
  });

  it('INVARIANT 6: a transaction that rolls back is never told', async () => {
    const heard = await listen();
    const other = await connect(database.url);
    await other.query('begin');
    await log(other, 't|rolled-back');
    await other.query('rollback');
    await log(other, 't|after');
    await until(() => times(heard, 't|after') > 0);
    expect(times(heard, 't|rolled-back')).toBe(0);
  });

  it('passes on notifications, and ignores what is none of ours', async () => {
    const heard = await listen();
    const other = await connect(database.url);
    await other.query(`notify ${QUOTED}, 'nonsense'`);
    await other.query(`notify ${QUOTED}, '12 ${nameHash('k|told').toString(36)} ${nameHash('t|too').toString(36)}'`);
    await until(() => heard.names.length === 2);
    expect(heard.names).toEqual([
      { hash: nameHash('k|told'), xid: 12 },
      { hash: nameHash('t|too'), xid: 12 },
    ]);
  });

  it('a connection that is killed is a gap, and the next one hears again', async () => {
    const heard = await listen();
    const other = await connect(database.url);
    await other.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'the bus' and datname = current_database()",
    );
    await until(() => heard.gaps.length === 2);
    expect(heard.gaps).toEqual(['connected', 'connected']);
    await log(other, 't|again');
    await until(() => times(heard, 't|again') > 0);
  });

  it('INVARIANT 3: a half-open connection proves nothing and is given up after a missed heartbeat', async () => {
    const proxy = await useProxy(database.url);
    const heard = await listen(proxy.url(database.url), 300);
    await proxy.behave('black-hole');
    await until(() => heard.bus.health.state === 'connecting');
    const proven = heard.proven.length;
    await proxy.behave('pass');
    await until(() => heard.gaps.length === 2);
    await until(() => heard.proven.length > proven);
    expect(heard.errors.length).toBeGreaterThan(0);
  });

  it('a connection on which notifications do not arrive proves nothing, and says what to do', async () => {
    const heard = await begin(database.url, 100, 'deaf');
    await until(() => heard.errors.length > 0);
    expect(String(heard.errors[0])).toContain('listenConnection');
    expect([heard.bus.health.state, heard.proven, heard.gaps]).toEqual(['connecting', [], []]);
  });

  it('more names than are told one by one are a gap', async () => {
    const heard = await listen();
    const other = await connect(database.url);
    await other.query(
      `insert into ${table('_invalidations')} (name, kind) select 't|flood' || n, 'delete' from generate_series(1, 10001) as n`,
    );
    await until(() => heard.gaps.includes('flood'));
    expect(times(heard, 't|flood1')).toBe(0);
  });

  it('a new incarnation is a gap', async () => {
    const heard = await listen();
    const other = await connect(database.url);
    await other.query(`update ${table('_boot')} set id = gen_random_uuid()`);
    await until(() => heard.gaps.includes('incarnation'));
  });

  it('close ends it: no connection is left', async () => {
    const heard = await listen();
    await heard.bus.close();
    const other = await connect(database.url);
    const count =
      "select count(*)::int as n from pg_stat_activity where application_name = 'the bus' and datname = current_database()";
    await vi.waitFor(async () => expect((await other.query(count)).rows).toEqual([{ n: 0 }]), { timeout: 10_000 });
    expect(heard.bus.health.state).toBe('closed');
  });
});
