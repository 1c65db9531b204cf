/** Contract: locks, for stores that have them. */
import assert from 'node:assert/strict';
import type { Locks } from '../../ports/locks.js';
import type { Store } from '../../ports/store.js';
import { type ContractPart, clause, compare, member, part } from './contract.js';
import { MINUTE, unique } from './store-under-test.js';

function locksOf(store: Store): Locks {
  return member(store, 'locks');
}

export const LOCKS: readonly ContractPart[] = [
  part(
    'locks',
    [
      clause(
        'one holder at a time; the next one gets it when it is given back, with a greater fence',
        async ({ store, second = store }) => {
          const [one, other, name] = [locksOf(store), locksOf(second), unique('lock')];
          const first = await one.acquire(name, 'a', MINUTE);
          compare(first, '>', 0);
          assert.equal(await other.acquire(name, 'b', MINUTE), undefined);
          assert.equal(await one.acquire(name, 'a', MINUTE), undefined);
          assert.equal(await other.release(name, 'b'), 'lost');
          assert.equal(await one.release(name, 'a'), 'released');
          assert.equal(await one.release(name, 'a'), 'lost');
          const next = await other.acquire(name, 'b', MINUTE);
          compare(next, '>', first ?? Infinity);
        },
      ),

      clause(
        'a lock that nobody renews passes on, and its holder can neither renew nor release it',
        async (current) => {
          const { store, second = store } = current;
          const [one, other, name] = [locksOf(store), locksOf(second), unique('lock')];
          const first = (await one.acquire(name, 'a', MINUTE)) ?? Infinity;
          await current.advance(MINUTE / 2);
          assert.equal(await one.renew(name, 'a', MINUTE), 'renewed');
          await current.advance(MINUTE / 2 + 1);
          assert.equal(await other.acquire(name, 'b', MINUTE), undefined);
          await current.advance(MINUTE);
          assert.equal(await one.renew(name, 'a', MINUTE), 'lost');
          compare(await other.acquire(name, 'b', MINUTE), '>', first);
          assert.equal(await one.renew(name, 'a', MINUTE), 'lost');
          assert.equal(await one.release(name, 'a'), 'lost');
          assert.equal(await other.renew(name, 'b', MINUTE), 'renewed');
        },
      ),

      clause('locks of other names are free', async ({ store }) => {
        const locks = locksOf(store);
        const names = Array.from({ length: 10 }, () => unique('lock'));
        const fences = await Promise.all(names.map((name) => locks.acquire(name, 'a', MINUTE)));
        assert.equal(new Set(fences).size, 10);
        assert.ok(!fences.includes(undefined));
        assert.deepEqual(
          await Promise.all(names.map((name) => locks.release(name, 'a'))),
          names.map(() => 'released'),
        );
      }),

      clause(
        'INVARIANT 33: of many who want one lock at once one gets it, and fences only grow',
        async ({ store, second = store }) => {
          const name = unique('lock');
          let last = 0;
          for (let round = 0; round < 10; round += 1) {
            const fences = await Promise.all(
              Array.from({ length: 20 }, (_, i) =>
                locksOf(i % 2 === 0 ? store : second).acquire(name, `${round} ${i}`, MINUTE),
              ),
            );
            const winners = [...fences.entries()].filter(([, fence]) => fence !== undefined);
            assert.equal(winners.length, 1);
            const [winner, fence = 0] = winners[0] ?? [0, 0];
            compare(fence, '>', last);
            last = fence;
            assert.equal(await locksOf(store).release(name, `${round} ${winner}`), 'released');
          }
        },
      ),
    ],
    'locks',
  ),
];
