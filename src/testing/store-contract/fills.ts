/** Contract: when the result of a load is accepted, and when it is refused. */

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { keyName, tagName } from '../../kernel/names.js';
import type { FillResult } from '../../ports/store.js';
import { type ContractPart, clause, compare, matches, part } from './contract.js';
import {
  entry,
  HOUR,
  lives,
  MINUTE,
  namespaceOf,
  SECOND,
  type StoreUnderTest,
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

export const FILLS: readonly ContractPart[] = [
  part('fills', [
    clause('a fill under the token of its miss is stored and read back', async ({ store }) => {
      const id = unique('id');
      const { token } = await store.read(id);
      const receipt = stored(await store.fill(entry(id, { body: 'loaded' }), token));
      assert.equal(receipt.token.incarnation, token.incarnation);
      assert.equal(await textOf(store, id), 'loaded');
    }),

    clause('a fill under the token of a hit replaces the entry: an early refresh', async ({ store }) => {
      const id = unique('id');
      await store.set(entry(id, { body: 'old' }));
      const { token } = await store.read(id);
      stored(await store.fill(entry(id, { body: 'refreshed' }), token));
      assert.equal(await textOf(store, id), 'refreshed');
    }),

    ...INVALIDATIONS.map(({ what, name, kind }) =>
      clause(`INVARIANT 1: a load that began before the ${kind} of its ${what} is refused`, async (subject) => {
        const { store } = subject;
        const [id, tag] = [unique('id'), unique('tag')];
        const { token } = await store.read(id);
        await store.invalidate([name(subject, id, tag)], kind);
        assert.deepEqual(await store.fill(entry(id, { tags: [tag] }), token), refused('invalidated'));
        assert.equal((await store.read(id)).entry, undefined);
      }),
    ),

    ...INVALIDATIONS.map(({ what, name, kind }) =>
      clause(`INVARIANT 1: a load that begins after the ${kind} of its ${what} is accepted`, async (subject) => {
        const { store } = subject;
        const [id, tag] = [unique('id'), unique('tag')];
        await store.set(entry(id, { tags: [tag], lifetimes: lives({ grace: HOUR }) }));
        await store.invalidate([name(subject, id, tag)], kind);
        const { token } = await store.read(id);
        stored(await store.fill(entry(id, { body: 'after', tags: [tag] }), token));
        assert.equal(await textOf(store, id), 'after');
      }),
    ),

    ...INVALIDATIONS.map(({ what, name, kind }) =>
      clause(`INVARIANT 1: the ${kind} of its ${what} by another process refuses a load too`, async (subject) => {
        const { store, second } = subject;
        const [id, tag] = [unique('id'), unique('tag')];
        const other = second ?? store;
        const { token } = await store.read(id);
        await other.invalidate([name(subject, id, tag)], kind);
        assert.deepEqual(await store.fill(entry(id, { tags: [tag] }), token), refused('invalidated'));
        matches(await store.fill(entry(unique('id'), { tags: [unique('tag')] }), (await store.read(id)).token), {
          status: 'stored',
        });
      }),
    ),

    clause('INVARIANT 1: tags that only the load knows count: learned after the token was taken', async ({ store }) => {
      const [id, learned] = [unique('id'), unique('learned')];
      const { token } = await store.read(id);
      await store.invalidate([tagName(learned)], 'delete');
      assert.deepEqual(
        await store.fill(entry(id, { tags: [unique('other'), learned] }), token),
        refused('invalidated'),
      );
    }),

    clause('the invalidation of other names refuses nothing', async ({ store }) => {
      const [id, tag] = [unique('id'), unique('tag')];
      const { token } = await store.read(id);
      // Each of these is the text of one kind of name under another kind.
      await store.invalidate(
        [keyName(unique('id')), tagName(unique('tag')), tagName(id), keyName(tag), id, tag],
        'delete',
      );
      stored(await store.fill(entry(id, { tags: [tag] }), token));
    }),

    clause(
      'INVARIANT 1: a load older than many invalidations of one name is refused, one between them too',
      async ({ store }) => {
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
          assert.deepEqual(await store.fill(entry(id, { tags: [tag] }), token), refused('invalidated'));
        }
        stored(await store.fill(entry(id, { tags: [tag] }), last.token));
      },
    ),

    clause('INVARIANT 7: a newer set is not overwritten by an older load', async ({ store, second }) => {
      const id = unique('id');
      const { token } = await store.read(id);
      await (second ?? store).set(entry(id, { body: 'set' }));
      assert.deepEqual(await store.fill(entry(id, { body: 'loaded before' }), token), refused('newer'));
      assert.equal(await textOf(store, id), 'set');
    }),

    clause('INVARIANT 7: the result of a newer load is not overwritten by an older load', async ({ store }) => {
      const id = unique('id');
      const older = await store.read(id);
      const newer = await store.read(id);
      stored(await store.fill(entry(id, { body: 'newer' }), newer.token));
      assert.deepEqual(await store.fill(entry(id, { body: 'older' }), older.token), refused('newer'));
      assert.equal(await textOf(store, id), 'newer');
    }),

    clause(
      'INVARIANT 7: what was set refuses older loads even when it has ended; the result of a load does not',
      async ({ store, advance }) => {
        const [set, loaded] = [unique('set'), unique('loaded')];
        const before = await store.read(set);
        const lifetimes = lives({ ttl: 30 * SECOND });
        await store.set(entry(set, { lifetimes }));
        stored(await store.fill(entry(loaded, { lifetimes, loadMs: 1 }), (await store.read(loaded)).token));
        await advance(MINUTE);
        assert.deepEqual([await stateOf(store, set), await stateOf(store, loaded)], ['dead', 'dead']);
        assert.deepEqual(await store.fill(entry(set), before.token), refused('newer'));
        stored(await store.fill(entry(loaded), before.token));
      },
    ),

    clause('INVARIANT 7: an entry whose tag was invalidated since still refuses older loads', async ({ store }) => {
      const [id, tag] = [unique('id'), unique('tag')];
      const { token } = await store.read(id);
      await store.set(entry(id, { tags: [tag] }));
      await store.invalidate([tagName(tag)], 'delete');
      assert.equal((await store.read(id)).entry, undefined);
      // The load does not carry the tag: what stands against it is the set.
      assert.deepEqual(await store.fill(entry(id), token), refused('newer'));
    }),

    clause('INVARIANT 8: a load in flight when its entry is deleted is refused', async ({ store }) => {
      const id = unique('id');
      await store.set(entry(id, { lifetimes: lives({ grace: HOUR }) }));
      const { token } = await store.read(id);
      await store.delete(id);
      assert.deepEqual(await store.fill(entry(id), token), refused('invalidated'));
      assert.equal((await store.read(id)).entry, undefined);
    }),

    clause('INVARIANT 8: a load in flight is refused even if the deleted entry never existed', async ({ store }) => {
      const id = unique('id');
      const { token } = await store.read(id);
      await store.delete(id);
      assert.deepEqual(await store.fill(entry(id), token), refused('invalidated'));
    }),

    clause('INVARIANT 8: a load that began under another incarnation is refused', async ({ store }) => {
      const id = unique('id');
      const { token } = await store.read(id);
      assert.deepEqual(await store.fill(entry(id), { ...token, incarnation: randomUUID() }), refused('incarnation'));
      assert.equal((await store.read(id)).entry, undefined);
    }),

    clause(
      'a load older than loadDeadline is refused, a younger one is not',
      async ({ store, advance, aged, options }) => {
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
        assert.deepEqual(await store.fill(entry(id), old), refused('deadline'));
        assert.equal((await store.read(id)).entry, undefined);
      },
    ),

    clause('a refused fill leaves the entry that is there as it was', async ({ store }) => {
      const id = unique('id');
      const { token } = await store.read(id);
      await store.set(
        entry(id, { body: 'set', tags: ['kept'], encoding: 'kept', lifetimes: lives({ grace: MINUTE }) }),
      );
      await store.fill(entry(id, { body: 'loaded', tags: [], lifetimes: lives({ ttl: 5 * HOUR }) }), token);
      const read = await store.read(id);
      matches(read.entry, { tags: ['kept'], encoded: { encoding: 'kept' } });
      compare(read.entry?.remaining.fresh, '<=', HOUR);
    }),

    clause('receipts: later transactions have larger ids', async ({ store }) => {
      const id = unique('id');
      const set = await store.set(entry(id));
      const fill = stored(await store.fill(entry(id), (await store.read(id)).token));
      const invalidated = await store.invalidate([keyName(id)], 'expire');
      const deleted = await store.delete(id);
      const xids = [set.xid, fill.xid, invalidated.xid, deleted.xid];
      assert.deepEqual(
        xids,
        [...xids].sort((a, b) => a - b),
      );
      assert.equal(new Set(xids).size, 4);
    }),
  ]),
];
