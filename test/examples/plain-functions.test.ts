import { describe, expect, it } from 'vitest';
import { useDatabase } from '../support/database.js';
import { runExample } from './run-example.js';

const OUTPUT = `
convert(100, EUR, USD)                105.00 USD
convert(100, EUR, USD) again          105.00 USD
ten callers of rate(USD, EUR)         0.9524
requests so far                       2
rate.key(EUR, USD)                    rate:EUR:USD
rate.peek(EUR, USD)                   1.05
rate.peek(EUR, CHF)                   undefined
rate.refresh(EUR, USD)                1.1
rate(EUR, USD)                        1.1
convert(100, EUR, USD), not refreshed 105.00 USD
convert.invalidate(100, EUR, USD)     true
convert(100, EUR, USD)                110.00 USD
rate.peek(EUR, USD), tag invalidated  undefined
rate(EUR, USD), set by hand           1.2
requests in all                       3
`.trimStart();

describe('examples/plain-functions', () => {
  const database = useDatabase();

  it('prints the same over PostgreSQL as in memory', async () => {
    const expected = { status: 0, output: OUTPUT, errors: '' };
    expect(await runExample('plain-functions', {})).toEqual(expected);
    expect(await runExample('plain-functions', { DATABASE_URL: database.url })).toEqual(expected);
  });
});
