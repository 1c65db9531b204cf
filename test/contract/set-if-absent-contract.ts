/** Contract: writing what is not there yet. */
import { describe, expect, it } from 'vitest';
import { keyName, tagName } from '../../src/kernel/names.js';
import { entry, HOUR, lives, MINUTE, SECOND, type Subject, textOf, unique } from './store-under-test.js';

export function describeSetIfAbsent(subject: Subject): void {
  describe('setIfAbsent', () => {
    it('writes where nothing is, and then leaves it alone', async () => {
      const { store, second = store } = subject();
      const id = unique('id');
      const receipt = await store.setIfAbsent(entry(id, { body: 'first', tags: ['tag'] }));
      expect(receipt?.remaining.fresh).toBeGreaterThan(0);
      expect(await second.setIfAbsent(entry(id, { body: 'second' }))).toBeUndefined();
      expect(await store.setIfAbsent(entry(id, { body: 'third' }))).toBeUndefined();
      expect(await textOf(store, id)).toBe('first');
    });

    it('of many at once, through two stores, one is first', async () => {
      const { store, second = store } = subject();
      const ids = Array.from({ length: 20 }, () => unique('id'));
      const attempts = ids.flatMap((id) =>
        [store, second, store, second, second].map(async (through, i) => {
          const receipt = await through.setIfAbsent(entry(id, { body: String(i) }));
          return receipt === undefined ? undefined : { id, body: String(i) };
        }),
      );
      const winners = (await Promise.all(attempts)).filter((winner) => winner !== undefined);
      expect(winners.map(({ id }) => id).sort()).toEqual([...ids].sort());
      for (const { id, body } of winners) expect(await textOf(second, id)).toBe(body);
    });

    it.each([
      ['over', lives({ ttl: SECOND })],
      ['stale', lives({ ttl: SECOND, grace: HOUR })],
    ])('an entry that is %s is absent', async (_, lifetimes) => {
      const current = subject();
      const id = unique('id');
      await current.store.set(entry(id, { body: 'old', lifetimes }));
      await current.advance(MINUTE);
      expect(await current.store.setIfAbsent(entry(id, { body: 'new' }))).toBeDefined();
      expect(await textOf(current.store, id)).toBe('new');
    });

    it.each(['delete', 'expire'] as const)('what was made invalid by a %s is absent', async (kind) => {
      const { store, second = store } = subject();
      const tag = unique('tag');
      const [byKey, byTag] = [unique('key'), unique('tagged')];
      await store.set(entry(byKey, { lifetimes: lives({ grace: HOUR }) }));
      await store.set(entry(byTag, { tags: [tag], lifetimes: lives({ grace: HOUR }) }));
      await second.invalidate([keyName(byKey), tagName(tag)], kind);
      for (const id of [byKey, byTag]) {
        expect(await store.setIfAbsent(entry(id, { body: 'new' }))).toBeDefined();
        expect(await textOf(second, id)).toBe('new');
        expect(await second.setIfAbsent(entry(id, { body: 'late' }))).toBeUndefined();
      }
    });

    it('INVARIANT 7: what it wrote is not overwritten by a load that began before', async () => {
      const { store } = subject();
      const id = unique('id');
      const { token } = await store.read(id);
      await store.setIfAbsent(entry(id, { body: 'set' }));
      expect(await store.fill(entry(id, { body: 'loaded', loadMs: 1 }), token)).toEqual({
        status: 'refused',
        reason: 'newer',
      });
      expect(await textOf(store, id)).toBe('set');
    });

    it('keeps its place among the other calls on its key', async () => {
      const { store } = subject();
      const id = unique('id');
      const [, absent, , free] = await Promise.all([
        store.set(entry(id, { body: 'a' })),
        store.setIfAbsent(entry(id, { body: 'b' })),
        store.delete(id),
        store.setIfAbsent(entry(id, { body: 'c' })),
      ]);
      expect([absent, free === undefined]).toEqual([undefined, false]);
      expect(await textOf(store, id)).toBe('c');
    });
  });
}
