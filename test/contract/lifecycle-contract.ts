/** Contract: opening and closing. */
import { describe, expect, it } from 'vitest';
import { StoreError } from '../../src/errors.js';
import type { LoadToken, Store } from '../../src/ports/store.js';
import { entry, type Subject, textOf, unique } from './store-under-test.js';

/** Every method that does something. */
const CALLS: readonly (readonly [string, (store: Store, token: LoadToken) => Promise<unknown>])[] = [
  ['open', (store) => store.open()],
  ['read', (store) => store.read('id')],
  ['fill', (store, token) => store.fill(entry('id'), token)],
  ['set', (store) => store.set(entry('id'))],
  ['delete', (store) => store.delete('id')],
  ['invalidate', (store) => store.invalidate(['t|tag'], 'delete')],
  ['touch', (store) => store.touch('id')],
  ['postpone', (store, token) => store.postpone('id', 1000, token)],
];

export function describeLifecycle(subject: Subject): void {
  describe('lifecycle', () => {
    it('names its kind', () => {
      expect(subject().store.kind).toMatch(/^[a-z]+$/);
    });

    it.each(CALLS)('after close() %s rejects with StoreError', async (_, call) => {
      const { store } = subject();
      const { token } = await store.read(unique('id'));
      await store.close();
      const error: unknown = await call(store, token).then(
        () => 'resolved',
        (reason: unknown) => reason,
      );
      expect(error).toBeInstanceOf(StoreError);
      expect(error).toMatchObject({ code: 'STORE_FAILED', outcome: 'failed' });
    });

    it('close() waits for what was begun', async () => {
      const { store, second } = subject();
      const ids = Array.from({ length: 20 }, () => unique('id'));
      const writes = ids.map((id) => store.set(entry(id)));
      const reads = ids.map((id) => store.read(id));
      await store.close();
      await expect(Promise.all([...writes, ...reads])).resolves.toHaveLength(40);
      if (second !== undefined) for (const id of ids) expect(await textOf(second, id)).toBe('value');
    });

    it('closing twice is fine', async () => {
      const { store } = subject();
      await store.close();
      await expect(store.close()).resolves.toBeUndefined();
    });

    it('closing one store leaves another over the same data open', async (context) => {
      const { store, second } = subject();
      if (second === undefined) return context.skip('needs a second store over the same data');
      const id = unique('id');
      await store.set(entry(id));
      await store.close();
      expect(await textOf(second, id)).toBe('value');
    });
  });
}
