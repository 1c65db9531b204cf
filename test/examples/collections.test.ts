import { describe, expect, it } from 'vitest';
import { useDatabase } from '../support/database.js';
import { runExample } from './run-example.js';

const OUTPUT = `
articles([3, 1])                      screw bolt
articles([1, 2, 1, 99])               bolt nut bolt
article(2), article(99)               nut none
[3, 4, 5] and [5, 4] at once          screw washer nail | nail washer
queries so far                        [1, 3] [2, 99] [4, 5]
stock after article:1 has changed     7,20,30
queries in all                        [1, 3] [2, 99] [4, 5] [1]
getMany                               article:5 nail, article:1 bolt
getOrSetMany                          LABEL:1 LABEL_1 LABEL:2
setIfAbsent, twice                    true false
entries                               article:1 article:2 article:3 article:4 article:5 article:99 (null)
deletePattern                         1
left of the labels                    label:1 label:2
`.trimStart();

describe('examples/collections', () => {
  const database = useDatabase();

  it('prints the same over PostgreSQL as in memory', async () => {
    const expected = { status: 0, output: OUTPUT, errors: '' };
    expect(await runExample('collections', {})).toEqual(expected);
    expect(await runExample('collections', { DATABASE_URL: database.url })).toEqual(expected);
  });
});
