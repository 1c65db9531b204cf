/** Run-time policies in the table: one statement of an operator, and the whole cluster follows. */
import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { createCache } from '../../src/configure.js';
import { useDatabase, usePool } from '../support/database.js';
import { eventually, MIGRATED, openCache, sources } from './cache-fixture.js';
import { table } from './fixture.js';

vi.setConfig({ testTimeout: 60_000 });

const database = useDatabase({ template: MIGRATED });
const pool = usePool(database);

const PRICES = Object.freeze({ useCase: 'Prices.current', ttl: '1h' } as const);

beforeEach(async () => {
  await pool().query(`truncate ${table('_policies')}`);
});

async function process(options = {}) {
  const namespace = randomUUID();
  const opened = await openCache({ connection: database.url, namespace, policyProvider: 'table', ...options });
  let loads = 0;
  const call = (key = 'price'): Promise<number> =>
    opened.cache.getOrSet(
      key,
      () => {
        loads += 1;
        return loads;
      },
      PRICES,
    );
  const bypasses = (): readonly string[] => opened.recorder.of('bypass').map(({ reason }) => reason);
  return { ...opened, call, bypasses };
}

const set = (changes: string): Promise<unknown> =>
  pool().query(
    `insert into ${table('_policies')} (use_case) values ('Prices.current') on conflict do nothing;
     update ${table('_policies')} set ${changes} where use_case = 'Prices.current'`,
  );

describe('INVARIANT 34: policyProvider: table', () => {
  it('what it says is known to the first call', async () => {
    await set('enabled = false');
    const { call, bypasses } = await process();
    expect([await call(), await call()]).toEqual([1, 2]);
    expect(bypasses()).toEqual(['provider', 'provider']);
  });

  it('one UPDATE, and every process follows, local copies included', async () => {
    const all = [await process(), await process()];
    for (const { call } of all) expect([await call(), await call()]).toEqual([1, 1]);
    await set('ramp_local = 0, ramp_shared = 0');
    for (const { call, bypasses } of all)
      await eventually(async () => {
        await call();
        expect(bypasses().at(-1)).toBe('ramp');
      });
    await set('ramp_local = null, ramp_shared = null');
    for (const { call } of all) await eventually(async () => expect(await call()).toBe(1));
    await pool().query(`insert into ${table('_policies')} (use_case, enabled) values ('*', false)`);
    await pool().query(`delete from ${table('_policies')} where use_case = 'Prices.current'`);
    for (const { call, bypasses } of all)
      await eventually(async () => {
        await call();
        expect(bypasses().at(-1)).toBe('provider');
      });
  });

  it.each([
    { own: 'ramp_shared = 100', inherited: 'ramp_local', answers: ['load', 'shared', 'shared'] },
    { own: 'ramp_local = 100', inherited: 'ramp_shared', answers: ['load', 'local', 'local'] },
  ])('a row with $own alone has $inherited from the row *, and follows it', async ({ own, inherited, answers }) => {
    await pool().query(`insert into ${table('_policies')} (use_case, ramp_local, ramp_shared) values ('*', 0, 0)`);
    await set(own);
    const opened = await process();
    for (const _ of answers) expect(await opened.call()).toBe(1);
    expect(sources(opened)).toEqual(answers);

    await pool().query(`update ${table('_policies')} set ${inherited} = 100 where use_case = '*'`);
    await eventually(async () => {
      await opened.call('other');
      await opened.call('other');
      expect(sources(opened).at(-1)).toBe('local');
      await opened.cache.bypass({ local: true }, () => opened.call('other'));
      expect(sources(opened).at(-1)).toBe('shared');
    });
  });

  it('without a stream it is found within some seconds; what is no policy changes nothing and is reported', async () => {
    const { call, bypasses, cache, recorder } = await process({ notify: 'off' });
    await call();
    await set(`policy = '{"ttl": "soon"}'`);
    await eventually(async () => {
      await call();
      expect(recorder.of('error').map(({ operation }) => operation)).toContain('policy');
    });
    expect(bypasses()).toEqual([]);
    expect(cache.stats().bypassed).toBe(0);
  });

  it('a store without the table refuses it', async () => {
    const refused = createCache({ name: randomUUID(), connection: 'memory', policyProvider: 'table' });
    await expect(refused).rejects.toThrow('Expected `policyProvider` to be a function: the memory store has no table');
  });
});
