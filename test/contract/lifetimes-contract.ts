/** Contract: how long entries live, and what state they are in. */
import { describe, expect, it } from 'vitest';
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
  unique,
} from './store-under-test.js';

export function describeLifetimes(subject: Subject): void {
  describe('lifetimes', () => {
    it('ttl: fresh for as long, then dead', async () => {
      const { store, advance } = subject();
      const id = unique('id');
      const receipt = await store.set(entry(id, { lifetimes: lives({ ttl: HOUR }) }));
      expectAbout(receipt.remaining.fresh, HOUR);
      expectAbout((await found(store, id)).remaining.fresh, HOUR);
      await advance(40 * MINUTE);
      expectAbout((await found(store, id)).remaining.fresh, 20 * MINUTE);
      await advance(21 * MINUTE);
      expect((await store.read(id)).entry).toBeUndefined();
    });

    it('without grace an entry is never stale: stale ends with fresh', async () => {
      const { store } = subject();
      const id = unique('id');
      await store.set(entry(id));
      const { remaining } = await found(store, id);
      expect(remaining.stale).toBe(remaining.fresh);
      expect(remaining.early).toBe(Number.POSITIVE_INFINITY);
    });

    it('ttl Infinity: never ends', async () => {
      const { store, advance } = subject();
      const id = unique('id');
      const receipt = await store.set(entry(id, { lifetimes: lives({ ttl: Number.POSITIVE_INFINITY, grace: HOUR }) }));
      expect(receipt.remaining.fresh).toBe(Number.POSITIVE_INFINITY);
      await advance(200 * HOUR);
      const { remaining } = await found(store, id);
      expect(remaining).toEqual({ fresh: Infinity, early: Infinity, stale: Infinity });
    });

    it('INVARIANT 26: a ttl of years overflows nothing', async () => {
      const { store } = subject();
      const id = unique('id');
      const years = 50 * 365 * 24 * HOUR;
      await store.set(entry(id, { lifetimes: lives({ ttl: years }) }));
      expectAbout((await found(store, id)).remaining.fresh, years);
    });

    it('grace: stale for as long after freshness, then dead', async () => {
      const { store, advance } = subject();
      const id = unique('id');
      await store.set(entry(id, { lifetimes: lives({ ttl: 10 * MINUTE, grace: HOUR }) }));
      expectAbout((await found(store, id)).remaining.stale, 70 * MINUTE);
      expect(await stateOf(store, id)).toBe('fresh');
      await advance(11 * MINUTE);
      expect(await stateOf(store, id)).toBe('stale');
      await advance(HOUR);
      expect(await stateOf(store, id)).toBe('dead');
    });

    it('early: from that age on, as long as it is fresh', async () => {
      const { store, advance } = subject();
      const id = unique('id');
      const receipt = await store.set(entry(id, { lifetimes: lives({ ttl: HOUR, early: 40 * MINUTE, grace: HOUR }) }));
      expectAbout(receipt.remaining.early, 40 * MINUTE);
      await advance(30 * MINUTE);
      expectAbout((await found(store, id)).remaining.early, 10 * MINUTE);
      expect(await stateOf(store, id)).toBe('fresh');
      await advance(11 * MINUTE);
      expect(await stateOf(store, id)).toBe('early');
      await advance(20 * MINUTE);
      expect(await stateOf(store, id)).toBe('stale');
    });

    it('expiresAt: fresh until that instant', async () => {
      const { store, advance, now } = subject();
      const id = unique('id');
      const expiresAt = (now?.() ?? Date.now()) + HOUR;
      const receipt = await store.set(entry(id, { lifetimes: lives({ ttl: undefined, expiresAt }) }));
      // The clocks of a process and of its store may differ by some seconds.
      expect(Math.abs(receipt.remaining.fresh - HOUR)).toBeLessThan(MINUTE);
      await advance(58 * MINUTE);
      expect(await stateOf(store, id)).toBe('fresh');
      await advance(3 * MINUTE);
      expect(await stateOf(store, id)).toBe('dead');
    });

    it('expiresAt in the past: dead from the start, or stale within its grace', async () => {
      const { store, now } = subject();
      const expiresAt = (now?.() ?? Date.now()) - HOUR;
      const [dead, stale] = [unique('dead'), unique('stale')];
      await store.set(entry(dead, { lifetimes: lives({ ttl: undefined, expiresAt }) }));
      await store.set(entry(stale, { lifetimes: lives({ ttl: undefined, expiresAt, grace: 2 * HOUR }) }));
      expect([await stateOf(store, dead), await stateOf(store, stale)]).toEqual(['dead', 'stale']);
    });

    it('sliding alone: fresh for the window, without a ceiling', async () => {
      const { store } = subject();
      const id = unique('id');
      await store.set(entry(id, { lifetimes: lives({ ttl: undefined, sliding: 10 * MINUTE }) }));
      const read = await found(store, id);
      expectAbout(read.remaining.fresh, 10 * MINUTE);
      expect([read.sliding, read.ceiling]).toEqual([10 * MINUTE, Number.POSITIVE_INFINITY]);
    });

    it('sliding with ttl: fresh for the window, with the ttl as ceiling', async () => {
      const { store } = subject();
      const id = unique('id');
      const receipt = await store.set(entry(id, { lifetimes: lives({ ttl: HOUR, sliding: 10 * MINUTE }) }));
      expectAbout(receipt.ceiling, HOUR);
      expectAbout(receipt.remaining.fresh, 10 * MINUTE);
      const read = await found(store, id);
      expectAbout(read.ceiling, HOUR);
      expectAbout(read.remaining.fresh, 10 * MINUTE);
    });

    it('sliding longer than ttl: the ceiling wins', async () => {
      const { store } = subject();
      const id = unique('id');
      await store.set(entry(id, { lifetimes: lives({ ttl: 10 * MINUTE, sliding: HOUR }) }));
      expectAbout((await found(store, id)).remaining.fresh, 10 * MINUTE);
    });

    it('sliding below one second and odd milliseconds are kept exactly', async () => {
      const { store } = subject();
      const id = unique('id');
      await store.set(entry(id, { lifetimes: lives({ ttl: HOUR, sliding: 1_800_123, grace: 456 }) }));
      const { sliding, remaining } = await found(store, id);
      expect(sliding).toBe(1_800_123);
      expect(remaining.stale - remaining.fresh).toBeCloseTo(456, 0);
    });

    it('an entry that does not slide says so', async () => {
      const { store } = subject();
      const id = unique('id');
      await store.set(entry(id));
      expect((await found(store, id)).sliding).toBeUndefined();
    });

    it('age counts from the write', async () => {
      const { store, advance } = subject();
      const id = unique('id');
      await store.set(entry(id));
      const before = (await found(store, id)).age;
      expect(before).toBeGreaterThanOrEqual(0);
      expect(before).toBeLessThan(MINUTE);
      await advance(30 * MINUTE);
      expect((await found(store, id)).age).toBeGreaterThanOrEqual(30 * MINUTE);
    });

    it('INVARIANT 26: the ttl of a fill counts from the write, not from before the load', async () => {
      const { store, advance, options } = subject();
      const id = unique('id');
      const { token } = await store.read(id);
      await advance(options.loadDeadline / 2);
      const receipt = stored(await store.fill(entry(id, { lifetimes: lives({ ttl: HOUR, grace: HOUR }) }), token));
      expectAbout(receipt.remaining.fresh, HOUR);
      expectAbout((await found(store, id)).remaining.stale, 2 * HOUR);
    });

    it('a new write starts every lifetime afresh', async () => {
      const { store, advance } = subject();
      const id = unique('id');
      await store.set(entry(id, { lifetimes: lives({ ttl: HOUR, sliding: MINUTE * 30, early: MINUTE, grace: HOUR }) }));
      await advance(2 * MINUTE);
      await store.set(entry(id, { lifetimes: lives({ ttl: 2 * HOUR }) }));
      const { remaining, sliding, ceiling } = await found(store, id);
      expectAbout(remaining.fresh, 2 * HOUR);
      expect([sliding, ceiling === Infinity || ceiling > HOUR, remaining.early]).toEqual([undefined, true, Infinity]);
      expect(remaining.stale).toBe(remaining.fresh);
    });
  });
}
