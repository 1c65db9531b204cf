/** Contract: listing entries in the order of their ids. */
import { describe, expect, it } from 'vitest';
import { above, compareBytes, escapeLike } from '../../src/kernel/like.js';
import { keyName, tagName } from '../../src/kernel/names.js';
import type { ListRequest, Store } from '../../src/ports/store.js';
import {
  bytesOf,
  entry,
  expectAbout,
  HOUR,
  lives,
  MINUTE,
  namespaceOf,
  ODD_TEXTS,
  SECOND,
  type Subject,
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

export function describeListing(subject: Subject): void {
  describe('listing', () => {
    it('lists what a range has, in the order of the bytes of ids, each as a read would find it', async () => {
      const { store } = subject();
      const head = unique('head');
      const ids = [...ODD_TEXTS, '\u{ffff}', '\u{10000}', '\u{e000}'].map((text) => `${head}${text}`);
      await Promise.all(ids.map((id) => store.set(entry(id, { body: `of ${id}`, tags: ['one', id] }))));
      await store.set(entry(`${head.slice(0, -1)}~`));
      const page = await store.list(under(head));
      expect(page.entries.map(({ id }) => id)).toEqual([...ids].sort(compareBytes));
      for (const { id, entry: found } of page.entries) {
        expect(bytesOf(found.encoded).toString()).toBe(`of ${id}`);
        expect([...found.tags].sort()).toEqual(['one', id].sort());
        expectAbout(found.remaining.fresh, HOUR);
      }
      expect(page.next).toBeUndefined();
      expect(page.token.incarnation).not.toBe('');
    });

    it('pages of any size make up the whole, each once', async () => {
      const { store } = subject();
      const head = unique('head');
      const ids = Array.from({ length: 23 }, (_, i) => `${head}:${String(i).padStart(2, '0')}`);
      await Promise.all(ids.map((id) => store.set(entry(id))));
      for (const limit of [1, 7, 23, 24]) {
        const listed: string[] = [];
        let after: string | undefined = '';
        while (after !== undefined) {
          const page = await store.list(under(head, { after, limit }));
          expect(page.entries.length).toBeLessThanOrEqual(limit);
          listed.push(...page.entries.map(({ id }) => id));
          after = page.next;
        }
        expect(listed).toEqual(ids);
      }
    });

    it('INVARIANT 22: % and _ are wild, escaped ones are themselves, and so is every other character', async () => {
      const { store } = subject();
      const head = unique('head');
      const ids = ['user_1', 'userX1', 'user%1', 'user\\1', 'user.1', 'usér🐘', 'users'].map((id) => `${head}${id}`);
      await Promise.all(ids.map((id) => store.set(entry(id))));
      const matches = async (pattern: string): Promise<readonly string[]> =>
        (await idsOf(store, under(head, { like: `${head}${pattern}` }))).map((id) => id.slice(head.length)).sort();
      expect(await matches('user_1')).toEqual(['user%1', 'user.1', 'userX1', 'user\\1', 'user_1']);
      expect(await matches('user\\_1')).toEqual(['user_1']);
      expect(await matches('user\\%1')).toEqual(['user%1']);
      expect(await matches('user\\\\1')).toEqual(['user\\1']);
      expect(await matches('user.1')).toEqual(['user.1']);
      expect(await matches('%1')).toHaveLength(5);
      expect(await matches('us_r_')).toEqual(['users', 'usér🐘']);
      expect(await matches('USERS')).toEqual([]);
    });

    it('a page in which nothing matches says where to go on', async () => {
      const { store } = subject();
      const head = unique('head');
      for (const name of ['a', 'b', 'c']) await store.set(entry(`${head}${name}`));
      const page = await store.list(under(head, { like: '%c', limit: 2 }));
      expect(page).toMatchObject({ entries: [], next: `${head}b` });
      expect(await idsOf(store, under(head, { like: '%c', limit: 2, after: `${head}b` }))).toEqual([`${head}c`]);
    });

    it('a page has no more bytes than asked for, and at least one entry', async () => {
      const { store } = subject();
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
      expect(pages).toEqual([
        ['a', 'b'],
        ['c', 'd'],
      ]);
      expect((await store.list(under(head, { maxBytes: 1 }))).entries).toHaveLength(1);
    });

    it('without bodies an entry has everything else', async () => {
      const { store } = subject();
      const id = unique('id');
      await store.set(entry(id, { body: 'long', tags: ['tag'] }));
      const page = await store.list(under(id, { bodies: 'left out', maxBytes: 0 }));
      expect(page.entries).toMatchObject([{ id, entry: { encoded: { encoding: 'test' }, tags: ['tag'] } }]);
      expect(page.entries[0]?.entry.encoded.body).toHaveLength(0);
    });

    it('INVARIANT 8: lists nothing that a read would not find', async () => {
      const current = subject();
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
      expect(entries.map(({ id }) => id.slice(head.length))).toEqual(['1 stale', '2 fresh', '3 expired']);
      const fresh = entries.map(({ entry: { remaining } }) => (remaining.fresh > 0 ? 'fresh' : 'not fresh'));
      expect(fresh).toEqual(['not fresh', 'fresh', 'not fresh']);
      await store.invalidate([namespaceOf(current)], 'delete');
      expect(await idsOf(store, under(head))).toEqual([]);
    });
  });
}
