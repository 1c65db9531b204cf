/** Contract: how long entries live, and what state they are in. */
import assert from 'node:assert/strict';
import { type ContractPart, clause, compare, part } from './contract.js';
import { about, entry, found, HOUR, lives, MINUTE, stateOf, stored, unique } from './store-under-test.js';

export const LIFETIMES: readonly ContractPart[] = [
  part('lifetimes', [
    clause('ttl: fresh for as long, then dead', async ({ store, advance }) => {
      const id = unique('id');
      const receipt = await store.set(entry(id, { lifetimes: lives({ ttl: HOUR }) }));
      about(receipt.remaining.fresh, HOUR);
      about((await found(store, id)).remaining.fresh, HOUR);
      await advance(40 * MINUTE);
      about((await found(store, id)).remaining.fresh, 20 * MINUTE);
      await advance(21 * MINUTE);
      assert.equal((await store.read(id)).entry, undefined);
    }),

    clause('without grace an entry is never stale: stale ends with fresh', async ({ store }) => {
      const id = unique('id');
      await store.set(entry(id));
      const { remaining } = await found(store, id);
      assert.equal(remaining.stale, remaining.fresh);
      assert.equal(remaining.early, Number.POSITIVE_INFINITY);
    }),

    clause('ttl Infinity: never ends', async ({ store, advance }) => {
      const id = unique('id');
      const receipt = await store.set(entry(id, { lifetimes: lives({ ttl: Number.POSITIVE_INFINITY, grace: HOUR }) }));
      assert.equal(receipt.remaining.fresh, Number.POSITIVE_INFINITY);
      await advance(200 * HOUR);
      const { remaining } = await found(store, id);
      assert.deepEqual(remaining, { fresh: Infinity, early: Infinity, stale: Infinity });
    }),

    clause('INVARIANT 26: a ttl of years overflows nothing', async ({ store }) => {
      const id = unique('id');
      const years = 50 * 365 * 24 * HOUR;
      await store.set(entry(id, { lifetimes: lives({ ttl: years }) }));
      about((await found(store, id)).remaining.fresh, years);
    }),

    clause('grace: stale for as long after freshness, then dead', async ({ store, advance }) => {
      const id = unique('id');
      await store.set(entry(id, { lifetimes: lives({ ttl: 10 * MINUTE, grace: HOUR }) }));
      about((await found(store, id)).remaining.stale, 70 * MINUTE);
      assert.equal(await stateOf(store, id), 'fresh');
      await advance(11 * MINUTE);
      assert.equal(await stateOf(store, id), 'stale');
      await advance(HOUR);
      assert.equal(await stateOf(store, id), 'dead');
    }),

    clause('early: from that age on, as long as it is fresh', async ({ store, advance }) => {
      const id = unique('id');
      const receipt = await store.set(entry(id, { lifetimes: lives({ ttl: HOUR, early: 40 * MINUTE, grace: HOUR }) }));
      about(receipt.remaining.early, 40 * MINUTE);
      await advance(30 * MINUTE);
      about((await found(store, id)).remaining.early, 10 * MINUTE);
      assert.equal(await stateOf(store, id), 'fresh');
      await advance(11 * MINUTE);
      assert.equal(await stateOf(store, id), 'early');
      await advance(20 * MINUTE);
      assert.equal(await stateOf(store, id), 'stale');
    }),

    clause('expiresAt: fresh until that instant', async ({ store, advance, now }) => {
      const id = unique('id');
      const expiresAt = (now?.() ?? Date.now()) + HOUR;
      const receipt = await store.set(entry(id, { lifetimes: lives({ ttl: undefined, expiresAt }) }));
      // The clocks of a process and of its store may differ by some seconds.
      compare(Math.abs(receipt.remaining.fresh - HOUR), '<', MINUTE);
      await advance(58 * MINUTE);
      assert.equal(await stateOf(store, id), 'fresh');
      await advance(3 * MINUTE);
      assert.equal(await stateOf(store, id), 'dead');
    }),

    clause('expiresAt in the past: dead from the start, or stale within its grace', async ({ store, now }) => {
      const expiresAt = (now?.() ?? Date.now()) - HOUR;
      const [dead, stale] = [unique('dead'), unique('stale')];
      await store.set(entry(dead, { lifetimes: lives({ ttl: undefined, expiresAt }) }));
      await store.set(entry(stale, { lifetimes: lives({ ttl: undefined, expiresAt, grace: 2 * HOUR }) }));
      assert.deepEqual([await stateOf(store, dead), await stateOf(store, stale)], ['dead', 'stale']);
    }),

    clause('sliding alone: fresh for the window, without a ceiling', async ({ store }) => {
      const id = unique('id');
      await store.set(entry(id, { lifetimes: lives({ ttl: undefined, sliding: 10 * MINUTE }) }));
      const read = await found(store, id);
      about(read.remaining.fresh, 10 * MINUTE);
      assert.deepEqual([read.sliding, read.ceiling], [10 * MINUTE, Number.POSITIVE_INFINITY]);
    }),

    clause('sliding with ttl: fresh for the window, with the ttl as ceiling', async ({ store }) => {
      const id = unique('id');
      const receipt = await store.set(entry(id, { lifetimes: lives({ ttl: HOUR, sliding: 10 * MINUTE }) }));
      about(receipt.ceiling, HOUR);
      about(receipt.remaining.fresh, 10 * MINUTE);
      const read = await found(store, id);
      about(read.ceiling, HOUR);
      about(read.remaining.fresh, 10 * MINUTE);
    }),

    clause('sliding longer than ttl: the ceiling wins', async ({ store }) => {
      const id = unique('id');
      await store.set(entry(id, { lifetimes: lives({ ttl: 10 * MINUTE, sliding: HOUR }) }));
      about((await found(store, id)).remaining.fresh, 10 * MINUTE);
    }),

    clause('sliding below one second and odd milliseconds are kept exactly', async ({ store }) => {
      const id = unique('id');
      await store.set(entry(id, { lifetimes: lives({ ttl: HOUR, sliding: 1_800_123, grace: 456 }) }));
      const { sliding, remaining } = await found(store, id);
      assert.equal(sliding, 1_800_123);
      assert.equal(Math.round(remaining.stale - remaining.fresh), 456);
    }),

    clause('an entry that does not slide says so', async ({ store }) => {
      const id = unique('id');
      await store.set(entry(id));
      assert.equal((await found(store, id)).sliding, undefined);
    }),

    clause('age counts from the write', async ({ store, advance }) => {
      const id = unique('id');
      await store.set(entry(id));
      const before = (await found(store, id)).age;
      compare(before, '>=', 0);
      compare(before, '<', MINUTE);
      await advance(30 * MINUTE);
      compare((await found(store, id)).age, '>=', 30 * MINUTE);
    }),

    clause(
      'INVARIANT 26: the ttl of a fill counts from the write, not from before the load',
      async ({ store, advance, options }) => {
        const id = unique('id');
        const { token } = await store.read(id);
        await advance(options.loadDeadline / 2);
        const receipt = stored(await store.fill(entry(id, { lifetimes: lives({ ttl: HOUR, grace: HOUR }) }), token));
        about(receipt.remaining.fresh, HOUR);
        about((await found(store, id)).remaining.stale, 2 * HOUR);
      },
    ),

    clause('a new write starts every lifetime afresh', async ({ store, advance }) => {
      const id = unique('id');
      await store.set(entry(id, { lifetimes: lives({ ttl: HOUR, sliding: MINUTE * 30, early: MINUTE, grace: HOUR }) }));
      await advance(2 * MINUTE);
      await store.set(entry(id, { lifetimes: lives({ ttl: 2 * HOUR }) }));
      const { remaining, sliding, ceiling } = await found(store, id);
      about(remaining.fresh, 2 * HOUR);
      assert.deepEqual([sliding, ceiling === Infinity || ceiling > HOUR, remaining.early], [undefined, true, Infinity]);
      assert.equal(remaining.stale, remaining.fresh);
    }),
  ]),
];
