/** The null store: a shared tier that keeps nothing, for tests and development in which every call should run its loader. */
import { systemClock } from '../kernel/clock.js';
import type { FillResult, LoadToken, Store, WriteReceipt } from '../ports/store.js';
import { MemoryLocks } from './memory-locks.js';

const NEVER: LoadToken = { incarnation: 'null', snapshot: '1:1:', at: '' };

/**
 * Creates a store in which nothing is ever found; writes succeed and are forgotten at once, so a counter begins with every call. Locks hold
 * within this process.
 */
export function createNullStore(): Store {
  const remaining = { fresh: 0, early: Infinity, stale: 0 };
  // Local tiers tell invalidations apart by their transactions, so even here no two have the same.
  let transactions = 0;
  const transaction = (): { readonly xid: number } => {
    transactions += 1;
    return { xid: transactions };
  };
  const receipt = (): WriteReceipt => ({ remaining, ceiling: 0, token: NEVER, ...transaction() });
  return {
    kind: 'null',
    open: async () => undefined,
    close: async () => undefined,
    read: async () => ({ token: NEVER, entry: undefined }),
    fill: async (): Promise<FillResult> => ({ status: 'stored', receipt: receipt() }),
    put: async (): Promise<FillResult> => ({ status: 'stored', receipt: receipt() }),
    set: async () => receipt(),
    setIfAbsent: async () => receipt(),
    list: async () => ({ token: NEVER, entries: [], next: undefined }),
    delete: async () => ({ ...transaction(), existed: false }),
    invalidate: async () => transaction(),
    touch: async () => undefined,
    postpone: async () => undefined,
    counters: {
      increment: async (_id, { by }) => ({ status: 'counted', value: by, ...transaction() }),
    },
    locks: new MemoryLocks({ held: new Map(), lastFence: 0 }, systemClock),
    transactions: {
      invalidate: async () => ({ ...transaction(), place: 'null' }),
      outcomes: async (receipts) => receipts.map(() => 'committed'),
      tell: async () => undefined,
    },
  };
}
