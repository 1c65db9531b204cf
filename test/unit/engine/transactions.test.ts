/** Transactions as the engine sees them, over a store whose transactions the test ends. */
import { describe, expect, it } from 'vitest';
import type { TransactionOutcome, Transactions } from '../../../src/ports/transactions.js';
import { Gate, TestCluster, turnOfTheLoop } from '../../support/test-cache.js';

/** A Kysely-like database without anything in it. */
const db = {
  transaction: () => ({ execute: <T>(work: (trx: string) => Promise<T>): Promise<T> => work('trx') }),
};

/** A transaction that is in no database. */
const trx = async (): Promise<never> => {
  throw new Error('No statement is sent here');
};

class FakeTransactions implements Transactions {
  outcome: TransactionOutcome = 'running';
  asked = 0;
  told: readonly string[] = [];

  readonly invalidate = async (): Promise<{ xid: number; place: string }> => ({ xid: 1_000_000, place: 'here' });
  readonly outcomes = async (): Promise<readonly TransactionOutcome[]> => {
    this.asked += 1;
    return [this.outcome];
  };
  readonly tell = async (names: readonly string[]): Promise<void> => {
    this.told = names;
  };
}

async function open() {
  const cluster = new TestCluster();
  const transactions = new FakeTransactions();
  return { ...(await cluster.process({}, { transactions })), cluster, transactions };
}

describe('a transaction whose end nobody tells', () => {
  it('its names are kept out of the local tier until it has ended, and no longer', async () => {
    const { cache, cluster, transactions } = await open();
    await cache.set('k', 'value', { tags: ['t'] });
    await cache.invalidateTags('t', { trx });
    for (let turn = 0; turn < 2; turn += 1) await cache.get('k');
    expect(cache.stats()).toMatchObject({ localHits: 0, sharedHits: 2 });
    transactions.outcome = 'rolled back';
    cluster.clock.advance(20);
    await cache.idle();
    for (let turn = 0; turn < 2; turn += 1) await cache.get('k');
    expect(cache.stats()).toMatchObject({ localHits: 1, sharedHits: 3, underWay: { transactions: 0 } });
  });

  it('is asked for less and less often, once a second at least, and sooner again when there is another', async () => {
    const { cache, cluster, transactions } = await open();
    await cache.invalidateTags('t', { trx });
    const pauses = [20, 40, 80, 160, 320, 640, 1_000, 1_000];
    for (const [i, pause] of pauses.entries()) {
      cluster.clock.advance(pause - 1);
      await cache.idle();
      expect(transactions.asked).toBe(i);
      cluster.clock.advance(1);
      await cache.idle();
      expect(transactions.asked).toBe(i + 1);
    }
    await cache.invalidateTags('other', { trx });
    cluster.clock.advance(20);
    await cache.idle();
    expect(transactions.asked).toBe(pauses.length + 1);
  });

  it('more names than are remembered one by one hide everything', async () => {
    const { cache } = await open();
    await cache.set('k', 'value');
    await cache.invalidateTags(
      Array.from({ length: 10_001 }, (_, i) => `tag-${i}`),
      { trx },
    );
    for (let turn = 0; turn < 2; turn += 1) expect(await cache.get('k')).toBe('value');
    expect(cache.stats().localHits).toBe(0);
  });

  it('nothing is asked after close', async () => {
    const { cache, cluster, transactions } = await open();
    await cache.invalidateTags('t', { trx });
    await cache.close();
    cluster.clock.advance(5_000);
    await turnOfTheLoop();
    expect(transactions.asked).toBe(0);
  });

  it('a later caller waits for an earlier load and does not get its value', async () => {
    const { cache, cluster } = await open();
    await cache.invalidateTags('t', { trx });
    const gate = new Gate<string>();
    const first = cache.getOrSet('k', gate.load, { tags: ['t'] });
    await gate.begun();
    cluster.clock.advance(1);
    const later = cache.getOrSet('k', async () => 'later', { tags: ['t'] });
    await turnOfTheLoop();
    gate.open('first');
    expect(await first).toBe('first');
    // The shared tier has accepted the first value, so it is what is true now.
    expect(await later).toBe('first');
    expect(cache.stats()).toMatchObject({ loads: 1, sharedHits: 1 });
  });
});

describe('the scope of Cache.transaction', () => {
  it('ends with its callback: what was started inside and goes on is in none', async () => {
    const { cache } = await open();
    await cache.set('k', 'value');
    const gate = new Gate<undefined>();
    let late: Promise<unknown> = Promise.resolve();
    await cache.transaction(db, async () => {
      expect(await cache.get('k')).toBeUndefined();
      late = gate.load().then(() => cache.get('k'));
    });
    gate.open(undefined);
    expect(await late).toBe('value');
  });

  it('INVARIANT 34: is left when the callback throws', async () => {
    const { cache } = await open();
    await cache.set('k', 'value');
    const reason = new Error('no');
    await expect(cache.transaction(db, () => Promise.reject(reason))).rejects.toBe(reason);
    expect(await cache.get('k')).toBe('value');
  });

  it('waits for invalidations that were not awaited', async () => {
    const { cache, transactions } = await open();
    await cache.set('k', 'value', { tags: ['t'] });
    await cache.transaction(db, async () => {
      void cache.invalidateTags('t');
    });
    expect(cache.stats().invalidations).toBe(1);
    await cache.idle();
    expect(transactions.told).toEqual(['t|t']);
  });

  it('an end that nobody knows leaves its names in doubt', async () => {
    const { cache } = await open();
    const lost = new Error('connection lost');
    const breaking = {
      transaction: () => ({
        execute: async <T>(work: (trx: string) => Promise<T>): Promise<T> => {
          await work('trx');
          throw lost;
        },
      }),
    };
    await expect(cache.transaction(breaking, () => cache.invalidateTags('t'))).rejects.toBe(lost);
    expect(cache.stats().underWay.transactions).toBe(1);
  });

  it('a store without transactions: invalidations are made after success, and not after failure', async () => {
    const { cache } = await new TestCluster().process();
    await cache.set('k', 'value');
    const failing = cache.transaction(db, async () => {
      await cache.delete('k');
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await cache.get('k')).toBe('value');
    await cache.transaction(db, () => cache.delete('k'));
    expect(await cache.get('k')).toBeUndefined();
  });

  it('what is no database is refused, where a store could join its transaction', async () => {
    const { cache } = await open();
    const failing = cache.transaction({} as typeof db, async () => undefined);
    await expect(failing).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });
});
