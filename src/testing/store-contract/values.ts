/** Contract: what is written is what is read. */
import assert from 'node:assert/strict';
import { MAX_ID_BYTES, MAX_TAG_BYTES } from '../../kernel/names.js';
import { type ContractPart, clause, matches, member, part } from './contract.js';
import { bytesOf, entry, found, ODD_TEXTS, stored, textOf, unique } from './store-under-test.js';

/** Made when they are needed: whoever imports this module for something else has no use for them. */
const BODIES: readonly (readonly [string, () => string | Uint8Array])[] = [
  ['text', () => 'plain'],
  ['empty text', () => ''],
  ['unicode text', () => 'ünïcødé 漢字 🐘 \u200b'],
  ['text with quotes and escapes', () => '{"a":"\\"\\\\n\\u0000"}'],
  ['no bytes', () => new Uint8Array(0)],
  ['every byte', () => Uint8Array.from({ length: 256 }, (_, byte) => byte)],
  ['a Buffer', () => Buffer.from([0, 0xff, 0x5c, 0x78])],
  ['1 MiB of bytes', () => new Uint8Array(1024 * 1024).map((_, index) => index * 31)],
  ['1 MiB of text', () => 'é'.repeat(512 * 1024)],
];

export const VALUES: readonly ContractPart[] = [
  part('values', [
    clause('a read of an unknown id is a miss that carries a token', async (subject) => {
      const { token, entry: missing } = await subject.store.read(unique('nobody'));
      assert.equal(missing, undefined);
      assert.notEqual(token.incarnation, '');
      assert.match(token.snapshot, /^\d+:\d+:[\d,]*$/);
    }),

    clause('a hit carries a token of the same incarnation as a miss', async ({ store }) => {
      const id = unique('id');
      const miss = await store.read(id);
      await store.set(entry(id));
      const hit = await store.read(id);
      assert.notEqual(hit.entry, undefined);
      assert.equal(hit.token.incarnation, miss.token.incarnation);
    }),

    clause(
      'many ids are read as each of them would be, what is being written included',
      async ({ store }) => {
        const readMany = member(store, 'readMany');
        const [set, missing, writing] = [unique('set'), unique('missing'), unique('writing')];
        await store.set(entry(set, { body: 'one', tags: ['tag'] }));
        const written = store.set(entry(writing, { body: 'two' }));
        const reads = await readMany([missing, writing, set]);
        await written;
        const texts = reads.map((read) => read.entry && bytesOf(read.entry.encoded).toString());
        assert.deepEqual(texts, [undefined, 'two', 'one']);
        assert.deepEqual(
          reads.map(({ token }) => token.incarnation),
          new Array(3).fill((await store.read(set)).token.incarnation),
        );
      },
      'readMany',
    ),

    clause(
      'of many ids, entries that are told of early are those that stand there',
      async ({ store }) => {
        const readMany = member(store, 'readMany');
        const ids = Array.from({ length: 300 }, () => unique('id'));
        await Promise.all(ids.filter((_, i) => i % 3 > 0).map((id) => store.set(entry(id, { body: id }))));
        const told = new Map<number, string>();
        const reads = await readMany(ids, 'values', (places, entries) => {
          assert.equal(places.length, entries.length);
          for (const [i, one] of entries.entries()) told.set(places[i] ?? -1, bytesOf(one.encoded).toString());
        });
        const texts = reads.map((read) => read.entry && bytesOf(read.entry.encoded).toString());
        assert.deepEqual(
          texts,
          ids.map((id, i) => (i % 3 > 0 ? id : undefined)),
        );
        for (const [place, text] of told) assert.equal(text, ids[place]);
      },
      'readMany',
    ),

    ...BODIES.map(([what, makeBody]) =>
      clause(`a body comes back byte for byte: ${what}`, async ({ store }) => {
        const body = makeBody();
        const [set, filled] = [unique('set'), unique('filled')];
        await store.set(entry(set, { body }));
        stored(await store.fill(entry(filled, { body }), (await store.read(filled)).token));
        for (const id of [set, filled]) {
          const { encoded } = await found(store, id);
          assert.ok(bytesOf(encoded).equals(Buffer.from(body)));
        }
      }),
    ),

    ...['json', 'superjson+gzip', 'odd "\'\\{},', 'NULL', null].map((encoding) =>
      clause(`the encoding comes back: ${encoding}`, async ({ store }) => {
        const id = unique('id');
        await store.set(entry(id, { encoding }));
        assert.equal((await found(store, id)).encoded.encoding, encoding);
      }),
    ),

    clause('INVARIANT 24: changing a buffer that was written or read changes nothing stored', async ({ store }) => {
      const id = unique('id');
      const given = Uint8Array.from([1, 2, 3]);
      await store.set(entry(id, { body: given }));
      given.fill(9);
      const { body } = (await found(store, id)).encoded;
      if (typeof body !== 'string') body.fill(8);
      assert.deepEqual([...bytesOf((await found(store, id)).encoded)], [1, 2, 3]);
    }),

    clause('a write replaces value, encoding and tags of the one before', async ({ store }) => {
      const id = unique('id');
      await store.set(entry(id, { body: 'one', encoding: 'a', tags: [unique('tag')] }));
      await store.set(entry(id, { body: 'two', encoding: 'b', tags: [] }));
      const now = await found(store, id);
      assert.deepEqual([bytesOf(now.encoded).toString(), now.encoded.encoding, now.tags], ['two', 'b', []]);
    }),

    clause('tags come back as they were, whatever characters they have', async ({ store }) => {
      const id = unique('id');
      await store.set(entry(id, { tags: ODD_TEXTS }));
      assert.deepEqual([...(await found(store, id)).tags].sort(), [...ODD_TEXTS].sort());
    }),

    clause('INVARIANT 22: ids with odd characters are all different entries', async ({ store }) => {
      const base = unique('id');
      const ids = ODD_TEXTS.map((text) => `${text}${base}`);
      await Promise.all(ids.map((id) => store.set(entry(id, { body: `of ${id}` }))));
      const texts = await Promise.all(ids.map((id) => textOf(store, id)));
      assert.deepEqual(
        texts,
        ids.map((id) => `of ${id}`),
      );
    }),

    clause('ids differ by case, by trailing blanks and by normalisation', async ({ store }) => {
      const base = unique('id');
      const ids = [`${base}a`, `${base}A`, `${base}a `, `${base}e\u0301`, `${base}\u00e9`];
      for (const id of ids) await store.set(entry(id, { body: id }));
      for (const id of ids) assert.equal(await textOf(store, id), id);
    }),

    ...[
      ['ASCII', 'x'],
      ['two bytes', 'é'],
      ['four bytes', '🐘'],
    ].map(([what, character = '']) =>
      clause(`ids and tags as long as they may be: ${what}`, async ({ store }) => {
        const filled = (bytes: number): string => {
          const head = unique('');
          const room = bytes - Buffer.byteLength(head);
          const width = Buffer.byteLength(character);
          return head + character.repeat(Math.floor(room / width)) + 'x'.repeat(room % width);
        };
        const id = filled(MAX_ID_BYTES);
        const tag = filled(MAX_TAG_BYTES);
        await store.set(entry(id, { tags: [tag] }));
        assert.deepEqual((await found(store, id)).tags, [tag]);
        assert.equal(await textOf(store, `${id.slice(0, -1)}y`), undefined);
        matches(await store.delete(id), { existed: true });
        assert.equal(await textOf(store, id), undefined);
      }),
    ),
  ]),
];
