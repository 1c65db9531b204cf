import { describe, expect, it } from 'vitest';
import { nameHash } from '../../../src/kernel/name-hash.js';

describe('hashes of names', () => {
  it('are the same in every process and version: processes of different versions tell each other', () => {
    expect([nameHash(''), nameHash('t|products'), nameHash('k|[app]ключ')]).toMatchInlineSnapshot(`
      [
        3551171371475749,
        1745358780564436,
        136122847036274,
      ]
    `);
  });

  it('are whole numbers that a double holds exactly', () => {
    for (const name of ['', 'a', 'k|1', '\u{1F600}'.repeat(500)]) {
      expect(Number.isSafeInteger(nameHash(name))).toBe(true);
      expect(nameHash(name)).toBeLessThan(2 ** 52);
    }
  });

  it('differ for 300 000 names that differ little', () => {
    const hashes = new Set<number>();
    for (let index = 0; index < 100_000; index += 1) {
      hashes.add(nameHash(`k|product:${index}`));
      hashes.add(nameHash(`t|product:${index}`));
      hashes.add(nameHash(`k|${index}:product`));
    }
    expect(hashes.size).toBe(300_000);
  });
});
