/**
 * Faults of a server that runs out of something: connections, disk, the right to write. INVARIANT 27 in its causal form, as in
 * cache-faults.test.ts.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { stat } from 'node:fs/promises';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { StoreError } from '../../src/errors.js';
import { testNames } from '../support/database.js';
import { canMount, SmallDisk } from '../support/small-disk.js';
import { eventually, expectNothingUnhandled, type OpenCache } from './cache-fixture.js';
import {
  changing,
  expectDown,
  expectLoads,
  expectNothingLeft,
  expectOpenBreaker,
  expectRecovery,
  expectSurvival,
  open,
} from './faults-fixture.js';
import { useOwnServer } from './own-server.js';

vi.setConfig({ testTimeout: 120_000 });

beforeEach(() => expectNothingUnhandled());

describe('connections', () => {
  const server = useOwnServer({ max_connections: '24' });

  /** Connections of others in the application's role, until the server has none left for it. */
  async function takeAllConnections(): Promise<() => Promise<void>> {
    const others: pg.Client[] = [];
    const taken = async (): Promise<void> => {
      const client = new pg.Client({ connectionString: server().url, application_name: 'others' });
      client.on('error', () => undefined);
      try {
        await client.connect();
        others.push(client);
        await taken();
      } catch (error) {
        expect(error).toMatchObject({ code: '53300' });
      }
    };
    const ours = `from pg_stat_activity where usename = 'application' and application_name <> 'others'`;
    const [limit] = await server().ask<{ open: number }>(
      `select current_setting('max_connections')::int - sum(setting::int)::int as open from pg_settings
       where name in ('superuser_reserved_connections', 'reserved_connections')`,
    );
    await eventually(async () => {
      await server().ask(`select pg_terminate_backend(pid) ${ours}`);
      await taken();
      // A connection that is just ending holds its place for a moment, and no view shows it: once refused does not mean that all are taken.
      expect(others).toHaveLength(limit?.open ?? Number.NaN);
    });
    return async () => {
      await Promise.all(others.map((client) => client.end()));
    };
  }

  it('are all taken by others (53300), and given back', async () => {
    let giveBack = async (): Promise<void> => undefined;
    const opened = await expectSurvival(
      { connection: server().url },
      {
        begin: async () => {
          giveBack = await takeAllConnections();
        },
        end: () => giveBack(),
      },
    );
    expect(statesOf(opened)).toContain('53300');
    // Two caches of a pool of 4 and a connection that listens: none was lost on the way.
    const [{ count } = { count: Number.NaN }] = await server().ask<{ count: number }>(
      `select count(*)::int as count from pg_stat_activity where usename = 'application'`,
    );
    expect(count).toBeLessThanOrEqual(10);
  });
});

describe('the right to write', () => {
  const server = useOwnServer();

  it('is lost with a restart as a standby, and comes back with the promotion', async () => {
    const opened = await open({ connection: server().url });
    const listening = await open({ connection: server().url, local: {} });
    for (const { cache } of [opened, listening]) await cache.set('known', 'before');
    await server().restartAsStandby();
    await Promise.all([expectDown(opened), expectLoads(listening)]);
    expect(await changing(opened.cache, 'changing')()).toBe('changed');
    await Promise.all([opened, listening].map(expectOpenBreaker));
    await server().promote();
    await Promise.all([opened, listening].map(expectRecovery));
    await expectNothingLeft(opened, 0);
    await eventually(() => expect(listening.cache.stats().stream).toMatchObject({ state: 'listening' }));
  });
});

describe.skipIf(!canMount())('the disk of the tablespace (needs tmpfs)', () => {
  let disk: SmallDisk | undefined;
  // Unmounted after the server has stopped: hooks that come first are the last to end.
  afterAll(() => disk?.unmount());
  const server = useOwnServer();
  beforeAll(async () => {
    disk = new SmallDisk(24, await stat(server().data));
    await server().ask(`create tablespace small location '${disk.path}'`);
    await server().ask('grant create on tablespace small to application');
    await server().setForApplication('default_tablespace', 'small');
  });

  /** What no compression makes smaller, in rows and pages of its own. */
  const bulky = (): string => randomBytes(30_000).toString('base64');

  it('is full (53100): what is there is found, what is loaded is answered, nothing is stored, until there is room', async () => {
    const names = { prefix: `${testNames().prefix}small_` };
    const opened = await open({ connection: server().url, ...names });
    const { cache, recorder } = opened;
    await cache.set('known', 'before', { tags: ['t'] });
    disk?.fill();
    // What was set aside for the tables is used first.
    await eventually(() => expect(cache.set(randomUUID(), bulky())).rejects.toThrow(StoreError));
    recorder.clear();
    await eventually(async () => expect(await cache.get('known')).toBe('before'));
    for (let round = 0; round < 10; round += 1) {
      const value = bulky();
      let loads = 0;
      const load = (): string => {
        loads += 1;
        return value;
      };
      expect([await cache.getOrSet(randomUUID(), load), loads]).toEqual([value, 1]);
    }
    expect(recorder.of('notStored').map(({ reason }) => reason)).toEqual(
      Array.from({ length: 10 }, () => 'store-unavailable'),
    );
    await expect(cache.set('known', bulky())).rejects.toMatchObject({ code: 'STORE_FAILED', outcome: 'failed' });
    // The old value was not replaced, nor lost; and a log that has no room says so as well.
    await eventually(async () => expect(await cache.get('known')).toBe('before'));
    await eventually(() => expect(cache.invalidateTags(manyTags())).rejects.toThrow(StoreError));
    expect(statesOf(opened)).toContain('53100');
    disk?.free();
    await expectRecovery(opened);
    await eventually(() => cache.set('bulky', bulky()));
    await eventually(() => cache.invalidateTags(['t']));
    await expectNothingLeft(opened, 0);
  });

  const manyTags = (): string[] => Array.from({ length: 2_000 }, () => randomUUID());
});

/** The SQLSTATEs in a cache's errors. */
function statesOf({ recorder }: OpenCache): readonly string[] {
  return recorder.of('error').flatMap(({ error }) => /SQLSTATE (\w{5})/.exec(String(error))?.[1] ?? []);
}
