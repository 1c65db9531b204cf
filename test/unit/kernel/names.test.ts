import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConfigurationError } from '../../../src/errors.js';
import {
  checkNamespace,
  EVERYTHING,
  entryId,
  keyName,
  MAX_ID_BYTES,
  MAX_NAMESPACE_BYTES,
  MAX_TAG_BYTES,
  namespaceName,
  qualify,
  storedTag,
  tagName,
} from '../../../src/kernel/names.js';

const bytes = (text: string): number => Buffer.byteLength(text);

/** Texts of any UTF-16, lone surrogates included, with the characters that could forge something made likely. */
const anyText = fc.string({
  unit: fc.oneof(
    fc.constantFrom('[', ']', '~', 'a', '\ud800', '\udfff', '\ufffd'),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  ),
  maxLength: 40,
});
const namespace = fc.string({ unit: fc.constantFrom('a', '[', '~', '*', 'é'), maxLength: 4 });

describe('entryId', () => {
  it.each([
    ['', 'user:1', 'user:1'],
    ['app', 'user:1', '[app]user:1'],
    ['', '[app]user:1', '[][app]user:1'],
    ['', '[]x', '[][]x'],
    ['app', '[x]', '[app][x]'],
    ['', '', ''],
    ['app', '', '[app]'],
  ])('in namespace %j the key %j is %j', (ns, key, id) => {
    expect(entryId(ns, key)).toBe(id);
  });

  it('INVARIANT 22: different namespaces and keys have different ids', () => {
    const seen = new Map<string, string>();
    fc.assert(
      fc.property(namespace, anyText, (ns, key) => {
        const origin = JSON.stringify([ns, key]);
        const id = entryId(ns, key);
        expect(seen.get(id) ?? origin).toBe(origin);
        seen.set(id, origin);
      }),
      { numRuns: 20_000 },
    );
    expect(seen.size).toBeGreaterThan(10_000);
  });

  it('INVARIANT 22: keys from 1 character to 1 MB make well-formed ids of bounded length', () => {
    const unit = fc.constantFrom('x', 'é', '漢', '😀', '\ud800');
    fc.assert(
      fc.property(unit, fc.integer({ min: 1, max: 3_000 }), namespace, (char, length, ns) => {
        const id = entryId(ns, char.repeat(length));
        expect(bytes(id)).toBeLessThanOrEqual(MAX_ID_BYTES);
        expect(id.isWellFormed()).toBe(true);
      }),
    );
    expect(bytes(entryId('', 'x'.repeat(1_000_000)))).toBe(MAX_ID_BYTES);
  });

  it('keeps a key that just fits, and cuts one byte more', () => {
    expect(entryId('', 'x'.repeat(MAX_ID_BYTES))).toBe('x'.repeat(MAX_ID_BYTES));
    const long = 'x'.repeat(MAX_ID_BYTES + 1);
    const hash = createHash('sha256').update(long).digest('hex');
    expect(entryId('', long)).toBe(`${'x'.repeat(MAX_ID_BYTES - 65)}~${hash}`);
    expect(entryId('', `${'é'.repeat(MAX_ID_BYTES / 2)}`)).toBe('é'.repeat(MAX_ID_BYTES / 2));
    expect(entryId('', `${'é'.repeat(MAX_ID_BYTES / 2)}x`)).toMatch(/^é+~[0-9a-f]{64}$/);
  });

  it('keeps long keys with equal heads apart', () => {
    const head = 'x'.repeat(5_000);
    expect(entryId('', `${head}1`)).not.toBe(entryId('', `${head}2`));
    expect(entryId('a', head)).not.toBe(entryId('b', head));
    expect(entryId('a', head)).toMatch(/^\[a\]x/);
  });

  it('a key that looks like a cut one never equals it', () => {
    const cut = entryId('', 'x'.repeat(5_000));
    expect(entryId('', cut)).not.toBe(cut);
    const short = `user~${'0'.repeat(64)}`;
    expect(entryId('', short)).toMatch(/^user~0{64}~[0-9a-f]{64}$/);
    expect(entryId('', entryId('', short))).not.toBe(entryId('', short));
  });

  it('halves no character where it cuts', () => {
    for (let offset = 0; offset < 8; offset++) {
      const id = entryId('', `${'x'.repeat(offset)}${'😀'.repeat(1_000)}`);
      expect(id.isWellFormed()).toBe(true);
      expect(id).not.toContain('\ufffd');
      expect(bytes(id)).toBeLessThanOrEqual(MAX_ID_BYTES);
      expect(bytes(id)).toBeGreaterThan(MAX_ID_BYTES - 12);
    }
  });

  it('keys with different lone surrogates stay apart, though UTF-8 has only one way to write them', () => {
    const ids = ['a\ud800', 'a\ud801', 'a\udc00', 'a\ufffd', 'a'].map((key) => entryId('', key));
    expect(new Set(ids.map((id) => Buffer.from(id).toString('hex'))).size).toBe(5);
    expect(entryId('', 'a\ufffd')).toBe('a\ufffd');
    expect(entryId('', 'a\ud800')).toMatch(/^a~[0-9a-f]{64}$/);
  });
});

describe('log names', () => {
  it('are typed: a key, a tag and a namespace of one text have three names', () => {
    expect([keyName('x'), tagName('x'), namespaceName('x')]).toEqual(['k|x', 't|x', 'n|x']);
  });

  it('tags are cut at their own length', () => {
    expect(storedTag('', 'x'.repeat(MAX_TAG_BYTES))).toBe('x'.repeat(MAX_TAG_BYTES));
    expect(bytes(storedTag('', 'x'.repeat(MAX_TAG_BYTES + 1)))).toBe(MAX_TAG_BYTES);
    expect(storedTag('app', 'products')).toBe('[app]products');
    expect(qualify('', 'abc', 3)).toBe('abc');
  });

  it('no namespace has the name of everything', () => {
    for (const ns of ['', '*', '[', '|', 'n|*']) expect(namespaceName(checkNamespace(ns))).not.toBe(EVERYTHING);
    const everything = EVERYTHING.slice(namespaceName('').length);
    expect(() => checkNamespace(everything)).toThrow(ConfigurationError);
  });
});

describe('checkNamespace', () => {
  it.each([[''], ['app'], ['user_1'], ['[a'], ['tenant:é'], ['x'.repeat(MAX_NAMESPACE_BYTES)]])('takes %j', (ns) => {
    expect(checkNamespace(ns)).toBe(ns);
  });

  it.each([
    ['a]'],
    ['a\0'],
    ['\ud800'],
    ['x'.repeat(MAX_NAMESPACE_BYTES + 1)],
    ['é'.repeat(100)],
    [5],
    [null],
    [undefined],
  ])('refuses %j', (ns) => {
    expect(() => checkNamespace(ns, 'createCache')).toThrow(
      /^Expected `namespace` to be a text of at most 128 bytes .* in createCache$/,
    );
    expect(() => checkNamespace(ns)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }) as Error);
  });

  it('refuses what would reach into another namespace', () => {
    expect(entryId('a', ']x')).toBe(entryId('a]', 'x'));
    expect(() => checkNamespace('a]')).toThrow(ConfigurationError);
  });
});
