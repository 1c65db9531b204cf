/** Puts: what a change has returned is published as a load's result is, under the token from before the change. */
import assert from 'node:assert/strict';
import { keyName, tagName } from '../../kernel/names.js';
import type { EntryWrite, FillResult, LoadToken, Store } from '../../ports/store.js';
import { type ContractPart, clause, compare, matches, member, part } from './contract.js';
import { entry, namespaceOf, stored, textOf, unique } from './store-under-test.js';

async function put(store: Store, write: EntryWrite, token: LoadToken): Promise<FillResult> {
  return await member(store, 'put')(write, token);
}

export const PUTS: readonly ContractPart[] = [
  part(
    'puts',
    [
      clause('a put over what was there before replaces it, and its receipt is one of a write', async ({ store }) => {
        const id = unique('id');
        await store.set(entry(id, { body: 'before' }));
        const { token } = await store.read(id);
        const receipt = stored(await put(store, entry(id, { body: 'after' }), token));
        compare(receipt.xid, '>', 0);
        compare(receipt.remaining.fresh, '>', 0);
        assert.equal(await textOf(store, id), 'after');
      }),

      clause('INVARIANT 7: a load that began before the put is refused', async ({ store, second }) => {
        const id = unique('id');
        const load = await (second ?? store).read(id);
        const { token } = await store.read(id);
        stored(await put(store, entry(id, { body: 'put' }), token));
        matches(await store.fill(entry(id, { body: 'loaded', loadMs: 1 }), load.token), { reason: 'newer' });
        assert.equal(await textOf(store, id), 'put');
      }),

      ...['key', 'tag', 'namespace'].map((what) =>
        clause(`is refused when its ${what} was invalidated meanwhile`, async (subject) => {
          const { store, second } = subject;
          const [id, tag] = [unique('id'), unique('tag')];
          const { token } = await store.read(id);
          const name = what === 'key' ? keyName(id) : what === 'tag' ? tagName(tag) : namespaceOf(subject);
          await (second ?? store).invalidate([name], 'delete');
          assert.deepEqual(await put(store, entry(id, { tags: [tag] }), token), {
            status: 'refused',
            reason: 'invalidated',
          });
          assert.equal(await textOf(store, id), undefined);
        }),
      ),

      clause(
        'is refused when anybody has written meanwhile: a load too, which may have read what was before the change',
        async ({ store, second }) => {
          const id = unique('id');
          const { token } = await store.read(id);
          const load = await (second ?? store).read(id);
          stored(await (second ?? store).fill(entry(id, { body: 'loaded', loadMs: 1 }), load.token));
          assert.deepEqual(await put(store, entry(id, { body: 'put' }), token), { status: 'refused', reason: 'newer' });
        },
      ),
    ],
    'put',
  ),
];
