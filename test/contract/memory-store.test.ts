import { describe, expect, it } from 'vitest';
import { ConfigurationError } from '../../src/errors.js';
import { EVERYTHING, keyName, namespaceName, tagName } from '../../src/kernel/names.js';
import { InvalidationLog } from '../../src/memory/invalidation-log.js';
import { createMemoryStore, MemoryStore } from '../../src/memory/memory-store.js';
import { MemoryTable } from '../../src/memory/memory-table.js';
import type { LoadToken, Store } from '../../src/ports/store.js';
import { describeStoreContract, type StoreUnderTest } from '../../src/testing/main.js';
import {
  entry,
  HOUR,
  lives,
  MINUTE,
  SECOND,
  stored,
  textOf,
  unique,
} from '../../src/testing/store-contract/store-under-test.js';
import { FakeClock } from '../support/fake-clock.js';

const LOAD_DEADLINE = 10 * MINUTE;
const SCOPE_NAMES = [namespaceName('test'), EVERYTHING];

function tableAndStore(maxEntries = Number.POSITIVE_INFINITY): {
  clock: FakeClock;
  table: MemoryTable;
  store: MemoryStore;
} {
  const clock = new FakeClock();
  const table = new MemoryTable({ clock, loadDeadline: LOAD_DEADLINE, maxEntries });
  return { clock, table, store: new MemoryStore(table, { clock, scopeNames: SCOPE_NAMES }) };
}

/** Three stores over one table. */
async function overOneTable(): Promise<StoreUnderTest> {
  const { clock, table, store } = tableAndStore();
  const second = new MemoryStore(table, { clock, scopeNames: SCOPE_NAMES });
  const neighbour = new MemoryStore(table, { clock, scopeNames: [namespaceName('neighbour'), EVERYTHING] });
  const stores = [store, second, neighbour];
  await Promise.all(stores.map((each) => each.open()));
  return {
    store,
    second,
    neighbour,
    options: { scopeNames: SCOPE_NAMES, loadDeadline: LOAD_DEADLINE },
    advance: async (ms) => clock.advance(ms),
    now: () => clock.wall(),
    close: async () => void (await Promise.all(stores.map((each) => each.close()))),
  };
}

describeStoreContract('memory', { describe, it, create: overOneTable, lacks: ['readMany'] });

describe('createMemoryStore', () => {
  const created = (maxEntries?: number): { clock: FakeClock; store: Store } => {
    const clock = new FakeClock();
    const store = createMemoryStore({ clock, scopeNames: SCOPE_NAMES, loadDeadline: LOAD_DEADLINE, maxEntries });
    return { clock, store };
  };

  it('heeds its options: clock, scope names, loadDeadline, maxEntries', async () => {
    const { clock, store } = created(1);
    await store.set(entry('one'));
    await store.set(entry('two'));
    expect([await textOf(store, 'one'), await textOf(store, 'two')]).toEqual([undefined, 'value']);
    const { token } = await store.read('two');
    clock.advance(LOAD_DEADLINE);
    stored(await store.fill(entry('two'), token));
    clock.advance(1);
    expect(await store.fill(entry('two'), token)).toEqual({ status: 'refused', reason: 'deadline' });
    await store.invalidate([EVERYTHING], 'delete');
    expect(await textOf(store, 'two')).toBeUndefined();
  });

  it('keeps any number of entries unless told otherwise', async () => {
    const { store } = created();
    const ids = Array.from({ length: 20_000 }, (_, index) => `id ${index}`);
    for (const id of ids) await store.set(entry(id));
    expect(await textOf(store, 'id 0')).toBe('value');
  });

  it('shares nothing: a token of another memory store proves nothing', async () => {
    const { token } = await created().store.read('id');
    expect(await created().store.fill(entry('id'), token)).toEqual({ status: 'refused', reason: 'incarnation' });
  });

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])(
    'refuses maxEntries %s, naming option and value',
    (given) => {
      expect(() => created(given)).toThrow(ConfigurationError);
      expect(() => created(given)).toThrow(
        `Expected \`maxEntries\` to be a positive integer, got \`${given}\` (number)`,
      );
    },
  );
});

describe('memory store: maxEntries', () => {
  it('evicts the entries written longest ago, and a rewritten one is young again', async () => {
    const { store, table } = tableAndStore(3);
    for (const id of ['a', 'b', 'c', 'a', 'd']) await store.set(entry(id));
    const texts = await Promise.all(['a', 'b', 'c', 'd'].map((id) => textOf(store, id)));
    expect(texts).toEqual(['value', undefined, 'value', 'value']);
    expect(table.size.rows).toBe(3);
  });

  it('INVARIANT 7: a load older than an evicted set is refused, a younger one accepted', async () => {
    const { store, clock } = tableAndStore(2);
    const older = await store.read('id');
    await store.set(entry('id', { body: 'set' }));
    const younger = await store.read('id');
    await store.set(entry('one'));
    await store.set(entry('two'));
    expect(await textOf(store, 'id')).toBeUndefined();
    expect(await store.fill(entry('id', { body: 'older' }), older.token)).toEqual({
      status: 'refused',
      reason: 'newer',
    });
    stored(await store.fill(entry('id', { body: 'younger' }), younger.token));
    clock.advance(2 * HOUR);
    expect(await store.fill(entry('id', { body: 'older' }), older.token)).toEqual({
      status: 'refused',
      reason: 'deadline',
    });
  });

  it('INVARIANT 7: nor after a younger row of that id came and went', async () => {
    const { store, clock } = tableAndStore(2);
    const older = await store.read('id');
    await store.set(entry('id'));
    await store.set(entry('one'));
    await store.set(entry('two'));
    await store.set(entry('id', { lifetimes: lives({ ttl: SECOND }) }));
    clock.advance(2 * SECOND);
    expect(await store.fill(entry('id'), older.token)).toEqual({ status: 'refused', reason: 'newer' });
  });

  it('INVARIANT 29: evicting leaves nothing in the log', async () => {
    const { store, table } = tableAndStore(10);
    for (let index = 0; index < 1000; index += 1) await store.set(entry(unique('id')));
    expect(table.size).toEqual({ rows: 10, records: 0 });
  });
});

describe('InvalidationLog', () => {
  it('of several names the earliest expire counts, and any delete before it', () => {
    const log = new InvalidationLog();
    for (const [index, name] of ['one', 'two', 'three'].entries()) {
      log.append([name], { xid: index + 1, kind: name === 'three' ? 'delete' : 'expire', at: index });
    }
    expect(log.unseen(['one', 'two'], '1:1:')?.xid).toBe(1);
    expect(log.unseen(['two', 'one'], '1:1:')?.xid).toBe(1);
    expect(log.unseen(['one', 'three', 'two'], '1:1:')?.xid).toBe(3);
    expect(log.unseen(['one', 'two'], '3:3:')).toBeUndefined();
  });

  it('keeps the records that still count when older ones of their name are dropped', () => {
    const log = new InvalidationLog();
    for (const xid of [1, 2, 3]) {
      if (xid === 3) log.settle(2);
      log.append(['name'], { xid, kind: 'expire', at: xid });
    }
    expect(log.size).toBe(2);
    expect(['1:1:', '2:2:', '3:3:', '4:4:'].map((snapshot) => log.unseen(['name'], snapshot)?.xid)).toEqual([
      2,
      2,
      3,
      undefined,
    ]);
  });
});

describe('memory store: sweeping', () => {
  it('INVARIANT 29: dead entries go as others are written, without ever being read', async () => {
    const { store, table, clock } = tableAndStore();
    for (let index = 0; index < 1000; index += 1) {
      stored(await store.fill(entry(unique('id'), { lifetimes: lives({ ttl: MINUTE }), loadMs: 1 }), table.token()));
      clock.advance(SECOND);
    }
    expect(table.size.rows).toBeLessThan(100);
  });

  it('INVARIANT 29: invalidated names go as others come, once no load can need them', async () => {
    const { store, table, clock } = tableAndStore();
    for (let index = 0; index < 3000; index += 1) {
      const names = [tagName('the same'), tagName(unique('tag')), tagName(unique('tag'))];
      await store.invalidate(names, index < 1500 ? 'delete' : 'expire');
      clock.advance(SECOND);
    }
    // loadDeadline is 600 seconds: 1800 records are younger.
    expect(table.size.records).toBeGreaterThanOrEqual(1800);
    expect(table.size.records).toBeLessThan(1900);
  });

  it('INVARIANT 29: an idle store empties itself', async () => {
    const { store, table, clock } = tableAndStore();
    await store.open();
    for (let index = 0; index < 5000; index += 1)
      await store.set(entry(unique('id'), { lifetimes: lives({ ttl: MINUTE }) }));
    for (let index = 0; index < 5000; index += 1) await store.delete(unique('id'));
    clock.advance(LOAD_DEADLINE + 3 * MINUTE);
    expect(table.size).toEqual({ rows: 0, records: 0 });
  });

  it('INVARIANT 8a: compaction revives nothing: neither hidden nor expired entries, touched or not', async () => {
    const { store, table, clock } = tableAndStore();
    await store.open();
    const sliding = lives({ ttl: 100 * HOUR, sliding: 50 * HOUR, grace: 90 * HOUR });
    for (const id of ['hidden', 'expired', 'untouched']) await store.set(entry(id, { tags: [id], lifetimes: sliding }));
    await store.invalidate([tagName('hidden')], 'delete');
    await store.invalidate([tagName('expired')], 'expire');
    for (let minute = 0; minute < 120; minute += 1) {
      clock.advance(MINUTE);
      await Promise.all(['hidden', 'expired', 'untouched'].map((id) => store.touch(id)));
    }
    expect(table.size).toEqual({ rows: 2, records: 0 });
    const [hidden, expired, untouched] = await Promise.all(
      ['hidden', 'expired', 'untouched'].map((id) => store.read(id)),
    );
    expect(hidden?.entry).toBeUndefined();
    expect(expired?.entry?.remaining).toMatchObject({ fresh: -2 * HOUR, stale: 88 * HOUR });
    expect(untouched?.entry?.remaining.fresh).toBe(50 * HOUR);
  });

  it('INVARIANT 8a: no record goes while a load that has not seen it may still come', async () => {
    const { store, clock } = tableAndStore();
    await store.open();
    const { token } = await store.read('id');
    await store.invalidate([keyName('id')], 'expire');
    for (let second = 1; second <= LOAD_DEADLINE / SECOND; second += 1) {
      clock.advance(SECOND);
      await store.set(entry('other', { lifetimes: lives({ ttl: SECOND }) }));
      expect(await store.fill(entry('id'), token)).toEqual({ status: 'refused', reason: 'invalidated' });
    }
    clock.advance(HOUR);
    expect(await store.fill(entry('id'), token)).toEqual({ status: 'refused', reason: 'deadline' });
  });

  it('INVARIANT 29: a tag expired again and again keeps no more records than loadDeadline needs', async () => {
    const { store, clock } = tableAndStore();
    const tokens: LoadToken[] = [];
    for (let minute = 0; minute < 60; minute += 1) {
      tokens.push((await store.read('id')).token);
      await store.invalidate([tagName('tag')], 'expire');
      clock.advance(MINUTE);
    }
    const results = await Promise.all(tokens.map((token) => store.fill(entry('id', { tags: ['tag'] }), token)));
    const reasons = results.map((result) => (result.status === 'refused' ? result.reason : result.status));
    expect(reasons).toEqual(tokens.map((_, minute) => (minute < 50 ? 'deadline' : 'invalidated')));
  });

  it('INVARIANT 8a: a record outlives a pass that met the row before it was hidden', async () => {
    const { store, table, clock } = tableAndStore();
    await store.set(entry('hidden', { tags: ['tag'], lifetimes: lives({ ttl: 10 * HOUR }) }));
    for (let index = 0; index < 100; index += 1) await store.set(entry(unique('id')));
    while (table.sweep(1000) === 'unfinished');
    table.sweep(1);
    await store.invalidate([tagName('tag')], 'delete');
    clock.advance(LOAD_DEADLINE + MINUTE);
    table.sweep(1000);
    expect(table.size.records).toBe(1);
    expect(await textOf(store, 'hidden')).toBeUndefined();
  });

  it('a deleted row is gone at once', async () => {
    const { store, table } = tableAndStore();
    await store.set(entry('id'));
    await store.delete('id');
    expect(table.size).toEqual({ rows: 0, records: 1 });
  });

  it('closing ends the sweeping', async () => {
    const { store, table, clock } = tableAndStore();
    await store.open();
    await store.set(entry('id', { lifetimes: lives({ ttl: MINUTE }) }));
    await store.close();
    clock.advance(HOUR);
    expect(table.size.rows).toBe(1);
  });
});
