/** Contract: when the result of a load is accepted, and when it is refused. */
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { keyName, tagName } from '../../src/kernel/names.js';
import type { FillResult } from '../../src/ports/store.js';
import {
  entry,
  HOUR,
  lives,
  MINUTE,
  namespaceOf,
  SECOND,
  type StoreUnderTest,
  type Subject,
  stateOf,
  stored,
  textOf,
  unique,
} from './store-under-test.js';

type Reason = Extract<FillResult, { status: 'refused' }>['reason'];
const refused = (reason: Reason): FillResult => ({ status: 'refused', reason });

/** What can be invalidated of an entry with this id and tag. */
const NAMES: readonly (readonly [string, (subject: StoreUnderTest, id: string, tag: string) => string])[] = [
  ['key', (_, id) => keyName(id)],
  ['tag', (_, __, tag) => tagName(tag)],
  ['scope', (subject) => namespaceOf(subject)],
];

/** Every kind of name with both kinds of invalidation. */
const INVALIDATIONS = NAMES.flatMap(([what, name]) => [
  { what, name, kind: 'delete' as const },
  { what, name, kind: 'expire' as const },
]);

export function describeFills(subject: Subject): void {
  describe('fills', () => {
    it('a fill under the token of its miss is stored and read back', async () => {
      const { store } = subject();
      const id = unique('id');
      const { token } = await store.read(id);
      const receipt = stored(await store.fill(entry(id, { body: 'loaded' }), token));
      expect(receipt.token.incarnation).toBe(token.incarnation);
      expect(await textOf(store, id)).toBe('loaded');
    });

    it('a fill under the token of a hit replaces the entry: an early refresh', async () => {
      const { store } = subject();
      const id = unique('id');
      await store.set(entry(id, { body: 'old' }));
      const { token } = await store.read(id);
      stored(await store.fill(entry(id, { body: 'refreshed' }), token));
      expect(await textOf(store, id)).toBe('refreshed');
    });

    it.each(INVALIDATIONS)(
      'INVARIANT 1: a load that began before the $kind of its $what is refused',
      async ({ name, kind }) => {
        const { store } = subject();
        const [id, tag] = [unique('id'), unique('tag')];
        const { token } = await store.read(id);
        await store.invalidate([name(subject(), id, tag)], kind);
        expect(await store.fill(entry(id, { tags: [tag] }), token)).toEqual(refused('invalidated'));
        expect((await store.read(id)).entry).toBeUndefined();
      },
    );

    it.each(INVALIDATIONS)(
      'INVARIANT 1: a load that begins after the $kind of its $what is accepted',
      async ({ name, kind }) => {
        const { store } = subject();
        const [id, tag] = [unique('id'), unique('tag')];
        await store.set(entry(id, { tags: [tag], lifetimes: lives({ grace: HOUR }) }));
        await store.invalidate([name(subject(), id, tag)], kind);
        const { token } = await store.read(id);
        stored(await store.fill(entry(id, { body: 'after', tags: [tag] }), token));
        expect(await textOf(store, id)).toBe('after');
      },
    );

    it.each(INVALIDATIONS)(
      'INVARIANT 1: the $kind of its $what by another process refuses a load too',
      async ({ name, kind }) => {
        const { store, second } = subject();
        const [id, tag] = [unique('id'), unique('tag')];
        const other = second ?? store;
        const { token } = await store.read(id);
        await other.invalidate([name(subject(), id, tag)], kind);
        expect(await store.fill(entry(id, { tags: [tag] }), token)).toEqual(refused('invalidated'));
        expect(
          await store.fill(entry(unique('id'), { tags: [unique('tag')] }), (await store.read(id)).token),
        ).toMatchObject({ status: 'stored' });
      },
    );

    it('INVARIANT 1: tags that only the load knows count: learned after the token was taken', async () => {
      const { store } = subject();
      const [id, learned] = [unique('id'), unique('learned')];
      const { token } = await store.read(id);
      await store.invalidate([tagName(learned)], 'delete');
      expect(await store.fill(entry(id, { tags: [unique('other'), learned] }), token)).toEqual(refused('invalidated'));
    });

    it('the invalidation of other names refuses nothing', async () => {
      const { store } = subject();
      const [id, tag] = [unique('id'), unique('tag')];
      const { token } = await store.read(id);
      // Each of these is the text of one kind of name under another kind.
      await store.invalidate(
        [keyName(unique('id')), tagName(unique('tag')), tagName(id), keyName(tag), id, tag],
        'delete',
      );
      stored(await store.fill(entry(id, { tags: [tag] }), token));
    });

    it('INVARIANT 1: a load older than many invalidations of one name is refused, one between them too', async () => {
      const { store } = subject();
      const [id, tag] = [unique('id'), unique('tag')];
      const first = await store.read(id);
      await store.invalidate([tagName(tag)], 'expire');
      const second = await store.read(id);
      await store.invalidate([tagName(tag)], 'expire');
      await store.invalidate([tagName(tag)], 'delete');
      const third = await store.read(id);
      await store.invalidate([tagName(tag)], 'expire');
      const last = await store.read(id);
      for (const { token } of [first, second, third]) {
        expect(await store.fill(entry(id, { tags: [tag] }), token)).toEqual(refused('invalidated'));
      }
      stored(await store.fill(entry(id, { tags: [tag] }), last.token));
    });

    it('INVARIANT 7: a newer set is not overwritten by an older load', async () => {
      const { store, second } = subject();
      const id = unique('id');
      const { token } = await store.read(id);
      await (second ?? store).set(entry(id, { body: 'set' }));
      expect(await store.fill(entry(id, { body: 'loaded before' }), token)).toEqual(refused('newer'));
      expect(await textOf(store, id)).toBe('set');
    });

    it('INVARIANT 7: the result of a newer load is not overwritten by an older load', async () => {
      const { store } = subject();
      const id = unique('id');
      const older = await store.read(id);
      const newer = await store.read(id);
      stored(await store.fill(entry(id, { body: 'newer' }), newer.token));
      expect(await store.fill(entry(id, { body: 'older' }), older.token)).toEqual(refused('newer'));
      expect(await textOf(store, id)).toBe('newer');
    });

    it('INVARIANT 7: what was set refuses older loads even when it has ended; the result of a load does not', async () => {
      const { store, advance } = subject();
      const [set, loaded] = [unique('set'), unique('loaded')];
      const before = await store.read(set);
      const lifetimes = lives({ ttl: 30 * SECOND });
      await store.set(entry(set, { lifetimes }));
      stored(await store.fill(entry(loaded, { lifetimes, loadMs: 1 }), (await store.read(loaded)).token));
      await advance(MINUTE);
      expect([await stateOf(store, set), await stateOf(store, loaded)]).toEqual(['dead', 'dead']);
      expect(await store.fill(entry(set), before.token)).toEqual(refused('newer'));
      stored(await store.fill(entry(loaded), before.token));
    });

    it('INVARIANT 7: an entry whose tag was invalidated since still refuses older loads', async () => {
      const { store } = subject();
      const [id, tag] = [unique('id'), unique('tag')];
      const { token } = await store.read(id);
      await store.set(entry(id, { tags: [tag] }));
      await store.invalidate([tagName(tag)], 'delete');
      expect((await store.read(id)).entry).toBeUndefined();
      // The load does not carry the tag: what stands against it is the set.
      expect(await store.fill(entry(id), token)).toEqual(refused('newer'));
    });

    it('INVARIANT 8: a load in flight when its entry is deleted is refused', async () => {
      const { store } = subject();
      const id = unique('id');
      await store.set(entry(id, { lifetimes: lives({ grace: HOUR }) }));
      const { token } = await store.read(id);
      await store.delete(id);
      expect(await store.fill(entry(id), token)).toEqual(refused('invalidated'));
      expect((await store.read(id)).entry).toBeUndefined();
    });

    it('INVARIANT 8: a load in flight is refused even if the deleted entry never existed', async () => {
      const { store } = subject();
      const id = unique('id');
      const { token } = await store.read(id);
      await store.delete(id);
      expect(await store.fill(entry(id), token)).toEqual(refused('invalidated'));
    });

    it('INVARIANT 8: a load that began under another incarnation is refused', async () => {
      const { store } = subject();
      const id = unique('id');
      const { token } = await store.read(id);
      expect(await store.fill(entry(id), { ...token, incarnation: randomUUID() })).toEqual(refused('incarnation'));
      expect((await store.read(id)).entry).toBeUndefined();
    });

    it('a load older than loadDeadline is refused, a younger one is not', async () => {
      const { store, advance, aged, options } = subject();
      const id = unique('id');
      const { token } = await store.read(id);
      const half = options.loadDeadline / 2;
      const pass = async (held: typeof token, ms: number): Promise<typeof token> => {
        await advance(ms);
        return aged?.(held, ms) ?? held;
      };
      const young = await pass(token, half);
      stored(await store.fill(entry(unique('id')), young));
      const old = await pass(young, half + 10 * SECOND);
      expect(await store.fill(entry(id), old)).toEqual(refused('deadline'));
      expect((await store.read(id)).entry).toBeUndefined();
    });

    it('a refused fill leaves the entry that is there as it was', async () => {
      const { store } = subject();
      const id = unique('id');
      const { token } = await store.read(id);
      await store.set(
        entry(id, { body: 'set', tags: ['kept'], encoding: 'kept', lifetimes: lives({ grace: MINUTE }) }),
      );
      await store.fill(entry(id, { body: 'loaded', tags: [], lifetimes: lives({ ttl: 5 * HOUR }) }), token);
      const read = await store.read(id);
      expect(read.entry).toMatchObject({ tags: ['kept'], encoded: { encoding: 'kept' } });
      expect(read.entry?.remaining.fresh).toBeLessThanOrEqual(HOUR);
    });

    it('receipts: later transactions have larger ids', async () => {
      const { store } = subject();
      const id = unique('id');
      const set = await store.set(entry(id));
      const fill = stored(await store.fill(entry(id), (await store.read(id)).token));
      const invalidated = await store.invalidate([keyName(id)], 'expire');
      const deleted = await store.delete(id);
      const xids = [set.xid, fill.xid, invalidated.xid, deleted.xid];
      expect(xids).toEqual([...xids].sort((a, b) => a - b));
      expect(new Set(xids).size).toBe(4);
    });
  });
}
