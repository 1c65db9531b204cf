/** Contract: counters, for stores that have them. */
import assert from 'node:assert/strict';
import { COUNTER_BOUNDS } from '../../kernel/counter.js';
import { keyName } from '../../kernel/names.js';
import type { Increment, IncrementResult } from '../../ports/counters.js';
import type { Store } from '../../ports/store.js';
import { type ContractPart, clause, matches, member, part } from './contract.js';
import {
  about,
  bytesOf,
  entry,
  found,
  HOUR,
  lives,
  MINUTE,
  namespaceOf,
  stored,
  textOf,
  unique,
} from './store-under-test.js';

/** Adds `by`, within what a counter holds, unless told otherwise. */
async function add(store: Store, id: string, by: bigint, parts: Partial<Increment> = {}): Promise<IncrementResult> {
  const increment = { by, ttl: undefined, ...COUNTER_BOUNDS, ...parts };
  return await member(store, 'counters').increment(id, increment);
}

/** The number after an addition, which must have been counted. */
async function added(store: Store, id: string, by: bigint, parts: Partial<Increment> = {}): Promise<bigint> {
  const result = await add(store, id, by, parts);
  if (result.status === 'refused') throw new Error(`Expected an addition, it was refused: ${result.reason}`);
  return result.value;
}

/** What it is, its encoding and its body, and what it is one higher. */
const NUMBERS: readonly (readonly [string, string | null, string | Buffer, bigint])[] = [
  ['JSON digits', 'json', '41', 42n],
  ['bytes of another program', null, Buffer.from('-2'), -1n],
];

const NO_NUMBERS: readonly (readonly [string, string | null, string | Buffer])[] = [
  ['text', 'json', '"7"'],
  ['a fraction', 'json', '7.5'],
  ['an exponent', 'json', '1e3'],
  ['nothing', null, Buffer.alloc(0)],
  ['more digits than fit', null, Buffer.from('9223372036854775808')],
  ['bytes that are no text', null, Buffer.from([0xff, 0xfe, 0])],
  ['digits of another encoding', 'msgpack', Buffer.from('5')],
  ['a long text', 'json', `"${'x'.repeat(100_000)}"`],
];

export const COUNTERS: readonly ContractPart[] = [
  part(
    'counters',
    [
      clause(
        'a counter begins at 0, and its value is decimal digits in the encoding of counters',
        async ({ store }) => {
          const id = unique('n');
          assert.equal(await added(store, id, 1n), 1n);
          assert.equal(await added(store, id, 5n), 6n);
          assert.equal(await added(store, id, -10n), -4n);
          assert.equal(await added(store, id, 0n), -4n);
          const { encoded } = await found(store, id);
          assert.deepEqual([encoded.encoding, bytesOf(encoded).toString()], ['counter', '-4']);
        },
      ),

      clause(
        'INVARIANT 33: additions at once through two stores, from a missing key, are all counted and none twice',
        async ({ store, second = store }) => {
          const id = unique('n');
          const results = await Promise.all(
            Array.from({ length: 200 }, (_, i) => added(i % 2 === 0 ? store : second, id, 1n)),
          );
          assert.equal(new Set(results).size, 200);
          assert.equal(await textOf(store, id), '200');
        },
      ),

      clause('counters of one batch are each other’s strangers', async ({ store }) => {
        const ids = Array.from({ length: 20 }, () => unique('n'));
        const results = await Promise.all(ids.flatMap((id, i) => [added(store, id, BigInt(i)), added(store, id, 1n)]));
        assert.deepEqual(
          results,
          ids.flatMap((_, i) => [BigInt(i), BigInt(i + 1)]),
        );
      }),

      clause('a ttl starts with the first addition; later ones change nothing of it', async (current) => {
        const { store } = current;
        const id = unique('n');
        await added(store, id, 1n, { ttl: MINUTE });
        about((await found(store, id)).remaining.fresh, MINUTE);
        await added(store, id, 1n, { ttl: HOUR });
        about((await found(store, id)).remaining.fresh, MINUTE);
        await current.advance(MINUTE);
        assert.equal(await textOf(store, id), undefined);
        assert.equal(await added(store, id, 1n, { ttl: HOUR }), 1n);
        about((await found(store, id)).remaining.fresh, HOUR);
      }),

      clause('a counter without a ttl never ends', async ({ store }) => {
        const id = unique('n');
        await added(store, id, 1n);
        assert.equal((await found(store, id)).remaining.fresh, Infinity);
      }),

      clause(
        'a delete between two additions resets, and so does everything else that makes an entry invalid',
        async (current) => {
          const { store } = current;
          const id = unique('n');
          await added(store, id, 7n);
          await store.delete(id);
          assert.equal(await added(store, id, 1n), 1n);
          await store.invalidate([keyName(id)], 'delete');
          assert.equal(await added(store, id, 2n), 2n);
          await store.invalidate([keyName(id)], 'expire');
          assert.equal(await added(store, id, 3n), 3n);
          await store.invalidate([namespaceOf(current)], 'delete');
          assert.equal(await added(store, id, 4n), 4n);
          assert.equal(await added(store, id, 4n), 8n);
        },
      ),

      clause('calls on one counter keep the order in which they were made', async ({ store }) => {
        const id = unique('n');
        const results = await Promise.all([
          added(store, id, 1n),
          added(store, id, 1n),
          store.delete(id),
          added(store, id, 10n),
          added(store, id, 1n),
          textOf(store, id),
        ]);
        assert.deepEqual([results[0], results[1], results[3], results[4], results[5]], [1n, 2n, 10n, 11n, '11']);
      }),

      ...NUMBERS.map(([what, encoding, body, expected]) =>
        clause(`a number that was set counts on, with its time and tags: ${what}`, async ({ store }) => {
          const [id, tag] = [unique('n'), unique('tag')];
          await store.set(entry(id, { body, encoding, tags: [tag], lifetimes: lives({ ttl: MINUTE, grace: HOUR }) }));
          assert.equal(await added(store, id, 1n, { ttl: HOUR }), expected);
          const { remaining, tags, encoded } = await found(store, id);
          about(remaining.fresh, MINUTE);
          assert.equal(remaining.stale, remaining.fresh);
          assert.deepEqual([tags, encoded.encoding], [[tag], 'counter']);
        }),
      ),

      ...NO_NUMBERS.map(([what, encoding, body]) =>
        clause(`a fresh entry that holds no whole number is refused and stays: ${what}`, async ({ store }) => {
          const [id, other] = [unique('n'), unique('n')];
          await store.set(entry(id, { body, encoding }));
          const [refused, fine] = await Promise.all([add(store, id, 1n), add(store, other, 1n)]);
          assert.deepEqual(refused, { status: 'refused', reason: 'not-a-number' });
          matches(fine, { status: 'counted', value: 1n });
          assert.ok(bytesOf((await found(store, id)).encoded).equals(Buffer.from(body)));
        }),
      ),

      clause('what is no longer fresh is no number either: a counter begins in its place', async (current) => {
        const { store } = current;
        const id = unique('n');
        await store.set(
          entry(id, { body: '"text"', encoding: 'json', lifetimes: lives({ ttl: MINUTE, grace: HOUR }) }),
        );
        await current.advance(MINUTE);
        assert.equal(await added(store, id, 1n), 1n);
        assert.equal((await found(store, id)).remaining.stale, Infinity);
      }),

      clause('a result beyond the bounds is refused, those beside it in the batch are not', async ({ store }) => {
        const id = unique('n');
        assert.equal(await added(store, id, COUNTER_BOUNDS.most), COUNTER_BOUNDS.most);
        assert.deepEqual(await add(store, id, 1n), { status: 'refused', reason: 'overflow' });
        assert.equal(await added(store, id, 0n), COUNTER_BOUNDS.most);
        const results = await Promise.all([
          add(store, id, -5n),
          add(store, id, 6n),
          add(store, id, 4n),
          add(store, id, 2n),
          add(store, id, 1n, { most: 100n }),
          add(store, id, 1n),
        ]);
        const outcomes = results.map((result) => (result.status === 'counted' ? result.value : result.reason));
        const { most } = COUNTER_BOUNDS;
        assert.deepEqual(outcomes, [most - 5n, 'overflow', most - 1n, 'overflow', 'overflow', most]);
        matches(await add(store, unique('n'), COUNTER_BOUNDS.least), { value: COUNTER_BOUNDS.least });
      }),

      clause('a load that began before an addition is not stored over it', async ({ store }) => {
        const id = unique('n');
        const { token } = await store.read(id);
        await added(store, id, 1n);
        assert.deepEqual(await store.fill(entry(id, { loadMs: 1 }), token), { status: 'refused', reason: 'newer' });
        const later = (await store.read(id)).token;
        await added(store, id, 1n);
        assert.deepEqual(await store.fill(entry(id, { loadMs: 1 }), later), { status: 'refused', reason: 'newer' });
        assert.equal(await added(store, id, 1n), 3n);
        stored(await store.fill(entry(id, { loadMs: 1 }), (await store.read(id)).token));
      }),
    ],
    'counters',
  ),
];
