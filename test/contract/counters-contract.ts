/** Contract: counters, for stores that have them. */
import { describe, expect, it } from 'vitest';
import { COUNTER_BOUNDS } from '../../src/kernel/counter.js';
import { keyName } from '../../src/kernel/names.js';
import type { Increment, IncrementResult } from '../../src/ports/counters.js';
import type { Store } from '../../src/ports/store.js';
import {
  bytesOf,
  entry,
  expectAbout,
  found,
  HOUR,
  lives,
  MINUTE,
  namespaceOf,
  type Subject,
  stored,
  textOf,
  unique,
} from './store-under-test.js';

/** Adds `by`, within what a counter holds, unless told otherwise. */
async function add(store: Store, id: string, by: bigint, parts: Partial<Increment> = {}): Promise<IncrementResult> {
  const increment = { by, ttl: undefined, ...COUNTER_BOUNDS, ...parts };
  if (store.counters === undefined) throw new Error('The store under test has counters');
  return await store.counters.increment(id, increment);
}

/** The number after an addition, which must have been counted. */
async function added(store: Store, id: string, by: bigint, parts: Partial<Increment> = {}): Promise<bigint> {
  const result = await add(store, id, by, parts);
  if (result.status === 'refused') throw new Error(`Expected an addition, it was refused: ${result.reason}`);
  return result.value;
}

export function describeCounters(subject: Subject): void {
  describe('counters', () => {
    it('a counter begins at 0, and its value is decimal digits in the encoding of counters', async () => {
      const { store } = subject();
      const id = unique('n');
      expect(await added(store, id, 1n)).toBe(1n);
      expect(await added(store, id, 5n)).toBe(6n);
      expect(await added(store, id, -10n)).toBe(-4n);
      expect(await added(store, id, 0n)).toBe(-4n);
      const { encoded } = await found(store, id);
      expect([encoded.encoding, bytesOf(encoded).toString()]).toEqual(['counter', '-4']);
    });

    it('INVARIANT 33: additions at once through two stores, from a missing key, are all counted and none twice', async () => {
      const { store, second = store } = subject();
      const id = unique('n');
      const results = await Promise.all(
        Array.from({ length: 200 }, (_, i) => added(i % 2 === 0 ? store : second, id, 1n)),
      );
      expect(new Set(results).size).toBe(200);
      expect(await textOf(store, id)).toBe('200');
    });

    it('counters of one batch are each other’s strangers', async () => {
      const { store } = subject();
      const ids = Array.from({ length: 20 }, () => unique('n'));
      const results = await Promise.all(ids.flatMap((id, i) => [added(store, id, BigInt(i)), added(store, id, 1n)]));
      expect(results).toEqual(ids.flatMap((_, i) => [BigInt(i), BigInt(i + 1)]));
    });

    it('a ttl starts with the first addition; later ones change nothing of it', async () => {
      const current = subject();
      const { store } = current;
      const id = unique('n');
      await added(store, id, 1n, { ttl: MINUTE });
      expectAbout((await found(store, id)).remaining.fresh, MINUTE);
      await added(store, id, 1n, { ttl: HOUR });
      expectAbout((await found(store, id)).remaining.fresh, MINUTE);
      await current.advance(MINUTE);
      expect(await textOf(store, id)).toBeUndefined();
      expect(await added(store, id, 1n, { ttl: HOUR })).toBe(1n);
      expectAbout((await found(store, id)).remaining.fresh, HOUR);
    });

    it('a counter without a ttl never ends', async () => {
      const { store } = subject();
      const id = unique('n');
      await added(store, id, 1n);
      expect((await found(store, id)).remaining.fresh).toBe(Infinity);
    });

    it('a delete between two additions resets, and so does everything else that makes an entry invalid', async () => {
      const current = subject();
      const { store } = current;
      const id = unique('n');
      await added(store, id, 7n);
      await store.delete(id);
      expect(await added(store, id, 1n)).toBe(1n);
      await store.invalidate([keyName(id)], 'delete');
      expect(await added(store, id, 2n)).toBe(2n);
      await store.invalidate([keyName(id)], 'expire');
      expect(await added(store, id, 3n)).toBe(3n);
      await store.invalidate([namespaceOf(current)], 'delete');
      expect(await added(store, id, 4n)).toBe(4n);
      expect(await added(store, id, 4n)).toBe(8n);
    });

    it('calls on one counter keep the order in which they were made', async () => {
      const { store } = subject();
      const id = unique('n');
      const results = await Promise.all([
        added(store, id, 1n),
        added(store, id, 1n),
        store.delete(id),
        added(store, id, 10n),
        added(store, id, 1n),
        textOf(store, id),
      ]);
      expect([results[0], results[1], results[3], results[4], results[5]]).toEqual([1n, 2n, 10n, 11n, '11']);
    });

    it.each([
      ['JSON digits', 'json', '41', 42n],
      ['bytes of another program', null, Buffer.from('-2'), -1n],
    ])('a number that was set counts on, with its time and tags: %s', async (_, encoding, body, expected) => {
      const { store } = subject();
      const [id, tag] = [unique('n'), unique('tag')];
      await store.set(entry(id, { body, encoding, tags: [tag], lifetimes: lives({ ttl: MINUTE, grace: HOUR }) }));
      expect(await added(store, id, 1n, { ttl: HOUR })).toBe(expected);
      const { remaining, tags, encoded } = await found(store, id);
      expectAbout(remaining.fresh, MINUTE);
      expect(remaining.stale).toBe(remaining.fresh);
      expect([tags, encoded.encoding]).toEqual([[tag], 'counter']);
    });

    it.each([
      ['text', 'json', '"7"'],
      ['a fraction', 'json', '7.5'],
      ['an exponent', 'json', '1e3'],
      ['nothing', null, Buffer.alloc(0)],
      ['more digits than fit', null, Buffer.from('9223372036854775808')],
      ['bytes that are no text', null, Buffer.from([0xff, 0xfe, 0])],
      ['digits of another encoding', 'msgpack', Buffer.from('5')],
      ['a long text', 'json', `"${'x'.repeat(100_000)}"`],
    ])('a fresh entry that holds no whole number is refused and stays: %s', async (_, encoding, body) => {
      const { store } = subject();
      const [id, other] = [unique('n'), unique('n')];
      await store.set(entry(id, { body, encoding }));
      const [refused, fine] = await Promise.all([add(store, id, 1n), add(store, other, 1n)]);
      expect(refused).toEqual({ status: 'refused', reason: 'not-a-number' });
      expect(fine).toMatchObject({ status: 'counted', value: 1n });
      expect(bytesOf((await found(store, id)).encoded).equals(Buffer.from(body))).toBe(true);
    });

    it('what is no longer fresh is no number either: a counter begins in its place', async () => {
      const current = subject();
      const { store } = current;
      const id = unique('n');
      await store.set(entry(id, { body: '"text"', encoding: 'json', lifetimes: lives({ ttl: MINUTE, grace: HOUR }) }));
      await current.advance(MINUTE);
      expect(await added(store, id, 1n)).toBe(1n);
      expect((await found(store, id)).remaining.stale).toBe(Infinity);
    });

    it('a result beyond the bounds is refused, those beside it in the batch are not', async () => {
      const { store } = subject();
      const id = unique('n');
      expect(await added(store, id, COUNTER_BOUNDS.most)).toBe(COUNTER_BOUNDS.most);
      expect(await add(store, id, 1n)).toEqual({ status: 'refused', reason: 'overflow' });
      expect(await added(store, id, 0n)).toBe(COUNTER_BOUNDS.most);
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
      expect(outcomes).toEqual([most - 5n, 'overflow', most - 1n, 'overflow', 'overflow', most]);
      expect(await add(store, unique('n'), COUNTER_BOUNDS.least)).toMatchObject({ value: COUNTER_BOUNDS.least });
    });

    it('a load that began before an addition is not stored over it', async () => {
      const { store } = subject();
      const id = unique('n');
      const { token } = await store.read(id);
      await added(store, id, 1n);
      expect(await store.fill(entry(id, { loadMs: 1 }), token)).toEqual({ status: 'refused', reason: 'newer' });
      const later = (await store.read(id)).token;
      await added(store, id, 1n);
      expect(await store.fill(entry(id, { loadMs: 1 }), later)).toEqual({ status: 'refused', reason: 'newer' });
      expect(await added(store, id, 1n)).toBe(3n);
      stored(await store.fill(entry(id, { loadMs: 1 }), (await store.read(id)).token));
    });
  });
}
