/**
 * How do I test a service whose methods are cached? With the memory store: the rules are those of PostgreSQL, there is nothing to start.
 *
 * `npx tsx examples/testing-a-service/main.ts`; with Vitest or Jest it reads the same.
 */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Cache } from 'keepsake';
import { Orders } from './orders.js';

describe('Orders', () => {
  beforeEach(() => Cache.configure({ connection: 'memory' }));
  afterEach(() => Cache.close());

  it('counts once for many callers', async () => {
    const orders = new Orders();
    await Promise.all(Array.from({ length: 20 }, () => orders.open('ada')));
    assert.equal(orders.queries, 1);
  });

  it('counts anew for the customer who orders, and for nobody else', async () => {
    const orders = new Orders();
    assert.deepEqual([await orders.open('ada'), await orders.open('bob')], [0, 0]);
    await orders.place({ customer: 'ada' });
    assert.deepEqual([await orders.open('ada'), await orders.open('bob')], [1, 0]);
    assert.equal(orders.queries, 3);
  });

  it('shows the old number when the database is away', async () => {
    const orders = new Orders();
    await orders.open('ada');
    await Cache.expire(Cache.key`orders:${'ada'}`);
    orders.isAway = true;
    assert.equal(await orders.open('ada'), 0);
    await assert.rejects(orders.open('bob'), /away/);
  });
});

/** Most tests of a service are not about caching: without `configure` every call runs its method. */
it('an unconfigured cache is no cache', async () => {
  const orders = new Orders();
  await orders.open('ada');
  await orders.open('ada');
  assert.equal(orders.queries, 2);
});
