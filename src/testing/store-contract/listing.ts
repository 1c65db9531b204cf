/** Contract: listing entries in the order of their ids. */
import assert from 'node:assert/strict';
import { above, compareBytes, escapeLike } from '../../kernel/like.js';
import { keyName, tagName } from '../../kernel/names.js';
import type { ListRequest, Store } from '../../ports/store.js';
import { type ContractPart, clause, compare, matches, part } from './contract.js';
import {
  about,
  bytesOf,
  entry,
  HOUR,
  lives,
  MINUTE,
  namespaceOf,
  ODD_TEXTS,
  SECOND,
  unique,
} from './store-under-test.js';

/** A request for everything that begins with `head`. */
function under(head: string, parts: Partial<ListRequest> = {}): ListRequest {
  const like = `${escapeLike(head)}%`;
  return { from: head, below: above(head), like, after: '', limit: 1000, maxBytes: 1e9, bodies: 'included', ...parts };
}

async function idsOf(store: Store, request: ListRequest): Promise<readonly string[]> {
  return (await store.list(request)).entries.map(({ id }) => id);
}

export const LISTING: readonly ContractPart[] = [
  part('listing', [
    clause(
      'lists what a range has, in the order of the bytes of ids, each as a read would find it',
      async ({ store }) => {
        const head = unique('head');
        const ids = [...ODD_TEXTS, '\u{ffff}', '\u{10000}', '\u{e000}'].map((text) => `${head}${text}`);
        await Promise.all(ids.map((id) => store.set(entry(id, { body: `of ${id}`, tags: ['one', id] }))));
        await store.set(entry(`${head.slice(0, -1)}~`));
        const page = await store.list(under(head));
        assert.deepEqual(
          page.entries.map(({ id }) => id),
          [...ids].sort(compareBytes),
        );
        for (const { id, entry: found } of page.entries) {
          assert.equal(bytesOf(found.encoded).toString(), `of ${id}`);
          assert.deepEqual([...found.tags].sort(), ['one', id].sort());
          about(found.remaining.fresh, HOUR);
        }
        assert.equal(page.next, undefined);
        assert.notEqual(page.token.incarnation, '');
      },
    ),

    clause('pages of any size make up the whole, each once', async ({ store }) => {
      const head = unique('head');
      const ids = Array.from({ length: 23 }, (_, i) => `${head}:${String(i).padStart(2, '0')}`);
      await Promise.all(ids.map((id) => store.set(entry(id))));
      for (const limit of [1, 7, 23, 24]) {
        const listed: string[] = [];
        let after: string | undefined = '';
        while (after !== undefined) {
          const page = await store.list(under(head, { after, limit }));
          compare(page.entries.length, '<=', limit);
          listed.push(...page.entries.map(({ id }) => id));
          after = page.next;
        }
        assert.deepEqual(listed, ids);
      }
    }),

    clause(
      'INVARIANT 22: % and _ are wild, escaped ones are themselves, and so is every other character',
      async ({ store }) => {
        const head = unique('head');
        const ids = ['user_1', 'userX1', 'user%1', 'user\\1', 'user.1', 'usér🐘', 'users'].map((id) => `${head}${id}`);
        await Promise.all(ids.map((id) => store.set(entry(id))));
        const matches = async (pattern: string): Promise<readonly string[]> =>
          (await idsOf(store, under(head, { like: `${head}${pattern}` }))).map((id) => id.slice(head.length)).sort();
        assert.deepEqual(await matches('user_1'), ['user%1', 'user.1', 'userX1', 'user\\1', 'user_1']);
        assert.deepEqual(await matches('user\\_1'), ['user_1']);
        assert.deepEqual(await matches('user\\%1'), ['user%1']);
        assert.deepEqual(await matches('user\\\\1'), ['user\\1']);
        assert.deepEqual(await matches('user.1'), ['user.1']);
        assert.equal((await matches('%1')).length, 5);
        assert.deepEqual(await matches('us_r_'), ['users', 'usér🐘']);
        assert.deepEqual(await matches('USERS'), []);
      },
    ),

    clause('a page in which nothing matches says where to go on', async ({ store }) => {
      const head = unique('head');
      for (const name of ['a', 'b', 'c']) await store.set(entry(`${head}${name}`));
      const page = await store.list(under(head, { like: '%c', limit: 2 }));
      matches(page, { entries: [], next: `${head}b` });
      assert.deepEqual(await idsOf(store, under(head, { like: '%c', limit: 2, after: `${head}b` })), [`${head}c`]);
    }),

    clause('a page has no more bytes than asked for, and at least one entry', async ({ store }) => {
      const head = unique('head');
      for (const name of ['a', 'b', 'c']) await store.set(entry(`${head}${name}`, { body: 'x'.repeat(1000) }));
      await store.set(entry(`${head}d`, { body: 'y' }));
      const pages: (readonly string[])[] = [];
      let after: string | undefined = '';
      while (after !== undefined) {
        const { entries, next }: Awaited<ReturnType<Store['list']>> = await store.list(
          under(head, { after, maxBytes: 2000 }),
        );
        pages.push(entries.map(({ id }) => id.slice(head.length)));
        after = next;
      }
      assert.deepEqual(pages, [
        ['a', 'b'],
        ['c', 'd'],
      ]);
      assert.equal((await store.list(under(head, { maxBytes: 1 }))).entries.length, 1);
    }),

    clause('without bodies an entry has everything else', async ({ store }) => {
      const id = unique('id');
      await store.set(entry(id, { body: 'long', tags: ['tag'] }));
      const page = await store.list(under(id, { bodies: 'left out', maxBytes: 0 }));
      matches(page.entries, [{ id, entry: { encoded: { encoding: 'test' }, tags: ['tag'] } }]);
      assert.equal(page.entries[0]?.entry.encoded.body.length, 0);
    }),

    clause('INVARIANT 8: lists nothing that a read would not find', async (current) => {
      const { store } = current;
      const head = unique('head');
      const at = (name: string): string => `${head}${name}`;
      const graceful = lives({ ttl: SECOND, grace: HOUR });
      await store.set(entry(at('0 dead'), { lifetimes: lives({ ttl: SECOND }) }));
      await store.set(entry(at('1 stale'), { lifetimes: graceful }));
      await current.advance(MINUTE);
      await store.set(entry(at('2 fresh')));
      await store.set(entry(at('3 expired'), { lifetimes: lives({ grace: HOUR }) }));
      await store.set(entry(at('4 tagged'), { tags: [head] }));
      await store.set(entry(at('5 deleted')));
      await store.invalidate([keyName(at('3 expired'))], 'expire');
      await store.invalidate([tagName(head), keyName(at('5 deleted'))], 'delete');
      const { entries } = await store.list(under(head));
      assert.deepEqual(
        entries.map(({ id }) => id.slice(head.length)),
        ['1 stale', '2 fresh', '3 expired'],
      );
      const fresh = entries.map(({ entry: { remaining } }) => (remaining.fresh > 0 ? 'fresh' : 'not fresh'));
      assert.deepEqual(fresh, ['not fresh', 'fresh', 'not fresh']);
      await store.invalidate([namespaceOf(current)], 'delete');
      assert.deepEqual(await idsOf(store, under(head)), []);
    }),
  ]),
];
