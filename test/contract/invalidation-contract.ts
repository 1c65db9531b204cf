/** Contract: what `invalidate` and `delete` do to entries that are there. */
import { describe, expect, it } from 'vitest';
import { keyName, tagName } from '../../src/kernel/names.js';
import { isVisible } from '../../src/kernel/snapshot.js';
import {
  entry,
  expectAbout,
  found,
  HOUR,
  lives,
  MINUTE,
  ODD_TEXTS,
  type Subject,
  stateOf,
  textOf,
  unique,
} from './store-under-test.js';

const WITH_GRACE = lives({ ttl: HOUR, grace: HOUR });

export function describeInvalidation(subject: Subject): void {
  describe('invalidation', () => {
    it('INVARIANT 8: kind delete hides the entries of a key and of a tag at once, even within their grace', async () => {
      const { store } = subject();
      const [byKey, byTag, untouched, tag] = [unique('key'), unique('tagged'), unique('untouched'), unique('tag')];
      await store.set(entry(byKey, { lifetimes: WITH_GRACE }));
      await store.set(entry(byTag, { lifetimes: WITH_GRACE, tags: [unique('first'), tag, unique('last')] }));
      await store.set(entry(untouched, { lifetimes: WITH_GRACE, tags: [unique('first')] }));
      await store.invalidate([keyName(byKey), tagName(tag)], 'delete');
      expect(await textOf(store, byKey)).toBeUndefined();
      expect(await textOf(store, byTag)).toBeUndefined();
      expect(await textOf(store, untouched)).toBe('value');
    });

    it('a hidden entry stays hidden, and a new set is served again', async () => {
      const { store, advance } = subject();
      const [id, tag] = [unique('id'), unique('tag')];
      await store.set(entry(id, { lifetimes: WITH_GRACE, tags: [tag] }));
      await store.invalidate([tagName(tag)], 'delete');
      await advance(90 * MINUTE);
      expect(await textOf(store, id)).toBeUndefined();
      await store.set(entry(id, { body: 'anew', tags: [tag] }));
      expect(await textOf(store, id)).toBe('anew');
    });

    it('another process sees an invalidation as soon as it resolved', async () => {
      const { store, second = store } = subject();
      const [id, tag] = [unique('id'), unique('tag')];
      await second.set(entry(id, { tags: [tag], lifetimes: WITH_GRACE }));
      expect(await textOf(store, id)).toBe('value');
      await store.invalidate([tagName(tag)], 'expire');
      expect(await stateOf(second, id)).toBe('stale');
      await second.invalidate([tagName(tag)], 'delete');
      expect(await textOf(store, id)).toBeUndefined();
    });

    it('expire: no longer fresh, stale for its grace from now, then dead', async () => {
      const { store, advance } = subject();
      const [id, tag] = [unique('id'), unique('tag')];
      await store.set(entry(id, { tags: [tag], lifetimes: lives({ ttl: 5 * HOUR, grace: HOUR, early: MINUTE }) }));
      await store.invalidate([tagName(tag)], 'expire');
      expect(await stateOf(store, id)).toBe('stale');
      const { remaining } = await found(store, id);
      expect(remaining.fresh).toBeLessThanOrEqual(0);
      expectAbout(remaining.stale, HOUR);
      await advance(59 * MINUTE - 30_000);
      expect(await stateOf(store, id)).toBe('stale');
      await advance(2 * MINUTE);
      expect(await stateOf(store, id)).toBe('dead');
    });

    it('expire ends an entry that never expires, too', async () => {
      const { store } = subject();
      const id = unique('id');
      await store.set(entry(id, { lifetimes: lives({ ttl: Number.POSITIVE_INFINITY, grace: HOUR }) }));
      await store.invalidate([keyName(id)], 'expire');
      expect(await stateOf(store, id)).toBe('stale');
      expectAbout((await found(store, id)).remaining.stale, HOUR);
    });

    it('expire without grace is death', async () => {
      const { store } = subject();
      const id = unique('id');
      await store.set(entry(id));
      await store.invalidate([keyName(id)], 'expire');
      expect((await store.read(id)).entry).toBeUndefined();
    });

    it('expire never lengthens: not what is stale already, not what was expired before', async () => {
      const { store, advance } = subject();
      const [stale, twice] = [unique('stale'), unique('twice')];
      await store.set(entry(stale, { lifetimes: lives({ ttl: 10 * MINUTE, grace: HOUR }) }));
      await store.set(entry(twice, { lifetimes: WITH_GRACE }));
      await store.invalidate([keyName(twice)], 'expire');
      await advance(40 * MINUTE);
      await store.invalidate([keyName(stale), keyName(twice)], 'expire');
      expectAbout((await found(store, stale)).remaining.stale, 30 * MINUTE);
      expectAbout((await found(store, twice)).remaining.stale, 20 * MINUTE);
    });

    it('the first of several expires of different names counts', async () => {
      const { store, advance } = subject();
      const [id, reversed, one, two] = [unique('id'), unique('reversed'), unique('one'), unique('two')];
      await store.set(entry(id, { tags: [one, two], lifetimes: WITH_GRACE }));
      await store.set(entry(reversed, { tags: [two, one], lifetimes: WITH_GRACE }));
      await store.invalidate([tagName(two)], 'expire');
      await advance(20 * MINUTE);
      await store.invalidate([tagName(one)], 'expire');
      expectAbout((await found(store, id)).remaining.stale, 40 * MINUTE);
      expectAbout((await found(store, reversed)).remaining.stale, 40 * MINUTE);
    });

    it.each([[['delete', 'expire']], [['expire', 'delete']]] as const)(
      'INVARIANT 8: the stronger kind wins: %s',
      async (kinds) => {
        const { store } = subject();
        const id = unique('id');
        await store.set(entry(id, { lifetimes: WITH_GRACE }));
        for (const kind of kinds) await store.invalidate([keyName(id)], kind);
        expect((await store.read(id)).entry).toBeUndefined();
      },
    );

    it('an entry written after an expire is fresh', async () => {
      const { store } = subject();
      const id = unique('id');
      await store.set(entry(id, { lifetimes: WITH_GRACE }));
      await store.invalidate([keyName(id)], 'expire');
      await store.set(entry(id, { lifetimes: WITH_GRACE }));
      expect(await stateOf(store, id)).toBe('fresh');
    });

    it('invalidating names nobody carries is fine, and so is a name given twice', async () => {
      const { store } = subject();
      const name = tagName(unique('unknown'));
      await expect(store.invalidate([name], 'delete')).resolves.toHaveProperty('xid');
      await expect(store.invalidate([name, name], 'expire')).resolves.toHaveProperty('xid');
    });

    it('a thousand names in one call', async () => {
      const { store } = subject();
      const tags = Array.from({ length: 1000 }, (_, index) => unique(`tag-${index}`));
      const ids = [0, 499, 999].map((index) => ({ id: unique('id'), tag: tags[index] ?? '' }));
      const untouched = unique('untouched');
      for (const { id, tag } of ids) await store.set(entry(id, { tags: [tag] }));
      await store.set(entry(untouched));
      await store.invalidate(tags.map(tagName), 'delete');
      for (const { id } of ids) expect(await textOf(store, id)).toBeUndefined();
      expect(await textOf(store, untouched)).toBe('value');
    });

    it('INVARIANT 22: names with odd characters hide their own entries and no others', async () => {
      const { store } = subject();
      const base = unique('tag');
      const all = ODD_TEXTS.map((text) => ({ id: unique('id'), tag: `${text}${base}` }));
      await Promise.all(all.map(({ id, tag }) => store.set(entry(id, { tags: [tag] }))));
      for (const [index, { id, tag }] of all.entries()) {
        await store.invalidate([tagName(tag)], 'delete');
        expect(await textOf(store, id), `the entry tagged ${tag}`).toBeUndefined();
        const next = all[index + 1];
        if (next !== undefined) expect(await textOf(store, next.id), `the entry tagged ${next.tag}`).toBe('value');
      }
    });

    it('a snapshot taken before an invalidation does not see it, one taken after does', async () => {
      const { store } = subject();
      const id = unique('id');
      const before = await store.read(id);
      const { xid } = await store.invalidate([keyName(id)], 'expire');
      const after = await store.read(id);
      expect([isVisible(xid, before.token.snapshot), isVisible(xid, after.token.snapshot)]).toEqual([false, true]);
    });
  });

  describe('delete', () => {
    it('INVARIANT 8: a deleted entry is gone, even within its grace', async () => {
      const { store, second = store } = subject();
      const id = unique('id');
      await store.set(entry(id, { lifetimes: WITH_GRACE }));
      await store.delete(id);
      expect([await textOf(store, id), await textOf(second, id)]).toEqual([undefined, undefined]);
    });

    it('existed: a fresh or a stale entry was there', async () => {
      const { store, advance } = subject();
      const [fresh, stale] = [unique('fresh'), unique('stale')];
      await store.set(entry(stale, { lifetimes: lives({ ttl: MINUTE, grace: HOUR }) }));
      await advance(2 * MINUTE);
      await store.set(entry(fresh));
      expect((await store.delete(fresh)).existed).toBe(true);
      expect((await store.delete(stale)).existed).toBe(true);
    });

    it('existed: not after the end of its life, not when hidden, not twice, not when there never was one', async () => {
      const { store, advance } = subject();
      const [dead, hidden, twice, tag] = [unique('dead'), unique('hidden'), unique('twice'), unique('tag')];
      await store.set(entry(dead, { lifetimes: lives({ ttl: MINUTE }) }));
      await advance(2 * MINUTE);
      await store.set(entry(hidden, { tags: [tag], lifetimes: WITH_GRACE }));
      await store.invalidate([tagName(tag)], 'delete');
      await store.set(entry(twice));
      await store.delete(twice);
      for (const id of [dead, hidden, twice, unique('never')]) expect((await store.delete(id)).existed).toBe(false);
    });

    it('deletes its own entry only, and a set after it is served', async () => {
      const { store } = subject();
      const [id, other] = [unique('id'), unique('other')];
      await store.set(entry(id));
      await store.set(entry(other));
      await store.delete(id);
      await store.set(entry(id, { body: 'anew' }));
      expect([await textOf(store, id), await textOf(store, other)]).toEqual(['anew', 'value']);
    });

    it('a load that begins after a delete is accepted', async () => {
      const { store } = subject();
      const id = unique('id');
      await store.delete(id);
      const { token } = await store.read(id);
      expect(await store.fill(entry(id), token)).toMatchObject({ status: 'stored' });
    });
  });
}
