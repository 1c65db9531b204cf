/** Contract: many calls at once. Stores batch on their own; nobody may get another's answer. */
import { describe, expect, it } from 'vitest';
import { tagName } from '../../src/kernel/names.js';
import { entry, lives, MINUTE, type Subject, stored, textOf, unique } from './store-under-test.js';

const numbered = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => unique(`id-${index}`));

export function describeConcurrency(subject: Subject): void {
  describe('concurrency', () => {
    it('200 concurrent reads, misses among them, get each its own entry', async () => {
      const { store } = subject();
      const [present, absent] = [numbered(150), numbered(50)];
      await Promise.all(present.map((id) => store.set(entry(id, { body: `of ${id}` }))));
      const ids = [...present, ...absent].sort(() => Math.random() - 0.5);
      const texts = await Promise.all(ids.map((id) => textOf(store, id)));
      expect(texts).toEqual(ids.map((id) => (present.includes(id) ? `of ${id}` : undefined)));
    });

    it('concurrent reads of one id all get it', async () => {
      const { store } = subject();
      const id = unique('id');
      await store.set(entry(id));
      const texts = await Promise.all(Array.from({ length: 50 }, () => textOf(store, id)));
      expect(new Set(texts)).toEqual(new Set(['value']));
    });

    it('100 concurrent sets of one id: none fails, the last one wins', async () => {
      const { store, second = store } = subject();
      const id = unique('id');
      await Promise.all(Array.from({ length: 100 }, (_, index) => store.set(entry(id, { body: `value ${index}` }))));
      expect([await textOf(store, id), await textOf(second, id)]).toEqual(['value 99', 'value 99']);
    });

    it('concurrent sets by two processes: none fails, one of the last two wins', async () => {
      const { store, second = store } = subject();
      const id = unique('id');
      const writes = Array.from({ length: 40 }, (_, index) => [
        store.set(entry(id, { body: `first ${index}` })),
        second.set(entry(id, { body: `second ${index}` })),
      ]);
      await Promise.all(writes.flat());
      expect(['first 39', 'second 39']).toContain(await textOf(store, id));
    });

    it('concurrent fills of one id under one token: what is served is a stored one', async () => {
      const { store } = subject();
      const id = unique('id');
      const { token } = await store.read(id);
      const bodies = Array.from({ length: 20 }, (_, index) => `load ${index}`);
      const results = await Promise.all(bodies.map((body) => store.fill(entry(id, { body }), token)));
      const accepted = bodies.filter((_, index) => results[index]?.status === 'stored');
      expect(accepted).toContain(await textOf(store, id));
    });

    it('concurrent fills are judged one by one: a refused one harms no neighbour', async () => {
      const { store } = subject();
      const [ids, bad] = [numbered(20), unique('bad')];
      const tokens = await Promise.all([...ids, bad].map(async (id) => (await store.read(id)).token));
      await store.invalidate([tagName(bad)], 'delete');
      const results = await Promise.all(
        [...ids, bad].map((id, index) => store.fill(entry(id, { tags: [id] }), tokens[index] ?? fail())),
      );
      expect(results.pop()).toEqual({ status: 'refused', reason: 'invalidated' });
      for (const result of results) stored(result);
    });

    it('operations of one process on one id keep their order', async () => {
      const { store } = subject();
      const id = unique('id');
      const calls = [
        store.set(entry(id, { body: 'one' })),
        store.delete(id),
        store.set(entry(id, { body: 'two' })),
        store.delete(id),
        store.set(entry(id, { body: 'three' })),
      ];
      await Promise.all(calls);
      expect(await textOf(store, id)).toBe('three');
    });

    it('INVARIANT 31: writes, touches, deletes and invalidations all at once end without an error', async () => {
      const { store, second = store } = subject();
      const [ids, tags] = [numbered(30), numbered(5)];
      const lifetimes = lives({ sliding: MINUTE });
      const work = ids.flatMap((id, index) => {
        const [mine, theirs] = index % 2 === 0 ? [store, second] : [second, store];
        const tag = tags[index % tags.length] ?? fail();
        return [
          mine.set(entry(id, { tags, lifetimes })),
          theirs.set(entry(id, { tags: [...tags].reverse(), lifetimes })),
          mine.touch(id),
          theirs.invalidate([tagName(tag), ...tags.map(tagName).reverse()], index % 3 === 0 ? 'expire' : 'delete'),
          mine.read(id),
          theirs.delete(id),
        ];
      });
      const outcomes = await Promise.allSettled(work);
      expect(outcomes.filter(({ status }) => status === 'rejected')).toEqual([]);
    });
  });
}

function fail(): never {
  throw new Error('Expected one more element');
}
