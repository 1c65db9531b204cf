/** Extensions: a load that has found the stored value to be right still gives it a new life, and leaves it as it is. */
import assert from 'node:assert/strict';
import { tagName } from '../../kernel/names.js';
import type { EntryWrite, FillResult, LoadToken, Store } from '../../ports/store.js';
import { type ContractPart, clause, matches, member, part } from './contract.js';
import { about, entry, found, HOUR, lives, MINUTE, stateOf, stored, textOf, unique } from './store-under-test.js';

async function extend(store: Store, write: EntryWrite, token: LoadToken): Promise<FillResult> {
  return await member(store, 'extend')(write, token);
}

export const EXTENSIONS: readonly ContractPart[] = [
  part(
    'extensions',
    [
      clause('give a stale entry everything a fill gives, but its value', async ({ store, advance }) => {
        const id = unique('id');
        await store.set(entry(id, { body: 'value', lifetimes: lives({ ttl: MINUTE, grace: HOUR }) }));
        await advance(2 * MINUTE);
        const { token } = await store.read(id);
        const receipt = stored(
          await extend(store, entry(id, { body: 'ignored', tags: ['t'], lifetimes: lives({ grace: HOUR }) }), token),
        );
        about(receipt.remaining.fresh, HOUR);
        assert.equal(await textOf(store, id), 'value');
        assert.equal(await stateOf(store, id), 'fresh');
        assert.deepEqual((await found(store, id)).tags, ['t']);
      }),

      clause('make an entry that was expired fresh: the load has begun after that', async ({ store }) => {
        const [id, tag] = [unique('id'), unique('tag')];
        await store.set(entry(id, { tags: [tag], lifetimes: lives({ grace: HOUR }) }));
        await store.invalidate([tagName(tag)], 'expire');
        const { token } = await store.read(id);
        stored(await extend(store, entry(id, { tags: [tag] }), token));
        assert.equal(await stateOf(store, id), 'fresh');
      }),

      clause('INVARIANT 1: are refused when a name was invalidated meanwhile', async ({ store, second }) => {
        const [id, tag] = [unique('id'), unique('tag')];
        await store.set(entry(id, { tags: [tag], lifetimes: lives({ grace: HOUR }) }));
        const { token } = await store.read(id);
        await (second ?? store).invalidate([tagName(tag)], 'expire');
        matches(await extend(store, entry(id, { tags: [tag] }), token), { reason: 'invalidated' });
        assert.equal(await stateOf(store, id), 'stale');
      }),

      clause('are refused when the value is another by now, or is not there', async ({ store, second }) => {
        const id = unique('id');
        await store.set(entry(id, { body: 'confirmed' }));
        const { token } = await store.read(id);
        await (second ?? store).set(entry(id, { body: 'newer', lifetimes: lives({ ttl: MINUTE }) }));
        matches(await extend(store, entry(id), token), { reason: 'newer' });
        about((await found(store, id)).remaining.fresh, MINUTE);
        const missing = unique('id');
        matches(await extend(store, entry(missing), (await store.read(missing)).token), { reason: 'newer' });
      }),
    ],
    'extend',
  ),
];
