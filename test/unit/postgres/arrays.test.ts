import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { textArray, textsOf } from '../../../src/postgres/arrays.js';

describe('arrays of texts', () => {
  it('come back from their text form as they were', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), (texts) => {
        expect(textsOf(textArray(texts))).toEqual(texts);
      }),
    );
  });

  it('are read as PostgreSQL writes them: quoted where they must be, with bounds, of any dimensions', () => {
    expect(textsOf('{}')).toEqual([]);
    expect(textsOf('{a,"b c",NULL,"NULL","",ü}')).toEqual(['a', 'b c', 'NULL', '', 'ü']);
    expect(textsOf('{{a,b},{"{",\\"}}'.replace('\\"', '"\\""'))).toEqual(['a', 'b', '{', '"']);
  });
});
