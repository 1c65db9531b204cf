/** The null store: a shared tier that keeps nothing, for tests and development in which every call should run its loader. */
import type { FillResult, LoadToken, Store, WriteReceipt } from '../ports/store.js';

const NEVER: LoadToken = { incarnation: 'null', snapshot: '1:1:', at: '' };

/** Creates a store in which nothing is ever found; writes succeed and are forgotten at once. */
export function createNullStore(): Store {
  const over = { fresh: 0, early: Infinity, stale: 0 };
  const receipt: WriteReceipt = { remaining: over, ceiling: 0, token: NEVER, xid: 0 };
  return {
    kind: 'null',
    open: async () => undefined,
    close: async () => undefined,
    read: async () => ({ token: NEVER, entry: undefined }),
    fill: async (): Promise<FillResult> => ({ status: 'stored', receipt }),
    set: async () => receipt,
    delete: async () => ({ xid: 0, existed: false }),
    invalidate: async () => ({ xid: 0 }),
    touch: async () => undefined,
    postpone: async () => undefined,
  };
}
