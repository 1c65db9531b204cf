/** Following the store: this process's local tier does what the store did, in the moment the store has answered. */
import type { Engine } from './call.js';

/** The parts of an engine that follow what the store did. */
export type Followed = Pick<Engine, 'store' | 'ledger' | 'reporter'>;

/** What is about to change: by which kind of call, under which key if it is one, and the log's names it changes. */
interface Change {
  readonly operation: 'write' | 'invalidate';
  readonly key: string | undefined;
  readonly names: readonly string[];
}

/**
 * Lets this process's local tier follow what the store did. When the store failed, everything these names could hide is hidden
 * here all the same: nobody knows whether it was carried out. Without a receipt nothing was to be done.
 */
export async function followStore<Receipt extends { readonly xid: number } | undefined>(
  engine: Followed,
  change: Change,
  act: () => Promise<Receipt>,
  drop: () => unknown,
): Promise<Receipt> {
  try {
    const receipt = await act();
    if (receipt === undefined) return receipt;
    engine.ledger.learn(change.names, receipt.xid);
    drop();
    return receipt;
  } catch (error) {
    engine.ledger.learn(change.names, undefined);
    drop();
    engine.reporter.error({ key: change.key }, change.operation, error);
    throw error;
  }
}
