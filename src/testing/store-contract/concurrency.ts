/** Contract: many calls at once. Stores batch on their own; nobody may get another's answer. */
import assert from 'node:assert/strict';
import { tagName } from '../../kernel/names.js';
import { type ContractPart, clause, part } from './contract.js';
import { entry, lives, MINUTE, stored, textOf, unique } from './store-under-test.js';

const numbered = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => unique(`id-${index}`));

export const CONCURRENCY: readonly ContractPart[] = [
  part('concurrency', [
    clause('200 concurrent reads, misses among them, get each its own entry', async ({ store }) => {
      const [present, absent] = [numbered(150), numbered(50)];
      await Promise.all(present.map((id) => store.set(entry(id, { body: `of ${id}` }))));
      const ids = [...present, ...absent].sort(() => Math.random() - 0.5);
      const texts = await Promise.all(ids.map((id) => textOf(store, id)));
      assert.deepEqual(
        texts,
        ids.map((id) => (present.includes(id) ? `of ${id}` : undefined)),
      );
    }),

    clause('concurrent reads of one id all get it', async ({ store }) => {
      const id = unique('id');
      await store.set(entry(id));
      const texts = await Promise.all(Array.from({ length: 50 }, () => textOf(store, id)));
      assert.deepEqual(new Set(texts), new Set(['value']));
    }),

    clause('100 concurrent sets of one id: none fails, the last one wins', async ({ store, second = store }) => {
      const id = unique('id');
      await Promise.all(Array.from({ length: 100 }, (_, index) => store.set(entry(id, { body: `value ${index}` }))));
      assert.deepEqual([await textOf(store, id), await textOf(second, id)], ['value 99', 'value 99']);
    }),

    clause(
      'concurrent sets by two processes: none fails, one of the last two wins',
      async ({ store, second = store }) => {
        const id = unique('id');
        const writes = Array.from({ length: 40 }, (_, index) => [
          store.set(entry(id, { body: `first ${index}` })),
          second.set(entry(id, { body: `second ${index}` })),
        ]);
        await Promise.all(writes.flat());
        assert.match((await textOf(store, id)) ?? 'nothing', /^(?:first|second) 39$/);
      },
    ),

    clause('concurrent fills of one id under one token: what is served is a stored one', async ({ store }) => {
      const id = unique('id');
      const { token } = await store.read(id);
      const bodies = Array.from({ length: 20 }, (_, index) => `load ${index}`);
      const results = await Promise.all(bodies.map((body) => store.fill(entry(id, { body }), token)));
      const accepted = bodies.filter((_, index) => results[index]?.status === 'stored');
      assert.ok(accepted.includes((await textOf(store, id)) ?? 'nothing'));
    }),

    clause('concurrent fills are judged one by one: a refused one harms no neighbour', async ({ store }) => {
      const [ids, bad] = [numbered(20), unique('bad')];
      const tokens = await Promise.all([...ids, bad].map(async (id) => (await store.read(id)).token));
      await store.invalidate([tagName(bad)], 'delete');
      const results = await Promise.all(
        [...ids, bad].map((id, index) => store.fill(entry(id, { tags: [id] }), tokens[index] ?? fail())),
      );
      assert.deepEqual(results.pop(), { status: 'refused', reason: 'invalidated' });
      for (const result of results) stored(result);
    }),

    clause('operations of one process on one id keep their order', async ({ store }) => {
      const id = unique('id');
      const calls = [
        store.set(entry(id, { body: 'one' })),
        store.delete(id),
        store.set(entry(id, { body: 'two' })),
        store.delete(id),
        store.set(entry(id, { body: 'three' })),
      ];
      await Promise.all(calls);
      assert.equal(await textOf(store, id), 'three');
    }),

    clause(
      'INVARIANT 31: writes, touches, deletes and invalidations all at once end without an error',
      async ({ store, second = store }) => {
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
        assert.deepEqual(
          outcomes.filter(({ status }) => status === 'rejected'),
          [],
        );
      },
    ),
  ]),
];

function fail(): never {
  throw new Error('Expected one more element');
}
