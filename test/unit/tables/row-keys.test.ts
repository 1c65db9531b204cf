/** Keys of rows: one entry for each, however it is written, and what is remembered of them. */
import { describe, expect, it } from 'vitest';
import { KeyError } from '../../../src/errors.js';
import type { KeyShape } from '../../../src/tables/key-text.js';
import { RowKeys } from '../../../src/tables/row-keys.js';

const shapeOf = (...kinds: KeyShape['kinds']): KeyShape => ({
  table: 'users',
  columns: kinds.map((_, i) => `k${i}`),
  kinds,
});
const rowKeys = (shape: KeyShape): RowKeys => new RowKeys(shape, (texts) => texts.join('/'));

describe('keys of rows', () => {
  it('are one where they are one key, however they are written, and answered where they were asked for', () => {
    const keys = rowKeys(shapeOf('number'));
    expect(keys.distinct([3, 1, 2])).toMatchObject({
      once: [{ entry: '3' }, { entry: '1' }, { entry: '2' }],
      places: 'as asked',
    });
    for (let call = 0; call < 2; call += 1) {
      const { once, places } = keys.distinct([1, '1', 2, 1n, { k0: 2 }, '01', -0, 0]);
      expect(once.map(({ entry }) => entry)).toEqual(['1', '2', '0']);
      expect(places).toEqual([0, 0, 1, 0, 1, 0, 2, 2]);
      expect(keys.distinct([2, 2]).places).toEqual([0, 0]);
    }
  });

  it('are found to be the same among more than are remembered, and where they are too long to be', () => {
    const keys = rowKeys(shapeOf('number'));
    const many = Array.from({ length: 12_000 }, (_, key) => key);
    expect(keys.distinct([...many, 0]).once).toHaveLength(12_000);
    const long = new RowKeys(shapeOf('number'), ([text = '']) => text.padStart(300, '0'));
    expect(long.distinct([1, 2, 1]).places).toEqual([0, 1, 0]);
  });

  it('that are objects are read anew whenever they are given: they may have been changed', () => {
    const keys = rowKeys(shapeOf('number', 'date'));
    const key = { k0: 1, k1: new Date(2026, 0, 31) };
    expect(keys.of(key).entry).toBe('1/2026-01-31');
    key.k0 = 2;
    key.k1.setDate(30);
    expect(keys.of(key).entry).toBe('2/2026-01-30');
  });

  it('that are none are refused every time', () => {
    const keys = rowKeys(shapeOf('number'));
    for (let time = 0; time < 2; time += 1) {
      expect(() => keys.of(1.5)).toThrow(KeyError);
      expect(() => keys.of(undefined)).toThrow(KeyError);
    }
  });

  it('INVARIANT 29: of a hundred thousand only the last few thousand are remembered', () => {
    let made = 0;
    const keys = new RowKeys(shapeOf('number'), (texts) => {
      made += 1;
      return texts.join('/');
    });
    for (let key = 0; key < 100_000; key += 1) keys.of(key);
    expect(made).toBe(100_000);
    for (let key = 99_999; key >= 95_000; key -= 1) keys.of(key);
    expect(made).toBe(100_000);
    for (let key = 0; key < 80_000; key += 1) keys.of(key);
    expect(made).toBe(180_000);
  });
});
