/** Contract: locks, for stores that have them. */
import { describe, expect, it } from 'vitest';
import type { Locks } from '../../src/ports/locks.js';
import type { Store } from '../../src/ports/store.js';
import { MINUTE, type Subject, unique } from './store-under-test.js';

function locksOf(store: Store): Locks {
  if (store.locks === undefined) throw new Error('The store under test has locks');
  return store.locks;
}

export function describeLocks(subject: Subject): void {
  describe('locks', () => {
    it('one holder at a time; the next one gets it when it is given back, with a greater fence', async () => {
      const { store, second = store } = subject();
      const [one, other, name] = [locksOf(store), locksOf(second), unique('lock')];
      const first = await one.acquire(name, 'a', MINUTE);
      expect(first).toBeGreaterThan(0);
      expect(await other.acquire(name, 'b', MINUTE)).toBeUndefined();
      expect(await one.acquire(name, 'a', MINUTE)).toBeUndefined();
      expect(await other.release(name, 'b')).toBe('lost');
      expect(await one.release(name, 'a')).toBe('released');
      expect(await one.release(name, 'a')).toBe('lost');
      const next = await other.acquire(name, 'b', MINUTE);
      expect(next).toBeGreaterThan(first ?? Infinity);
    });

    it('a lock that nobody renews passes on, and its holder can neither renew nor release it', async () => {
      const current = subject();
      const { store, second = store } = current;
      const [one, other, name] = [locksOf(store), locksOf(second), unique('lock')];
      const first = (await one.acquire(name, 'a', MINUTE)) ?? Infinity;
      await current.advance(MINUTE / 2);
      expect(await one.renew(name, 'a', MINUTE)).toBe('renewed');
      await current.advance(MINUTE / 2 + 1);
      expect(await other.acquire(name, 'b', MINUTE)).toBeUndefined();
      await current.advance(MINUTE);
      expect(await one.renew(name, 'a', MINUTE)).toBe('lost');
      expect(await other.acquire(name, 'b', MINUTE)).toBeGreaterThan(first);
      expect(await one.renew(name, 'a', MINUTE)).toBe('lost');
      expect(await one.release(name, 'a')).toBe('lost');
      expect(await other.renew(name, 'b', MINUTE)).toBe('renewed');
    });

    it('locks of other names are free', async () => {
      const { store } = subject();
      const locks = locksOf(store);
      const names = Array.from({ length: 10 }, () => unique('lock'));
      const fences = await Promise.all(names.map((name) => locks.acquire(name, 'a', MINUTE)));
      expect(new Set(fences).size).toBe(10);
      expect(fences).not.toContain(undefined);
      expect(await Promise.all(names.map((name) => locks.release(name, 'a')))).toEqual(names.map(() => 'released'));
    });

    it('INVARIANT 33: of many who want one lock at once one gets it, and fences only grow', async () => {
      const { store, second = store } = subject();
      const name = unique('lock');
      let last = 0;
      for (let round = 0; round < 10; round += 1) {
        const fences = await Promise.all(
          Array.from({ length: 20 }, (_, i) =>
            locksOf(i % 2 === 0 ? store : second).acquire(name, `${round} ${i}`, MINUTE),
          ),
        );
        const winners = [...fences.entries()].filter(([, fence]) => fence !== undefined);
        expect(winners).toHaveLength(1);
        const [winner, fence = 0] = winners[0] ?? [0, 0];
        expect(fence).toBeGreaterThan(last);
        last = fence;
        expect(await locksOf(store).release(name, `${round} ${winner}`)).toBe('released');
      }
    });
  });
}
