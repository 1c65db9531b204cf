/** Contract: `touch` and `postpone`, which change when an entry ends or is loaded again, and nothing else. */

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { keyName, tagName } from '../../kernel/names.js';
import type { Postponed, Store } from '../../ports/store.js';
import { type ContractPart, clause, compare, part } from './contract.js';
import {
  about,
  bytesOf,
  entry,
  found,
  HOUR,
  lives,
  MINUTE,
  stateOf,
  stored,
  textOf,
  unique,
} from './store-under-test.js';

/** A window of 10 minutes that ends after 25. */
const SLIDING = lives({ ttl: 25 * MINUTE, sliding: 10 * MINUTE, grace: HOUR });

const STALE = lives({ ttl: MINUTE, grace: 5 * HOUR });

async function postpone(store: Store, id: string, ms: number, what: Postponed = 'load'): Promise<void> {
  await store.postpone(id, ms, (await store.read(id)).token, what);
}

export const UPKEEP: readonly ContractPart[] = [
  part('touch', [
    clause('extends a sliding entry to its window from now', async ({ store, advance }) => {
      const id = unique('id');
      await store.set(entry(id, { lifetimes: SLIDING }));
      await advance(6 * MINUTE);
      const touched = await store.touch(id);
      about(touched?.fresh ?? 0, 10 * MINUTE);
      about(touched?.stale ?? 0, 70 * MINUTE);
      await advance(6 * MINUTE);
      assert.equal(await stateOf(store, id), 'fresh');
    }),

    clause('INVARIANT 26: never past the ceiling', async ({ store, advance }) => {
      const id = unique('id');
      await store.set(entry(id, { lifetimes: SLIDING }));
      for (let minutes = 8; minutes <= 24; minutes += 8) {
        await advance(8 * MINUTE);
        const left = Math.min(10, 25 - minutes) * MINUTE;
        about((await store.touch(id))?.fresh ?? 0, left);
      }
      await advance(90_000);
      assert.equal(await stateOf(store, id), 'stale');
      assert.equal(await store.touch(id), undefined);
    }),

    clause('a read alone extends nothing', async ({ store, advance }) => {
      const id = unique('id');
      await store.set(entry(id, { lifetimes: SLIDING }));
      await advance(6 * MINUTE);
      await store.read(id);
      await advance(6 * MINUTE);
      assert.equal(await stateOf(store, id), 'stale');
    }),

    clause('leaves an entry that does not slide as it is', async ({ store, advance }) => {
      const id = unique('id');
      await store.set(entry(id, { lifetimes: lives({ ttl: HOUR, grace: HOUR }) }));
      await advance(30 * MINUTE);
      await store.touch(id);
      about((await found(store, id)).remaining.fresh, 30 * MINUTE);
      about((await found(store, id)).remaining.stale, 90 * MINUTE);
    }),

    clause(
      'answers undefined for no entry, a stale one and a dead one, and revives none',
      async ({ store, advance }) => {
        const [stale, dead] = [unique('stale'), unique('dead')];
        await store.set(entry(stale, { lifetimes: SLIDING }));
        await store.set(entry(dead, { lifetimes: lives({ ttl: HOUR, sliding: 10 * MINUTE }) }));
        await advance(11 * MINUTE);
        for (const id of [stale, dead, unique('never')]) assert.equal(await store.touch(id), undefined);
        assert.deepEqual([await stateOf(store, stale), await stateOf(store, dead)], ['stale', 'dead']);
      },
    ),

    clause('does not revive what was expired', async ({ store }) => {
      const [id, tag] = [unique('id'), unique('tag')];
      await store.set(entry(id, { lifetimes: SLIDING, tags: [tag] }));
      await store.touch(id);
      await store.invalidate([tagName(tag)], 'expire');
      assert.equal(await store.touch(id), undefined);
      assert.equal(await stateOf(store, id), 'stale');
      about((await found(store, id)).remaining.stale, HOUR);
    }),

    clause('INVARIANT 8: does not revive what was deleted or hidden', async ({ store }) => {
      const [deleted, hidden, tag] = [unique('deleted'), unique('hidden'), unique('tag')];
      await store.set(entry(deleted, { lifetimes: SLIDING }));
      await store.set(entry(hidden, { lifetimes: SLIDING, tags: [tag] }));
      await store.delete(deleted);
      await store.invalidate([tagName(tag)], 'delete');
      assert.deepEqual([await store.touch(deleted), await store.touch(hidden)], [undefined, undefined]);
      assert.deepEqual([await textOf(store, deleted), await textOf(store, hidden)], [undefined, undefined]);
    }),
  ]),

  part('postpone', [
    clause('says how long the loader is to be left alone', async ({ store, second = store, advance }) => {
      const id = unique('id');
      await store.set(entry(id, { lifetimes: STALE }));
      await advance(2 * MINUTE);
      compare((await found(store, id)).retryIn, '<=', 0);
      await postpone(store, id, 10 * MINUTE);
      about((await found(second, id)).retryIn, 10 * MINUTE);
      await advance(6 * MINUTE);
      about((await found(second, id)).retryIn, 4 * MINUTE);
      await advance(5 * MINUTE);
      compare((await found(store, id)).retryIn, '<=', 0);
    }),

    clause(
      'INVARIANT 19: puts off an early refresh alone, if it is asked to',
      async ({ store, second = store, advance }) => {
        const [early, never] = [unique('early'), unique('never')];
        await store.set(entry(early, { lifetimes: lives({ early: MINUTE, grace: HOUR }) }));
        await store.set(entry(never, { lifetimes: lives({ grace: HOUR }) }));
        await advance(2 * MINUTE);
        assert.equal(await stateOf(store, early), 'early');
        for (const id of [early, never]) await postpone(store, id, 10 * MINUTE, 'refresh');
        const { remaining, retryIn } = await found(second, early);
        about(remaining.early, 10 * MINUTE);
        about(remaining.fresh, HOUR - 2 * MINUTE);
        compare(retryIn, '<=', 0);
        assert.equal((await found(second, never)).remaining.early, Infinity);
        await postpone(store, early, MINUTE, 'refresh');
        about((await found(second, early)).remaining.early, 10 * MINUTE);
        await advance(11 * MINUTE);
        assert.equal(await stateOf(store, early), 'early');
      },
    ),

    clause('ends with the next write, by set and by fill', async ({ store }) => {
      const [set, filled] = [unique('set'), unique('filled')];
      for (const id of [set, filled]) {
        await store.set(entry(id, { lifetimes: lives({ early: MINUTE }) }));
        await postpone(store, id, HOUR);
        await postpone(store, id, HOUR, 'refresh');
      }
      const write = { lifetimes: lives({ early: MINUTE }) };
      await store.set(entry(set, write));
      stored(await store.fill(entry(filled, write), (await store.read(filled)).token));
      for (const id of [set, filled]) {
        const { retryIn, remaining } = await found(store, id);
        compare(retryIn, '<=', 0);
        compare(remaining.early, '<=', MINUTE);
      }
    }),

    clause(
      'does nothing to an entry rewritten since the token, to none at all, and under another incarnation',
      async ({ store }) => {
        const id = unique('id');
        const { token } = await store.read(id);
        await store.set(entry(id));
        await store.postpone(id, HOUR, token, 'load');
        const current = await store.read(id);
        await store.postpone(id, HOUR, { ...current.token, incarnation: randomUUID() }, 'load');
        await store.postpone(unique('never'), HOUR, current.token, 'load');
        compare((await found(store, id)).retryIn, '<=', 0);
      },
    ),
  ]),

  part('touch and postpone', [
    clause('change neither the value nor its tags nor its age', async ({ store, advance }) => {
      const id = unique('id');
      await store.set(entry(id, { body: 'same', encoding: 'same', tags: ['same'], lifetimes: SLIDING }));
      await advance(5 * MINUTE);
      await store.touch(id);
      await postpone(store, id, MINUTE);
      const { encoded, tags, age } = await found(store, id);
      assert.deepEqual([bytesOf(encoded).toString(), encoded.encoding, tags], ['same', 'same', ['same']]);
      compare(age, '>=', 5 * MINUTE);
    }),

    clause('are no writes: a refresh that began before them is still accepted', async ({ store }) => {
      const id = unique('id');
      await store.set(entry(id, { lifetimes: SLIDING }));
      const { token } = await store.read(id);
      await store.touch(id);
      await store.postpone(id, MINUTE, token, 'load');
      stored(await store.fill(entry(id, { body: 'refreshed' }), token));
      assert.equal(await textOf(store, id), 'refreshed');
    }),

    clause('INVARIANT 1: do not make an entry blind to invalidations it has not seen', async ({ store }) => {
      const [id, tag] = [unique('id'), unique('tag')];
      await store.set(entry(id, { tags: [tag], lifetimes: SLIDING }));
      await store.invalidate([tagName(unique('other'))], 'delete');
      await store.touch(id);
      await postpone(store, id, MINUTE);
      await store.invalidate([keyName(id)], 'expire');
      assert.equal(await stateOf(store, id), 'stale');
      await postpone(store, id, 2 * MINUTE);
      assert.equal(await stateOf(store, id), 'stale');
      await store.invalidate([tagName(tag)], 'delete');
      assert.equal(await textOf(store, id), undefined);
    }),
  ]),
];
