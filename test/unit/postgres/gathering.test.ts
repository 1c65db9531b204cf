/** What a gathered answer must be, to be believed. */
import { describe, expect, it } from 'vitest';
import { Gathering } from '../../../src/postgres/gathered.js';
import type { Row } from '../../../src/postgres/statement.js';

const HEADER: Row = [null, '5:5:', '1795782247.2 1795782247.3 0 1:2:3', null, null];
const FOR_EVER = Buffer.from('7fffffffffffffff', 'hex').toString('base64');
const found = (id: string): Row => [id, '1', 'j', FOR_EVER, null];
const beside = (id: string): Row => [null, null, null, null, id];

function answerOf(...rows: readonly Row[]) {
  const gathering = new Gathering(['first', 'second'], undefined);
  gathering.begin();
  for (const row of rows) gathering.take(row);
  return gathering.takeReads()?.map(({ entry }) => entry?.encoded.body);
}

describe('a gathered answer', () => {
  it('stands where its ids were asked for, whether the header comes first or last', () => {
    expect(answerOf(HEADER, found('second'))).toEqual([undefined, '1']);
    expect(answerOf(found('second'), HEADER)).toEqual([undefined, '1']);
  });

  it('is not believed when it has an id that nobody asked for, as from a column that ignores case', () => {
    expect(answerOf(HEADER, found('SECOND'))).toBeUndefined();
    expect(answerOf(HEADER, found('second'), beside('FIRST'))).toBeUndefined();
    expect(answerOf(HEADER, found('second'), beside('first'))).toEqual([undefined, '1']);
  });
});
