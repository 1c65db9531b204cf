/** What becomes known late: debts that are paid while somebody reads, transactions whose end nobody knows. */
import { describe, expect, it } from 'vitest';
import { StoreError } from '../../../src/errors.js';
import { TestCluster, turnOfTheLoop } from '../../support/test-cache.js';

describe('an owed invalidation', () => {
  it('INVARIANT 5: that is paid while a later call reads is not missed by that call', async () => {
    const cluster = new TestCluster();
    const own = cluster.store();
    let outage: 'on' | 'off' = 'off';
    const held: (() => void)[] = [];
    const { cache } = await cluster.process(
      { local: false, timeouts: { read: '1m' } },
      {
        invalidate: (names, kind) =>
          outage === 'on'
            ? Promise.reject(new StoreError('refused', { outcome: 'failed' }))
            : own.invalidate(names, kind),
        read: async (id) => {
          const answer = await own.read(id);
          await new Promise<void>((resolve) => held.push(resolve));
          return answer;
        },
      },
    );
    await cache.set('k', 'old', { tags: ['t'] });
    outage = 'on';
    await cache.invalidateTagsSurely(['t'], 'delete');
    expect(cache.stats().owed).toBe(1);
    const later = cache.getOrSet('k', () => 'new', { tags: ['t'] });
    await turnOfTheLoop();
    outage = 'off';
    await cluster.clock.advanceAsync(500);
    expect(cache.stats().owed).toBe(0);
    while (held.length > 0) {
      for (const release of held.splice(0)) release();
      for (let turn = 0; turn < 3; turn += 1) await turnOfTheLoop();
    }
    expect(await later).toBe('new');
  });
});

describe('a transaction whose commit was not answered', () => {
  it('invalidates in stores that are in no transaction, whether it has committed or not', async () => {
    const { cache } = await new TestCluster().process();
    await cache.set('k', 'old', { tags: ['t'] });
    const db = {
      transaction: () => ({
        execute: async <T>(work: (trx: string) => Promise<T>): Promise<T> => {
          await work('trx');
          throw new Error('the connection was lost during the commit');
        },
      }),
    };
    await expect(cache.transaction(db, () => cache.invalidateTags('t'))).rejects.toThrow('lost');
    expect(await cache.get('k')).toBeUndefined();
  });
});
