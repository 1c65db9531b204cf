/** Counters and locks over a real server: real processes, some of which die or stand still. */
import { describe, expect, it } from 'vitest';
import { testNames, useDatabase, usePool } from '../support/database.js';
import { WorkerProcess } from '../support/processes.js';
import { eventually, MIGRATED, openCache } from './cache-fixture.js';
import { connect, table } from './fixture.js';

const database = useDatabase({ template: MIGRATED });
const pool = usePool(database);

async function workers(count: number): Promise<readonly WorkerProcess[]> {
  const file = new URL('workers/primitives-process.ts', import.meta.url);
  return await Promise.all(
    Array.from({ length: count }, async () => {
      const worker = await WorkerProcess.spawn(file);
      // Without a local tier there is nothing to listen to.
      const options = {
        connection: database.url,
        ...testNames(),
        local: false,
        timeouts: { read: 20_000, write: 20_000 },
      };
      await worker.send('open', options);
      return worker;
    }),
  );
}

/** How often each result was answered, from 1 on. */
function histogram(results: readonly number[]): readonly number[] {
  const counts: number[] = new Array(Math.max(...results)).fill(0);
  for (const result of results) counts[result - 1] = (counts[result - 1] ?? 0) + 1;
  return counts;
}

describe('processes', () => {
  it('INVARIANT 33: 8 of them count, while some reset, and nothing is lost; one at a time holds a lock, and fences only grow', async () => {
    const all = await workers(8);
    const counting = all.map((worker) => worker.send('count', { key: 'sum', times: 200, together: 20 }));
    const results = (await Promise.all(counting)).flat() as number[];
    expect(histogram(results)).toEqual(Array.from({ length: 1600 }, () => 1));

    // A delete between two increments resets and loses none: every life of the counter answers 1, 2, 3, …
    const others = all.slice(2).map((worker) => worker.send('count', { key: 'lives', times: 100, together: 4 }));
    const resets = all.slice(0, 2).map((worker) => worker.send('reset', { key: 'lives', times: 40 }));
    const lives = histogram((await Promise.all(others)).flat() as number[]);
    await Promise.all(resets);
    expect(lives.reduce((sum, count) => sum + count, 0)).toBe(600);
    expect(lives[0]).toBeGreaterThan(1);
    expect(lives).toEqual([...lives].sort((one, other) => other - one));

    // Locks: nobody else works between the beginning and the end of somebody's work, and fences only grow.
    await pool().query('create table journal (n bigint generated always as identity, fence bigint, word text)');
    await Promise.all(all.map((worker) => worker.send('work', { name: 'job', times: 15 })));
    const { rows } = await pool().query<{ fence: string; word: string }>('select fence, word from journal order by n');
    const fences = rows.map(({ fence }) => Number(fence));
    expect(rows.map(({ word }) => word)).toEqual(Array.from({ length: 120 }, () => ['begins', 'ends']).flat());
    expect(fences).toEqual([...fences].sort((one, other) => one - other));
    expect(new Set(fences).size).toBe(120);
  }, 60_000);

  it('INVARIANT 33: the lock of a killed process passes on; a stopped one finds out that it has lost it', async () => {
    const [killed, stopped] = await workers(2);
    if (killed === undefined || stopped === undefined) throw new Error('Two workers were asked for');
    const options = { expire: 1_500, wait: '30s' };
    const first = Number(await killed.send('lock', { name: 'passed on', options }));
    await killed.kill('SIGKILL');
    const second = Number(await stopped.send('lock', { name: 'passed on', options }));
    expect(second).toBeGreaterThan(first);
    stopped.signal('SIGSTOP');
    const { cache } = await openCache({ connection: database.url });
    const lock = await cache.lock('passed on', { expire: '1m', wait: '30s' });
    expect(lock.fence).toBeGreaterThan(second);
    stopped.signal('SIGCONT');
    await eventually(async () => expect(await stopped.send('state')).toBe('lost'));
    expect(await stopped.send('release')).toBe('lost');
    expect(lock.lost.aborted).toBe(false);
    expect(await lock.release()).toBe('released');
  }, 60_000);
});

describe('counters', () => {
  it('act outside of transactions at once, and a delete inside of one resets when it commits', async () => {
    const { cache } = await openCache({ connection: database.url });
    await cache.incr('outside');
    const failure = new Error('rolled back');
    const rolledBack = cache.transaction(pool(), async () => {
      expect(await cache.incr('outside')).toBe(2);
      await cache.delete('outside');
      throw failure;
    });
    await expect(rolledBack).rejects.toBe(failure);
    expect(await cache.incr('outside')).toBe(3);
    await cache.transaction(pool(), async () => {
      await cache.delete('outside');
      expect(await cache.incr('outside')).toBe(4); // nobody sees the delete before it commits
    });
    expect(await cache.get('outside')).toBeUndefined();
    expect(await cache.incr('outside')).toBe(1);
    expect(await cache.incr('outside')).toBe(2);
  });

  it('a copy of what was set before leaves the local tiers of other processes', async () => {
    const [here, there] = [
      await openCache({ connection: database.url }),
      await openCache({ connection: database.url }),
    ];
    await here.cache.set('converted', 41);
    expect(await there.cache.get('converted')).toBe(41);
    expect(await here.cache.incr('converted')).toBe(42);
    await eventually(async () => expect(await there.cache.get('converted')).toBe(42));
    expect(await here.cache.incr('converted')).toBe(43);
    expect(await there.cache.get('converted')).toBe(43);
  });

  it('are decimal digits that other programs read, and may write', async () => {
    const { cache } = await openCache({ connection: database.url });
    await cache.incr('shared', { by: 41 });
    const client = await connect(database.url);
    const { rows } = await client.query(
      `select convert_from(value, 'UTF8') as value from ${table()} where id = 'shared'`,
    );
    expect(rows).toEqual([{ value: '41' }]);
    await client.query(
      `update ${table()} set value = convert_to((convert_from(value, 'UTF8')::bigint + 1)::text, 'UTF8') where id = 'shared'`,
    );
    expect(await cache.incr('shared')).toBe(43);
  });
});

describe('locks', () => {
  it('hold no connection: 20 are held over a pool of 1', async () => {
    const { cache } = await openCache({ connection: database.url, poolSize: 1 });
    const locks = await Promise.all(Array.from({ length: 20 }, (_, i) => cache.lock(`many ${i}`, { wait: 0 })));
    expect(await cache.incr('meanwhile')).toBe(1);
    expect(await Promise.all(locks.map((lock) => lock.release()))).toEqual(locks.map(() => 'released'));
  });

  it('their table is logged, and the sweeper removes what ended a minute ago, nothing else', async () => {
    const { cache } = await openCache({ connection: database.url, sweep: false });
    const [held, released, old] = [
      await cache.lock('held', { wait: 0 }),
      await cache.lock('released', { wait: 0 }),
      await cache.lock('old', { wait: 0 }),
    ];
    await released.release();
    await old.release();
    const client = await connect(database.url);
    await client.query(`update ${table('_locks')} set held_until = now() - interval '61 seconds' where name = 'old'`);
    await cache.sweep();
    const { rows } = await client.query(
      `select name from ${table('_locks')} where name in ('held', 'released', 'old') order by name`,
    );
    expect(rows).toEqual([{ name: 'held' }, { name: 'released' }]);
    const { rows: kinds } = await client.query('select relpersistence from pg_class where oid = $1::regclass', [
      table('_locks'),
    ]);
    expect(kinds).toEqual([{ relpersistence: 'p' }]);
    expect(await held.release()).toBe('released');
  });
});
