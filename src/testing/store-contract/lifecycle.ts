/** Contract: opening and closing. */
import assert from 'node:assert/strict';
import { StoreError } from '../../errors.js';
import type { LoadToken, Store } from '../../ports/store.js';
import { type ContractPart, clause, matches, part } from './contract.js';
import { entry, textOf, unique } from './store-under-test.js';

/** Every method that does something. */
const CALLS: readonly (readonly [string, (store: Store, token: LoadToken) => Promise<unknown>])[] = [
  ['open', (store) => store.open()],
  ['read', (store) => store.read('id')],
  ['fill', (store, token) => store.fill(entry('id'), token)],
  ['set', (store) => store.set(entry('id'))],
  ['delete', (store) => store.delete('id')],
  ['invalidate', (store) => store.invalidate(['t|tag'], 'delete')],
  ['touch', (store) => store.touch('id')],
  ['postpone', (store, token) => store.postpone('id', 1000, token, 'load')],
];

export const LIFECYCLE: readonly ContractPart[] = [
  part('lifecycle', [
    clause('names its kind', async ({ store }) => {
      assert.match(store.kind, /^[a-z]+$/);
    }),

    ...CALLS.map(([what, call]) =>
      clause(`after close() ${what} rejects with StoreError`, async ({ store }) => {
        const { token } = await store.read(unique('id'));
        await store.close();
        const error: unknown = await call(store, token).then(
          () => 'resolved',
          (reason: unknown) => reason,
        );
        assert.ok(error instanceof StoreError, `Expected a StoreError, got ${String(error)}`);
        matches(error, { code: 'STORE_FAILED', outcome: 'failed' });
      }),
    ),

    clause('close() waits for what was begun', async ({ store, second }) => {
      const ids = Array.from({ length: 20 }, () => unique('id'));
      const writes = ids.map((id) => store.set(entry(id)));
      const reads = ids.map((id) => store.read(id));
      await store.close();
      await Promise.all([...writes, ...reads]);
      if (second !== undefined) for (const id of ids) assert.equal(await textOf(second, id), 'value');
    }),

    clause('closing twice is fine', async ({ store }) => {
      await store.close();
      await store.close();
    }),

    clause(
      'closing one store leaves another over the same data open',
      async ({ store, second }) => {
        if (second === undefined) throw new Error('This clause needs a second store');
        const id = unique('id');
        await store.set(entry(id));
        await store.close();
        assert.equal(await textOf(second, id), 'value');
      },
      'second',
    ),
  ]),
];
