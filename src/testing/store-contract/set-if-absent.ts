/** Contract: writing what is not there yet. */
import assert from 'node:assert/strict';
import { keyName, tagName } from '../../kernel/names.js';
import type { InvalidationKind, Lifetimes } from '../../ports/store.js';
import { type ContractPart, clause, compare, part } from './contract.js';
import { entry, HOUR, lives, MINUTE, SECOND, textOf, unique } from './store-under-test.js';

const ENDED: readonly (readonly [string, Lifetimes])[] = [
  ['over', lives({ ttl: SECOND })],
  ['stale', lives({ ttl: SECOND, grace: HOUR })],
];

const KINDS: readonly InvalidationKind[] = ['delete', 'expire'];

export const SET_IF_ABSENT: readonly ContractPart[] = [
  part('setIfAbsent', [
    clause('writes where nothing is, and then leaves it alone', async ({ store, second = store }) => {
      const id = unique('id');
      const receipt = await store.setIfAbsent(entry(id, { body: 'first', tags: ['tag'] }));
      compare(receipt?.remaining.fresh, '>', 0);
      assert.equal(await second.setIfAbsent(entry(id, { body: 'second' })), undefined);
      assert.equal(await store.setIfAbsent(entry(id, { body: 'third' })), undefined);
      assert.equal(await textOf(store, id), 'first');
    }),

    clause('of many at once, through two stores, one is first', async ({ store, second = store }) => {
      const ids = Array.from({ length: 20 }, () => unique('id'));
      const attempts = ids.flatMap((id) =>
        [store, second, store, second, second].map(async (through, i) => {
          const receipt = await through.setIfAbsent(entry(id, { body: String(i) }));
          return receipt === undefined ? undefined : { id, body: String(i) };
        }),
      );
      const winners = (await Promise.all(attempts)).filter((winner) => winner !== undefined);
      assert.deepEqual(winners.map(({ id }) => id).sort(), [...ids].sort());
      for (const { id, body } of winners) assert.equal(await textOf(second, id), body);
    }),

    ...ENDED.map(([what, lifetimes]) =>
      clause(`an entry that is ${what} is absent`, async (current) => {
        const id = unique('id');
        await current.store.set(entry(id, { body: 'old', lifetimes }));
        await current.advance(MINUTE);
        assert.notEqual(await current.store.setIfAbsent(entry(id, { body: 'new' })), undefined);
        assert.equal(await textOf(current.store, id), 'new');
      }),
    ),

    ...KINDS.map((kind) =>
      clause(`what was made invalid by a ${kind} is absent`, async ({ store, second = store }) => {
        const tag = unique('tag');
        const [byKey, byTag] = [unique('key'), unique('tagged')];
        await store.set(entry(byKey, { lifetimes: lives({ grace: HOUR }) }));
        await store.set(entry(byTag, { tags: [tag], lifetimes: lives({ grace: HOUR }) }));
        await second.invalidate([keyName(byKey), tagName(tag)], kind);
        for (const id of [byKey, byTag]) {
          assert.notEqual(await store.setIfAbsent(entry(id, { body: 'new' })), undefined);
          assert.equal(await textOf(second, id), 'new');
          assert.equal(await second.setIfAbsent(entry(id, { body: 'late' })), undefined);
        }
      }),
    ),

    clause('INVARIANT 7: what it wrote is not overwritten by a load that began before', async ({ store }) => {
      const id = unique('id');
      const { token } = await store.read(id);
      await store.setIfAbsent(entry(id, { body: 'set' }));
      assert.deepEqual(await store.fill(entry(id, { body: 'loaded', loadMs: 1 }), token), {
        status: 'refused',
        reason: 'newer',
      });
      assert.equal(await textOf(store, id), 'set');
    }),

    clause('keeps its place among the other calls on its key', async ({ store }) => {
      const id = unique('id');
      const [, absent, , free] = await Promise.all([
        store.set(entry(id, { body: 'a' })),
        store.setIfAbsent(entry(id, { body: 'b' })),
        store.delete(id),
        store.setIfAbsent(entry(id, { body: 'c' })),
      ]);
      assert.deepEqual([absent, free === undefined], [undefined, false]);
      assert.equal(await textOf(store, id), 'c');
    }),
  ]),
];
