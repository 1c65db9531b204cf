/**
 * The database goes back in time under running processes: a cold copy is put back, a base backup is restored, a recovery ends in a
 * promotion, a dump is restored in place. Transaction ids are given out again, to other transactions.
 */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chown, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { useDatabase } from '../support/database.js';
import { eventually, HeldLoader, openCache } from './cache-fixture.js';
import { connect, table } from './fixture.js';
import { type OwnServer, useOwnServer } from './own-server.js';

const run = promisify(execFile);

/** A way to go back in time: what is taken first, and how the server comes up with it. */
interface Restoration {
  readonly name: string;
  readonly take: (server: OwnServer, to: string) => Promise<void>;
  readonly settings?: (from: string) => Readonly<Record<string, string>>;
}

/** Copies with owners and rights: the server may run as another user. */
async function copy(from: string, to: string): Promise<void> {
  await run('cp', ['-a', from, to]);
}

/** A base backup as `pg_basebackup` takes it; the log's files go into `wal`. */
async function baseBackup(server: OwnServer, to: string, wal: string): Promise<void> {
  const client = new pg.Client({ connectionString: server.adminUrl });
  await client.connect();
  await client.query("select pg_backup_start('test', true)");
  await copy(server.data, to);
  const { rows } = await client.query<{ labelfile: string }>('select labelfile from pg_backup_stop(false)');
  await client.end();
  const { uid, gid } = await stat(server.data);
  await rm(join(to, 'postmaster.pid'));
  await rm(join(to, 'pg_wal'), { recursive: true });
  await writeFile(join(to, 'backup_label'), rows[0]?.labelfile ?? '');
  await chown(join(to, 'backup_label'), uid, gid);
  if (wal === join(to, 'pg_wal')) return await copy(join(server.data, 'pg_wal'), wal);
  await mkdir(join(to, 'pg_wal'), { mode: 0o700 });
  await chown(join(to, 'pg_wal'), uid, gid);
}

const RESTORATIONS: readonly Restoration[] = [
  {
    name: 'a cold copy is put back: no recovery, nothing unlogged is lost',
    take: async (server, to) => {
      await server.stop();
      await copy(server.data, to);
      await server.start();
    },
  },
  {
    name: 'a base backup is restored',
    take: (server, to) => baseBackup(server, to, join(to, 'pg_wal')),
  },
  {
    name: 'a recovery from archived logs ends in a promotion, as that of a standby',
    take: async (server, to) => {
      await baseBackup(server, to, `${to}-wal`);
      await server.ask('create table replicated ()');
      await copy(join(server.data, 'pg_wal'), `${to}-wal`);
      const { uid, gid } = await stat(server.data);
      await writeFile(join(to, 'recovery.signal'), '');
      await chown(join(to, 'recovery.signal'), uid, gid);
    },
    settings: (from) => ({ restore_command: `cp "${from}-wal/%f" "%p"`, recovery_target_action: 'promote' }),
  },
];

const server = useOwnServer();

async function nextTransaction(): Promise<number> {
  const [row] = await server().ask<{ next: string }>('select pg_snapshot_xmax(pg_current_snapshot())::text as next');
  return Number(row?.next);
}

describe('INVARIANT 8: the server goes back in time while a load runs; nothing old comes back', () => {
  for (const { name, take, settings } of RESTORATIONS) {
    it(name, { timeout: 60_000 }, async () => {
      const namespace = randomUUID();
      const backup = `${server().data}-${namespace}`;
      const { cache, recorder } = await openCache({ connection: server().url, namespace });
      await take(server(), backup);

      // In the time that will be lost: many transactions, a value with a local copy, a load that begins.
      await eventually(() => cache.set('lost', 'of the lost time'));
      for (let times = 0; times < 30; times += 1) await cache.invalidateTags(['lost']);
      await cache.set('lost', 'of the lost time');
      expect(await cache.get('lost')).toBe('of the lost time');
      const loader = new HeldLoader<string>();
      const call = cache.getOrSet('load', loader.load, { ttl: '1h', tags: ['tag'] });
      await loader.began;
      const before = await nextTransaction();

      await server().stop();
      await rm(server().data, { recursive: true });
      await copy(backup, server().data);
      await server().start(settings?.(backup));
      await eventually(() => server().ask('create table if not exists back ()'));

      // In the new time the load's tag is invalidated, by a transaction whose id the load could have seen.
      const other = (await openCache({ connection: server().url, namespace })).cache;
      await other.invalidateTags(['tag']);
      expect(await nextTransaction()).toBeLessThan(before);
      await eventually(() => cache.set('back', 1));
      loader.answer('of the lost time');
      expect(await call).toBe('of the lost time');
      expect(recorder.of('notStored')).toMatchObject([{ reason: 'incarnation' }]);
      for (const reader of [cache, other]) expect(await reader.get('load')).toBeUndefined();
      expect(await other.get('lost')).toBeUndefined();
      // A copy of its own lives until the process has heard of it: for the local lease at most.
      await eventually(async () => expect(await cache.get('lost')).toBeUndefined());
      expect(await cache.get('lost', { tiers: 'local' })).toBeUndefined();
    });
  }
});

describe('INVARIANT 8: a dump is restored into the database that it is of', () => {
  const database = useDatabase();
  const TABLES = ['', '_invalidations', '_boot', '_meta'] as const;

  it('under connections that live on: what it brings back is not served', async () => {
    const { cache } = await openCache({ connection: database.url });
    const client = await connect(database.url);
    await cache.set('k', 'old', { tags: ['t'] });
    for (const name of TABLES) await client.query(`create table dump${name} as select * from ${table(name)}`);
    await cache.invalidateTags(['t']);

    // What `pg_restore --clean` does: the tables anew, with their rows of then; connections notice nothing.
    for (const name of TABLES) {
      const whole = table(name);
      const [schema, own] = whole.split('.');
      const restored = `${schema}.restored`;
      await client.query(`begin; create table ${restored} (like ${whole} including all);
        insert into ${restored} select * from dump${name}; drop table ${whole} cascade;
        alter table ${restored} rename to ${own}; commit`);
    }

    expect(await eventually(() => cache.get('k'))).toBeUndefined();
    await eventually(() => cache.set('back', 'new'));
    expect(await cache.get('back')).toBe('new');
    expect(await cache.get('k')).toBeUndefined();
  });
});
