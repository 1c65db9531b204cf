/** Contract: what is written is what is read. */
import { describe, expect, it } from 'vitest';
import { MAX_ID_BYTES, MAX_TAG_BYTES } from '../../src/kernel/names.js';
import { bytesOf, entry, found, ODD_TEXTS, type Subject, stored, textOf, unique } from './store-under-test.js';

/** Every byte, from 0 to 255. */
const ALL_BYTES = Uint8Array.from({ length: 256 }, (_, byte) => byte);

export function describeValues(subject: Subject): void {
  describe('values', () => {
    it('a read of an unknown id is a miss that carries a token', async () => {
      const { token, entry: missing } = await subject().store.read(unique('nobody'));
      expect(missing).toBeUndefined();
      expect(token.incarnation).not.toBe('');
      expect(token.snapshot).toMatch(/^\d+:\d+:[\d,]*$/);
    });

    it('a hit carries a token of the same incarnation as a miss', async () => {
      const { store } = subject();
      const id = unique('id');
      const miss = await store.read(id);
      await store.set(entry(id));
      const hit = await store.read(id);
      expect(hit.entry).toBeDefined();
      expect(hit.token.incarnation).toBe(miss.token.incarnation);
    });

    it('many ids are read as each of them would be, what is being written included', async () => {
      const { store } = subject();
      if (store.readMany === undefined) return;
      const [set, missing, writing] = [unique('set'), unique('missing'), unique('writing')];
      await store.set(entry(set, { body: 'one', tags: ['tag'] }));
      const written = store.set(entry(writing, { body: 'two' }));
      const reads = await store.readMany([missing, writing, set]);
      await written;
      const texts = reads.map((read) => read.entry && bytesOf(read.entry.encoded).toString());
      expect(texts).toEqual([undefined, 'two', 'one']);
      expect(reads.map(({ token }) => token.incarnation)).toEqual(
        new Array(3).fill((await store.read(set)).token.incarnation),
      );
    });

    it.each([
      ['text', 'plain'],
      ['empty text', ''],
      ['unicode text', 'ünïcødé 漢字 🐘 \u200b'],
      ['text with quotes and escapes', '{"a":"\\"\\\\n\\u0000"}'],
      ['no bytes', new Uint8Array(0)],
      ['every byte', ALL_BYTES],
      ['a Buffer', Buffer.from([0, 0xff, 0x5c, 0x78])],
      ['1 MiB of bytes', new Uint8Array(1024 * 1024).map((_, index) => index * 31)],
      ['1 MiB of text', 'é'.repeat(512 * 1024)],
    ])('a body comes back byte for byte: %s', async (_, body) => {
      const { store } = subject();
      const [set, filled] = [unique('set'), unique('filled')];
      await store.set(entry(set, { body }));
      stored(await store.fill(entry(filled, { body }), (await store.read(filled)).token));
      for (const id of [set, filled]) {
        const { encoded } = await found(store, id);
        expect(bytesOf(encoded).equals(Buffer.from(body))).toBe(true);
      }
    });

    it.each([['json'], ['superjson+gzip'], ['odd "\'\\{},'], ['NULL'], [null]])(
      'the encoding comes back: %s',
      async (encoding) => {
        const { store } = subject();
        const id = unique('id');
        await store.set(entry(id, { encoding }));
        expect((await found(store, id)).encoded.encoding).toBe(encoding);
      },
    );

    it('INVARIANT 24: changing a buffer that was written or read changes nothing stored', async () => {
      const { store } = subject();
      const id = unique('id');
      const given = Uint8Array.from([1, 2, 3]);
      await store.set(entry(id, { body: given }));
      given.fill(9);
      const { body } = (await found(store, id)).encoded;
      if (typeof body !== 'string') body.fill(8);
      expect([...bytesOf((await found(store, id)).encoded)]).toEqual([1, 2, 3]);
    });

    it('a write replaces value, encoding and tags of the one before', async () => {
      const { store } = subject();
      const id = unique('id');
      await store.set(entry(id, { body: 'one', encoding: 'a', tags: [unique('tag')] }));
      await store.set(entry(id, { body: 'two', encoding: 'b', tags: [] }));
      const now = await found(store, id);
      expect([bytesOf(now.encoded).toString(), now.encoded.encoding, now.tags]).toEqual(['two', 'b', []]);
    });

    it('tags come back as they were, whatever characters they have', async () => {
      const { store } = subject();
      const id = unique('id');
      await store.set(entry(id, { tags: ODD_TEXTS }));
      expect([...(await found(store, id)).tags].sort()).toEqual([...ODD_TEXTS].sort());
    });

    it('INVARIANT 22: ids with odd characters are all different entries', async () => {
      const { store } = subject();
      const base = unique('id');
      const ids = ODD_TEXTS.map((text) => `${text}${base}`);
      await Promise.all(ids.map((id) => store.set(entry(id, { body: `of ${id}` }))));
      const texts = await Promise.all(ids.map((id) => textOf(store, id)));
      expect(texts).toEqual(ids.map((id) => `of ${id}`));
    });

    it('ids differ by case, by trailing blanks and by normalisation', async () => {
      const { store } = subject();
      const base = unique('id');
      const ids = [`${base}a`, `${base}A`, `${base}a `, `${base}e\u0301`, `${base}\u00e9`];
      for (const id of ids) await store.set(entry(id, { body: id }));
      for (const id of ids) expect(await textOf(store, id)).toBe(id);
    });

    it.each([
      ['ASCII', 'x'],
      ['two bytes', 'é'],
      ['four bytes', '🐘'],
    ])('ids and tags as long as they may be: %s', async (_, character) => {
      const { store } = subject();
      const filled = (bytes: number): string => {
        const head = unique('');
        const room = bytes - Buffer.byteLength(head);
        const width = Buffer.byteLength(character);
        return head + character.repeat(Math.floor(room / width)) + 'x'.repeat(room % width);
      };
      const id = filled(MAX_ID_BYTES);
      const tag = filled(MAX_TAG_BYTES);
      await store.set(entry(id, { tags: [tag] }));
      expect((await found(store, id)).tags).toEqual([tag]);
      expect(await textOf(store, `${id.slice(0, -1)}y`)).toBeUndefined();
      expect(await store.delete(id)).toMatchObject({ existed: true });
      expect(await textOf(store, id)).toBeUndefined();
    });
  });
}
