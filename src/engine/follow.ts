/** Following the bus: what other processes did becomes true of this process's local tier. Nothing here originates anything. */
import { nameHash } from '../kernel/name-hash.js';
import type { Bus } from '../ports/bus.js';
import type { PolicySource } from '../ports/policy-provider.js';
import type { Engine } from './call.js';

/** Lets the ledger and the local tier follow `bus`; resolves when it is heard, or cannot be for now. */
export async function follow(
  bus: Bus,
  { ledger, local, runTimePolicies }: Pick<Engine, 'ledger' | 'local' | 'runTimePolicies'>,
  policies: PolicySource | undefined,
): Promise<void> {
  const changed = policies && nameHash(policies.changedName);
  const askAgain = (): void => {
    policies?.forget();
    runTimePolicies?.askAgain();
  };
  await bus.listen({
    onNames(hashes, xid) {
      ledger.learnHashes(hashes, xid);
      if (changed !== undefined && hashes.includes(changed)) askAgain();
    },
    onProven: (at) => local.prove(at),
    onGap() {
      ledger.forgetEverything();
      if (policies !== undefined) askAgain();
    },
  });
}
