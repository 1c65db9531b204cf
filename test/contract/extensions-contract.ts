/** Extensions: a load that has found the stored value to be right still gives it a new life, and leaves it as it is. */
import { describe, expect, it } from 'vitest';
import { tagName } from '../../src/kernel/names.js';
import type { EntryWrite, FillResult, LoadToken, Store } from '../../src/ports/store.js';
import {
  entry,
  expectAbout,
  found,
  HOUR,
  lives,
  MINUTE,
  type Subject,
  stateOf,
  stored,
  textOf,
  unique,
} from './store-under-test.js';

async function extend(store: Store, write: EntryWrite, token: LoadToken): Promise<FillResult> {
  if (store.extend === undefined) throw new Error('This store extends nothing');
  return await store.extend(write, token);
}

export function describeExtensions(subject: Subject): void {
  describe('extensions', () => {
    it('give a stale entry everything a fill gives, but its value', async () => {
      const { store, advance } = subject();
      const id = unique('id');
      await store.set(entry(id, { body: 'value', lifetimes: lives({ ttl: MINUTE, grace: HOUR }) }));
      await advance(2 * MINUTE);
      const { token } = await store.read(id);
      const receipt = stored(
        await extend(store, entry(id, { body: 'ignored', tags: ['t'], lifetimes: lives({ grace: HOUR }) }), token),
      );
      expectAbout(receipt.remaining.fresh, HOUR);
      expect(await textOf(store, id)).toBe('value');
      expect(await stateOf(store, id)).toBe('fresh');
      expect((await found(store, id)).tags).toEqual(['t']);
    });

    it('make an entry that was expired fresh: the load has begun after that', async () => {
      const { store } = subject();
      const [id, tag] = [unique('id'), unique('tag')];
      await store.set(entry(id, { tags: [tag], lifetimes: lives({ grace: HOUR }) }));
      await store.invalidate([tagName(tag)], 'expire');
      const { token } = await store.read(id);
      stored(await extend(store, entry(id, { tags: [tag] }), token));
      expect(await stateOf(store, id)).toBe('fresh');
    });

    it('INVARIANT 1: are refused when a name was invalidated meanwhile', async () => {
      const { store, second } = subject();
      const [id, tag] = [unique('id'), unique('tag')];
      await store.set(entry(id, { tags: [tag], lifetimes: lives({ grace: HOUR }) }));
      const { token } = await store.read(id);
      await (second ?? store).invalidate([tagName(tag)], 'expire');
      expect(await extend(store, entry(id, { tags: [tag] }), token)).toMatchObject({ reason: 'invalidated' });
      expect(await stateOf(store, id)).toBe('stale');
    });

    it('are refused when the value is another by now, or is not there', async () => {
      const { store, second } = subject();
      const id = unique('id');
      await store.set(entry(id, { body: 'confirmed' }));
      const { token } = await store.read(id);
      await (second ?? store).set(entry(id, { body: 'newer', lifetimes: lives({ ttl: MINUTE }) }));
      expect(await extend(store, entry(id), token)).toMatchObject({ reason: 'newer' });
      expectAbout((await found(store, id)).remaining.fresh, MINUTE);
      const missing = unique('id');
      expect(await extend(store, entry(missing), (await store.read(missing)).token)).toMatchObject({ reason: 'newer' });
    });
  });
}
