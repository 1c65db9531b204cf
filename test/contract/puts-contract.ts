/** Puts: what a change has returned is published as a load's result is, under the token from before the change. */
import { describe, expect, it } from 'vitest';
import { keyName, tagName } from '../../src/kernel/names.js';
import type { EntryWrite, FillResult, LoadToken, Store } from '../../src/ports/store.js';
import { entry, namespaceOf, type Subject, stored, textOf, unique } from './store-under-test.js';

async function put(store: Store, write: EntryWrite, token: LoadToken): Promise<FillResult> {
  if (store.put === undefined) throw new Error('This store puts nothing');
  return await store.put(write, token);
}

export function describePuts(subject: Subject): void {
  describe('puts', () => {
    it('a put over what was there before replaces it, and its receipt is one of a write', async () => {
      const { store } = subject();
      const id = unique('id');
      await store.set(entry(id, { body: 'before' }));
      const { token } = await store.read(id);
      const receipt = stored(await put(store, entry(id, { body: 'after' }), token));
      expect(receipt.xid).toBeGreaterThan(0);
      expect(receipt.remaining.fresh).toBeGreaterThan(0);
      expect(await textOf(store, id)).toBe('after');
    });

    it('INVARIANT 7: a load that began before the put is refused', async () => {
      const { store, second } = subject();
      const id = unique('id');
      const load = await (second ?? store).read(id);
      const { token } = await store.read(id);
      stored(await put(store, entry(id, { body: 'put' }), token));
      expect(await store.fill(entry(id, { body: 'loaded', loadMs: 1 }), load.token)).toMatchObject({ reason: 'newer' });
      expect(await textOf(store, id)).toBe('put');
    });

    it.each(['key', 'tag', 'namespace'])('is refused when its %s was invalidated meanwhile', async (what) => {
      const { store, second } = subject();
      const [id, tag] = [unique('id'), unique('tag')];
      const { token } = await store.read(id);
      const name = what === 'key' ? keyName(id) : what === 'tag' ? tagName(tag) : namespaceOf(subject());
      await (second ?? store).invalidate([name], 'delete');
      expect(await put(store, entry(id, { tags: [tag] }), token)).toEqual({ status: 'refused', reason: 'invalidated' });
      expect(await textOf(store, id)).toBeUndefined();
    });

    it('is refused when anybody has written meanwhile: a load too, which may have read what was before the change', async () => {
      const { store, second } = subject();
      const id = unique('id');
      const { token } = await store.read(id);
      const load = await (second ?? store).read(id);
      stored(await (second ?? store).fill(entry(id, { body: 'loaded', loadMs: 1 }), load.token));
      expect(await put(store, entry(id, { body: 'put' }), token)).toEqual({ status: 'refused', reason: 'newer' });
    });
  });
}
