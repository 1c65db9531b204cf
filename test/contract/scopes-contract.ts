/** Contract: namespaces. Clearing one is the invalidation of its scope name. */
import { describe, expect, it } from 'vitest';
import { entry, HOUR, lives, namespaceOf, type Subject, stateOf, textOf, unique } from './store-under-test.js';

export function describeScopes(subject: Subject): void {
  describe('scopes', () => {
    it('INVARIANT 8: invalidating a scope name hides every entry of the store, and none written after', async () => {
      const { store, second = store } = subject();
      const ids = Array.from({ length: 50 }, () => unique('id'));
      await Promise.all(ids.map((id) => store.set(entry(id, { lifetimes: lives({ grace: HOUR }) }))));
      await store.invalidate([namespaceOf(subject())], 'delete');
      const after = unique('after');
      await store.set(entry(after));
      expect(new Set(await Promise.all(ids.map((id) => textOf(second, id))))).toEqual(new Set([undefined]));
      expect(await textOf(second, after)).toBe('value');
    });

    it('every scope name hides', async () => {
      const { store, options } = subject();
      for (const name of options.scopeNames) {
        const id = unique('id');
        await store.set(entry(id));
        await store.invalidate([name], 'delete');
        expect(await textOf(store, id), name).toBeUndefined();
      }
    });

    it('expiring a scope name makes everything stale', async () => {
      const { store } = subject();
      const id = unique('id');
      await store.set(entry(id, { lifetimes: lives({ grace: HOUR }) }));
      await store.invalidate([namespaceOf(subject())], 'expire');
      expect(await stateOf(store, id)).toBe('stale');
    });

    it('INVARIANT 22: clearing a namespace leaves its neighbours alone, and refuses none of their loads', async (context) => {
      const { store, neighbour } = subject();
      if (neighbour === undefined) return context.skip('needs a store of another namespace over the same data');
      const [own, theirs, loading] = [unique('own'), unique('theirs'), unique('loading')];
      await store.set(entry(own));
      await neighbour.set(entry(theirs));
      const { token } = await neighbour.read(loading);
      await store.invalidate([namespaceOf(subject())], 'delete');
      expect(await textOf(store, own)).toBeUndefined();
      expect(await textOf(neighbour, theirs)).toBe('value');
      expect(await neighbour.fill(entry(loading), token)).toMatchObject({ status: 'stored' });
    });
  });
}
