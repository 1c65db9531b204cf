import { describe, expect, it } from 'vitest';
import { useDatabase } from '../support/database.js';
import { runExample } from './run-example.js';

const database = useDatabase();

describe('examples/fastify', () => {
  it('INVARIANT 34: each request has the scope it asked for, and code outside of requests has none', async () => {
    const lines = [
      'GET /products/42                            {"id":42,"asked":1}',
      'GET /products/42 again                      {"id":42,"asked":1}',
      'with cache-control: no-store                {"id":42,"asked":2}',
      'again: what was there                       {"id":42,"asked":1}',
      'with cache-control: no-cache                {"id":42,"asked":3}',
      'again: what that loaded                     {"id":42,"asked":3}',
      'again, beside a call in no request          {"id":42,"asked":3}',
      'the call in no request                      {"id":42,"asked":4}',
      '',
    ];
    const expected = { status: 0, output: lines.join('\n'), errors: '' };
    expect(await runExample('fastify', {})).toEqual(expected);
    expect(await runExample('fastify', { DATABASE_URL: database.url })).toEqual(expected);
  });
});
