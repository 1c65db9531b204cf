/** Contract: `touch` and `postpone`, which change when an entry ends or is loaded again, and nothing else. */
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { keyName, tagName } from '../../src/kernel/names.js';
import type { Store } from '../../src/ports/store.js';
import {
  bytesOf,
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

/** A window of 10 minutes that ends after 25. */
const SLIDING = lives({ ttl: 25 * MINUTE, sliding: 10 * MINUTE, grace: HOUR });

const STALE = lives({ ttl: MINUTE, grace: 5 * HOUR });

async function postpone(store: Store, id: string, ms: number): Promise<void> {
  await store.postpone(id, ms, (await store.read(id)).token);
}

export function describeUpkeep(subject: Subject): void {
  describe('touch', () => {
    it('extends a sliding entry to its window from now', async () => {
      const { store, advance } = subject();
      const id = unique('id');
      await store.set(entry(id, { lifetimes: SLIDING }));
      await advance(6 * MINUTE);
      const touched = await store.touch(id);
      expectAbout(touched?.fresh ?? 0, 10 * MINUTE);
      expectAbout(touched?.stale ?? 0, 70 * MINUTE);
      await advance(6 * MINUTE);
      expect(await stateOf(store, id)).toBe('fresh');
    });

    it('INVARIANT 26: never past the ceiling', async () => {
      const { store, advance } = subject();
      const id = unique('id');
      await store.set(entry(id, { lifetimes: SLIDING }));
      for (let minutes = 8; minutes <= 24; minutes += 8) {
        await advance(8 * MINUTE);
        const left = Math.min(10, 25 - minutes) * MINUTE;
        expectAbout((await store.touch(id))?.fresh ?? 0, left);
      }
      await advance(90_000);
      expect(await stateOf(store, id)).toBe('stale');
      expect(await store.touch(id)).toBeUndefined();
    });

    it('a read alone extends nothing', async () => {
      const { store, advance } = subject();
      const id = unique('id');
      await store.set(entry(id, { lifetimes: SLIDING }));
      await advance(6 * MINUTE);
      await store.read(id);
      await advance(6 * MINUTE);
      expect(await stateOf(store, id)).toBe('stale');
    });

    it('leaves an entry that does not slide as it is', async () => {
      const { store, advance } = subject();
      const id = unique('id');
      await store.set(entry(id, { lifetimes: lives({ ttl: HOUR, grace: HOUR }) }));
      await advance(30 * MINUTE);
      await store.touch(id);
      expectAbout((await found(store, id)).remaining.fresh, 30 * MINUTE);
      expectAbout((await found(store, id)).remaining.stale, 90 * MINUTE);
    });

    it('answers undefined for no entry, a stale one and a dead one, and revives none', async () => {
      const { store, advance } = subject();
      const [stale, dead] = [unique('stale'), unique('dead')];
      await store.set(entry(stale, { lifetimes: SLIDING }));
      await store.set(entry(dead, { lifetimes: lives({ ttl: HOUR, sliding: 10 * MINUTE }) }));
      await advance(11 * MINUTE);
      for (const id of [stale, dead, unique('never')]) expect(await store.touch(id)).toBeUndefined();
      expect([await stateOf(store, stale), await stateOf(store, dead)]).toEqual(['stale', 'dead']);
    });

    it('does not revive what was expired', async () => {
      const { store } = subject();
      const [id, tag] = [unique('id'), unique('tag')];
      await store.set(entry(id, { lifetimes: SLIDING, tags: [tag] }));
      await store.touch(id);
      await store.invalidate([tagName(tag)], 'expire');
      expect(await store.touch(id)).toBeUndefined();
      expect(await stateOf(store, id)).toBe('stale');
      expectAbout((await found(store, id)).remaining.stale, HOUR);
    });

    it('INVARIANT 8: does not revive what was deleted or hidden', async () => {
      const { store } = subject();
      const [deleted, hidden, tag] = [unique('deleted'), unique('hidden'), unique('tag')];
      await store.set(entry(deleted, { lifetimes: SLIDING }));
      await store.set(entry(hidden, { lifetimes: SLIDING, tags: [tag] }));
      await store.delete(deleted);
      await store.invalidate([tagName(tag)], 'delete');
      expect([await store.touch(deleted), await store.touch(hidden)]).toEqual([undefined, undefined]);
      expect([await textOf(store, deleted), await textOf(store, hidden)]).toEqual([undefined, undefined]);
    });
  });

  describe('postpone', () => {
    it('says how long the loader is to be left alone', async () => {
      const { store, second = store, advance } = subject();
      const id = unique('id');
      await store.set(entry(id, { lifetimes: STALE }));
      await advance(2 * MINUTE);
      expect((await found(store, id)).retryIn).toBeLessThanOrEqual(0);
      await postpone(store, id, 10 * MINUTE);
      expectAbout((await found(second, id)).retryIn, 10 * MINUTE);
      await advance(6 * MINUTE);
      expectAbout((await found(second, id)).retryIn, 4 * MINUTE);
      await advance(5 * MINUTE);
      expect((await found(store, id)).retryIn).toBeLessThanOrEqual(0);
    });

    it('ends with the next write, by set and by fill', async () => {
      const { store } = subject();
      const [set, filled] = [unique('set'), unique('filled')];
      for (const id of [set, filled]) {
        await store.set(entry(id));
        await postpone(store, id, HOUR);
      }
      await store.set(entry(set));
      stored(await store.fill(entry(filled), (await store.read(filled)).token));
      for (const id of [set, filled]) expect((await found(store, id)).retryIn).toBeLessThanOrEqual(0);
    });

    it('does nothing to an entry rewritten since the token, to none at all, and under another incarnation', async () => {
      const { store } = subject();
      const id = unique('id');
      const { token } = await store.read(id);
      await store.set(entry(id));
      await store.postpone(id, HOUR, token);
      const current = await store.read(id);
      await store.postpone(id, HOUR, { ...current.token, incarnation: randomUUID() });
      await store.postpone(unique('never'), HOUR, current.token);
      expect((await found(store, id)).retryIn).toBeLessThanOrEqual(0);
    });
  });

  describe('touch and postpone', () => {
    it('change neither the value nor its tags nor its age', async () => {
      const { store, advance } = subject();
      const id = unique('id');
      await store.set(entry(id, { body: 'same', encoding: 'same', tags: ['same'], lifetimes: SLIDING }));
      await advance(5 * MINUTE);
      await store.touch(id);
      await postpone(store, id, MINUTE);
      const { encoded, tags, age } = await found(store, id);
      expect([bytesOf(encoded).toString(), encoded.encoding, tags]).toEqual(['same', 'same', ['same']]);
      expect(age).toBeGreaterThanOrEqual(5 * MINUTE);
    });

    it('are no writes: a refresh that began before them is still accepted', async () => {
      const { store } = subject();
      const id = unique('id');
      await store.set(entry(id, { lifetimes: SLIDING }));
      const { token } = await store.read(id);
      await store.touch(id);
      await store.postpone(id, MINUTE, token);
      stored(await store.fill(entry(id, { body: 'refreshed' }), token));
      expect(await textOf(store, id)).toBe('refreshed');
    });

    it('INVARIANT 1: do not make an entry blind to invalidations it has not seen', async () => {
      const { store } = subject();
      const [id, tag] = [unique('id'), unique('tag')];
      await store.set(entry(id, { tags: [tag], lifetimes: SLIDING }));
      await store.invalidate([tagName(unique('other'))], 'delete');
      await store.touch(id);
      await postpone(store, id, MINUTE);
      await store.invalidate([keyName(id)], 'expire');
      expect(await stateOf(store, id)).toBe('stale');
      await postpone(store, id, 2 * MINUTE);
      expect(await stateOf(store, id)).toBe('stale');
      await store.invalidate([tagName(tag)], 'delete');
      expect(await textOf(store, id)).toBeUndefined();
    });
  });
}
