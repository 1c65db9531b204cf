/** Contract: namespaces. Clearing one is the invalidation of its scope name. */
import assert from 'node:assert/strict';
import { type ContractPart, clause, matches, part } from './contract.js';
import { entry, HOUR, lives, namespaceOf, stateOf, textOf, unique } from './store-under-test.js';

export const SCOPES: readonly ContractPart[] = [
  part('scopes', [
    clause(
      'INVARIANT 8: invalidating a scope name hides every entry of the store, and none written after',
      async (subject) => {
        const { store, second = store } = subject;
        const ids = Array.from({ length: 50 }, () => unique('id'));
        await Promise.all(ids.map((id) => store.set(entry(id, { lifetimes: lives({ grace: HOUR }) }))));
        await store.invalidate([namespaceOf(subject)], 'delete');
        const after = unique('after');
        await store.set(entry(after));
        assert.deepEqual(new Set(await Promise.all(ids.map((id) => textOf(second, id)))), new Set([undefined]));
        assert.equal(await textOf(second, after), 'value');
      },
    ),

    clause('every scope name hides', async ({ store, options }) => {
      for (const name of options.scopeNames) {
        const id = unique('id');
        await store.set(entry(id));
        await store.invalidate([name], 'delete');
        assert.equal(await textOf(store, id), undefined, name);
      }
    }),

    clause('expiring a scope name makes everything stale', async (subject) => {
      const { store } = subject;
      const id = unique('id');
      await store.set(entry(id, { lifetimes: lives({ grace: HOUR }) }));
      await store.invalidate([namespaceOf(subject)], 'expire');
      assert.equal(await stateOf(store, id), 'stale');
    }),

    clause(
      'INVARIANT 22: clearing a namespace leaves its neighbours alone, and refuses none of their loads',
      async (subject) => {
        const { store, neighbour } = subject;
        if (neighbour === undefined) throw new Error('This clause needs a neighbour');
        const [own, theirs, loading] = [unique('own'), unique('theirs'), unique('loading')];
        await store.set(entry(own));
        await neighbour.set(entry(theirs));
        const { token } = await neighbour.read(loading);
        await store.invalidate([namespaceOf(subject)], 'delete');
        assert.equal(await textOf(store, own), undefined);
        assert.equal(await textOf(neighbour, theirs), 'value');
        matches(await neighbour.fill(entry(loading), token), { status: 'stored' });
      },
      'neighbour',
    ),
  ]),
];
