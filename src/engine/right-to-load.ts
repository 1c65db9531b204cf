/**
 * The right to load: before a loader runs, its process takes the key's lease and reads again, because whoever held the lease may have
 * stored the value meanwhile. While another process holds it, this one looks again and again, up to `leaseTimeout`; then it loads
 * all the same, since a lease only saves work.
 */
import type { Clock } from '../kernel/clock.js';
import { type Call, type Engine, identify } from './call.js';
import { type Found, findShared } from './find.js';
import type { Flight } from './flight.js';
import type { FoundEntry } from './found-entry.js';
import type { HeldLease } from './lease-keeper.js';

/** `load`: run the loader, under this lease if there is one, and publish by this newer token. `adopt`: another process has loaded. */
export type Right =
  | { readonly verdict: 'load'; readonly lease: HeldLease | undefined; readonly found: Found | undefined }
  | { readonly verdict: 'adopt'; readonly found: AdoptedFound };

/** What another process has stored. */
export interface AdoptedFound {
  readonly entry: FoundEntry;
  readonly state: 'fresh' | 'early' | 'stale';
}

/** Pauses between two looks at a key that another process loads, in milliseconds. */
const FIRST_PAUSE = 10;
const LONGEST_PAUSE = 100;

/**
 * Obtains the right to load `call.key`, or the value that another process has loaded.
 *
 * @param wanted `load`: a value that is there already will not do
 */
export async function obtainRight(
  engine: Engine,
  call: Call,
  flight: Flight,
  wanted: 'load' | 'adopt',
): Promise<Right> {
  if (!engine.leases.isShared) return { verdict: 'load', lease: undefined, found: undefined };
  const { id } = identify(engine, call.key);
  const until = engine.clock.monotonic() + call.policy.leaseTimeout;
  for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 1.5, LONGEST_PAUSE)) {
    const taken = await engine.leases.take(id);
    if (taken === 'unavailable') return { verdict: 'load', lease: undefined, found: undefined };
    // From here on nothing that was known before can be missing in what this flight will answer.
    flight.begin(engine.ledger.now, engine.clock.monotonic());
    const found = await findShared(engine, { subject: call, policy: call.policy, failures: 'wanted' });
    const adopted = wanted === 'adopt' ? adoptable(found) : undefined;
    if (adopted !== undefined) {
      if (taken !== 'held') taken.release();
      return { verdict: 'adopt', found: adopted };
    }
    if (taken !== 'held') return { verdict: 'load', lease: taken, found };
    if (flight.cancellation.isCancelled || engine.clock.monotonic() >= until)
      return { verdict: 'load', lease: undefined, found };
    call.standsBack?.();
    await pauseFor(engine.clock, pause);
  }
}

/** A fresh value, or a stale one whose loader has just failed elsewhere and is to be left alone. */
function adoptable({ state, entry }: Found): AdoptedFound | undefined {
  if (entry === undefined || state === 'dead' || (state === 'stale' && entry.stored.retryIn <= 0)) return undefined;
  return { entry, state };
}

function pauseFor(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => clock.schedule(ms, resolve, 'awaited'));
}
