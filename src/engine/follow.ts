/** Following the bus: what other processes did becomes true of this process's local tier. Nothing here originates anything. */
import type { Bus } from '../ports/bus.js';
import type { LocalTier } from './local-tier.js';
import type { NameLedger } from './name-ledger.js';

/** Lets the ledger and the local tier follow `bus`; resolves when it is heard, or cannot be for now. */
export async function follow(bus: Bus, ledger: NameLedger, local: LocalTier): Promise<void> {
  await bus.listen({
    onNames: (hashes, xid) => ledger.learnHashes(hashes, xid),
    onProven: (at) => local.prove(at),
    onGap: () => ledger.forgetEverything(),
  });
}
