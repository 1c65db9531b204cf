import { describe, expect, it } from 'vitest';
import { useDatabase } from '../support/database.js';
import { runExample } from './run-example.js';

describe('examples/watched-tables', () => {
  const database = useDatabase();

  it('loads again exactly what another program has changed', async () => {
    const { status, output, errors } = await runExample('watched-tables', { DATABASE_URL: database.url });
    expect(errors).toBe('');
    expect(status).toBe(0);
    expect(output).toMatchInlineSnapshot(`
      "first                                         El Tarter, El Tarter (AD), 15 and 105 cities
        queries                                     labels of 1 2 3 4 5 6 7 8 9 10 11 12, count of AD, count of AE
      again                                         El Tarter, El Tarter (AD), 15 and 105 cities
        queries                                     none
      after another program renamed city 2          Nowhere, Nowhere (AD), 15 and 105 cities
        queries                                     labels of 2, count of AD
      after it founded one in AD                    Nowhere, Nowhere (AD), 16 and 105 cities
        queries                                     count of AD
      "
    `);
  });
});
