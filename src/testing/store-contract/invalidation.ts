/** Contract: what `invalidate` and `delete` do to entries that are there. */
import assert from 'node:assert/strict';
import { keyName, tagName } from '../../kernel/names.js';
import { isVisible } from '../../kernel/snapshot.js';
import type { InvalidationKind } from '../../ports/store.js';
import { type ContractPart, clause, compare, matches, part } from './contract.js';
import { about, entry, found, HOUR, lives, MINUTE, ODD_TEXTS, stateOf, textOf, unique } from './store-under-test.js';

const WITH_GRACE = lives({ ttl: HOUR, grace: HOUR });

const KINDS: readonly (readonly InvalidationKind[])[] = [
  ['delete', 'expire'],
  ['expire', 'delete'],
];

export const INVALIDATION: readonly ContractPart[] = [
  part('invalidation', [
    clause(
      'INVARIANT 8: kind delete hides the entries of a key and of a tag at once, even within their grace',
      async ({ store }) => {
        const [byKey, byTag, untouched, tag] = [unique('key'), unique('tagged'), unique('untouched'), unique('tag')];
        await store.set(entry(byKey, { lifetimes: WITH_GRACE }));
        await store.set(entry(byTag, { lifetimes: WITH_GRACE, tags: [unique('first'), tag, unique('last')] }));
        await store.set(entry(untouched, { lifetimes: WITH_GRACE, tags: [unique('first')] }));
        await store.invalidate([keyName(byKey), tagName(tag)], 'delete');
        assert.equal(await textOf(store, byKey), undefined);
        assert.equal(await textOf(store, byTag), undefined);
        assert.equal(await textOf(store, untouched), 'value');
      },
    ),

    clause('a hidden entry stays hidden, and a new set is served again', async ({ store, advance }) => {
      const [id, tag] = [unique('id'), unique('tag')];
      await store.set(entry(id, { lifetimes: WITH_GRACE, tags: [tag] }));
      await store.invalidate([tagName(tag)], 'delete');
      await advance(90 * MINUTE);
      assert.equal(await textOf(store, id), undefined);
      await store.set(entry(id, { body: 'anew', tags: [tag] }));
      assert.equal(await textOf(store, id), 'anew');
    }),

    clause('another process sees an invalidation as soon as it resolved', async ({ store, second = store }) => {
      const [id, tag] = [unique('id'), unique('tag')];
      await second.set(entry(id, { tags: [tag], lifetimes: WITH_GRACE }));
      assert.equal(await textOf(store, id), 'value');
      await store.invalidate([tagName(tag)], 'expire');
      assert.equal(await stateOf(second, id), 'stale');
      await second.invalidate([tagName(tag)], 'delete');
      assert.equal(await textOf(store, id), undefined);
    }),

    clause('expire: no longer fresh, stale for its grace from now, then dead', async ({ store, advance }) => {
      const [id, tag] = [unique('id'), unique('tag')];
      await store.set(entry(id, { tags: [tag], lifetimes: lives({ ttl: 5 * HOUR, grace: HOUR, early: MINUTE }) }));
      await store.invalidate([tagName(tag)], 'expire');
      assert.equal(await stateOf(store, id), 'stale');
      const { remaining } = await found(store, id);
      compare(remaining.fresh, '<=', 0);
      about(remaining.stale, HOUR);
      await advance(59 * MINUTE - 30_000);
      assert.equal(await stateOf(store, id), 'stale');
      await advance(2 * MINUTE);
      assert.equal(await stateOf(store, id), 'dead');
    }),

    clause('expire ends an entry that never expires, too', async ({ store }) => {
      const id = unique('id');
      await store.set(entry(id, { lifetimes: lives({ ttl: Number.POSITIVE_INFINITY, grace: HOUR }) }));
      await store.invalidate([keyName(id)], 'expire');
      assert.equal(await stateOf(store, id), 'stale');
      about((await found(store, id)).remaining.stale, HOUR);
    }),

    clause('expire without grace is death', async ({ store }) => {
      const id = unique('id');
      await store.set(entry(id));
      await store.invalidate([keyName(id)], 'expire');
      assert.equal((await store.read(id)).entry, undefined);
    }),

    clause(
      'expire never lengthens: not what is stale already, not what was expired before',
      async ({ store, advance }) => {
        const [stale, twice] = [unique('stale'), unique('twice')];
        await store.set(entry(stale, { lifetimes: lives({ ttl: 10 * MINUTE, grace: HOUR }) }));
        await store.set(entry(twice, { lifetimes: WITH_GRACE }));
        await store.invalidate([keyName(twice)], 'expire');
        await advance(40 * MINUTE);
        await store.invalidate([keyName(stale), keyName(twice)], 'expire');
        about((await found(store, stale)).remaining.stale, 30 * MINUTE);
        about((await found(store, twice)).remaining.stale, 20 * MINUTE);
      },
    ),

    clause('the first of several expires of different names counts', async ({ store, advance }) => {
      const [id, reversed, one, two] = [unique('id'), unique('reversed'), unique('one'), unique('two')];
      await store.set(entry(id, { tags: [one, two], lifetimes: WITH_GRACE }));
      await store.set(entry(reversed, { tags: [two, one], lifetimes: WITH_GRACE }));
      await store.invalidate([tagName(two)], 'expire');
      await advance(20 * MINUTE);
      await store.invalidate([tagName(one)], 'expire');
      about((await found(store, id)).remaining.stale, 40 * MINUTE);
      about((await found(store, reversed)).remaining.stale, 40 * MINUTE);
    }),

    ...KINDS.map((kinds) =>
      clause(`INVARIANT 8: the stronger kind wins: ${kinds.join(', ')}`, async ({ store }) => {
        const id = unique('id');
        await store.set(entry(id, { lifetimes: WITH_GRACE }));
        for (const kind of kinds) await store.invalidate([keyName(id)], kind);
        assert.equal((await store.read(id)).entry, undefined);
      }),
    ),

    clause('an entry written after an expire is fresh', async ({ store }) => {
      const id = unique('id');
      await store.set(entry(id, { lifetimes: WITH_GRACE }));
      await store.invalidate([keyName(id)], 'expire');
      await store.set(entry(id, { lifetimes: WITH_GRACE }));
      assert.equal(await stateOf(store, id), 'fresh');
    }),

    clause('invalidating names nobody carries is fine, and so is a name given twice', async ({ store }) => {
      const name = tagName(unique('unknown'));
      compare((await store.invalidate([name], 'delete')).xid, '>', 0);
      compare((await store.invalidate([name, name], 'expire')).xid, '>', 0);
    }),

    clause('a thousand names in one call', async ({ store }) => {
      const tags = Array.from({ length: 1000 }, (_, index) => unique(`tag-${index}`));
      const ids = [0, 499, 999].map((index) => ({ id: unique('id'), tag: tags[index] ?? '' }));
      const untouched = unique('untouched');
      for (const { id, tag } of ids) await store.set(entry(id, { tags: [tag] }));
      await store.set(entry(untouched));
      await store.invalidate(tags.map(tagName), 'delete');
      for (const { id } of ids) assert.equal(await textOf(store, id), undefined);
      assert.equal(await textOf(store, untouched), 'value');
    }),

    clause('INVARIANT 22: names with odd characters hide their own entries and no others', async ({ store }) => {
      const base = unique('tag');
      const all = ODD_TEXTS.map((text) => ({ id: unique('id'), tag: `${text}${base}` }));
      await Promise.all(all.map(({ id, tag }) => store.set(entry(id, { tags: [tag] }))));
      for (const [index, { id, tag }] of all.entries()) {
        await store.invalidate([tagName(tag)], 'delete');
        assert.equal(await textOf(store, id), undefined, `the entry tagged ${tag}`);
        const next = all[index + 1];
        if (next !== undefined) assert.equal(await textOf(store, next.id), 'value', `the entry tagged ${next.tag}`);
      }
    }),

    clause('a snapshot taken before an invalidation does not see it, one taken after does', async ({ store }) => {
      const id = unique('id');
      const before = await store.read(id);
      const { xid } = await store.invalidate([keyName(id)], 'expire');
      const after = await store.read(id);
      assert.deepEqual([isVisible(xid, before.token.snapshot), isVisible(xid, after.token.snapshot)], [false, true]);
    }),
  ]),

  part('delete', [
    clause('INVARIANT 8: a deleted entry is gone, even within its grace', async ({ store, second = store }) => {
      const id = unique('id');
      await store.set(entry(id, { lifetimes: WITH_GRACE }));
      await store.delete(id);
      assert.deepEqual([await textOf(store, id), await textOf(second, id)], [undefined, undefined]);
    }),

    clause('existed: a fresh or a stale entry was there', async ({ store, advance }) => {
      const [fresh, stale] = [unique('fresh'), unique('stale')];
      await store.set(entry(stale, { lifetimes: lives({ ttl: MINUTE, grace: HOUR }) }));
      await advance(2 * MINUTE);
      await store.set(entry(fresh));
      assert.equal((await store.delete(fresh)).existed, true);
      assert.equal((await store.delete(stale)).existed, true);
    }),

    clause(
      'existed: not after the end of its life, not when hidden, not twice, not when there never was one',
      async ({ store, advance }) => {
        const [dead, hidden, twice, tag] = [unique('dead'), unique('hidden'), unique('twice'), unique('tag')];
        await store.set(entry(dead, { lifetimes: lives({ ttl: MINUTE }) }));
        await advance(2 * MINUTE);
        await store.set(entry(hidden, { tags: [tag], lifetimes: WITH_GRACE }));
        await store.invalidate([tagName(tag)], 'delete');
        await store.set(entry(twice));
        await store.delete(twice);
        for (const id of [dead, hidden, twice, unique('never')]) assert.equal((await store.delete(id)).existed, false);
      },
    ),

    clause('deletes its own entry only, and a set after it is served', async ({ store }) => {
      const [id, other] = [unique('id'), unique('other')];
      await store.set(entry(id));
      await store.set(entry(other));
      await store.delete(id);
      await store.set(entry(id, { body: 'anew' }));
      assert.deepEqual([await textOf(store, id), await textOf(store, other)], ['anew', 'value']);
    }),

    clause('a load that begins after a delete is accepted', async ({ store }) => {
      const id = unique('id');
      await store.delete(id);
      const { token } = await store.read(id);
      matches(await store.fill(entry(id), token), { status: 'stored' });
    }),
  ]),
];
