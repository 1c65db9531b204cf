/**
 * Early refresh: an entry that is read late in its life is loaded anew in the background, once in the cluster, while everybody is
 * answered from what is there.
 */
import { type Call, type Engine, identify } from './call.js';
import { findShared } from './find.js';
import type { KeyState, SingleFlight } from './flight.js';
import { copyOf } from './found-entry.js';
import type { HeldLease } from './lease-keeper.js';
import { type LoadCause, startLoad } from './load.js';
import { settled } from './waiting.js';

/** How long an early refresh is left to another process that is at it, in milliseconds. */
const AGAIN_AFTER = 1_000;

/** Starts the refresh of `call.key`, unless one is under way here or elsewhere, or has been done or has failed lately. */
export function refreshEarly(engine: Engine, flights: SingleFlight, call: Call): void {
  // What it loads could not be stored.
  if (call.access?.write === 'none' || (call.tiers !== 'local' && engine.store.refuses)) return;
  engine.background.run(`refresh ${call.key}`, async () => {
    const state = flights.enter(call.key);
    try {
      if (state.running() !== undefined) return;
      const lease = await leaseFor(engine, call);
      if (lease === 'held') return;
      const cause = await causeOf(engine, call, state);
      if (cause === undefined) {
        lease?.release();
        return;
      }
      const flight = startLoad(engine, call, { ...cause, lease });
      flights.launch(state, flight);
      await settled(flight.landing);
    } finally {
      flights.leave(state);
    }
  });
}

async function leaseFor(engine: Engine, call: Call): Promise<HeldLease | 'held' | undefined> {
  if (call.policy.tiers === 'local') return undefined;
  const lease = await engine.leases.take(identify(engine, call.key).id);
  if (lease === 'unavailable') return undefined;
  if (lease === 'held') engine.local.postpone(call.key, AGAIN_AFTER, engine.clock.monotonic(), 'refresh');
  return lease;
}

/** Looks again, now that nobody else refreshes; undefined when there is nothing to do any more. */
async function causeOf(engine: Engine, call: Call, state: KeyState): Promise<LoadCause | undefined> {
  const found = await findShared(engine, { subject: call, policy: call.policy });
  const retryIn = found.entry?.stored.retryIn ?? 0;
  if (retryIn > 0) engine.local.postpone(call.key, retryIn, engine.clock.monotonic(), 'load');
  if (found.state === 'fresh' || retryIn > 0 || state.running() !== undefined) return undefined;
  if (found.token === undefined && call.policy.tiers !== 'local') return undefined;
  const copy = call.policy.tiers === 'local' ? engine.local.find(call.key) : undefined;
  const stale = copy ?? (found.entry && { value: copyOf(found.entry), age: found.entry.stored.age });
  return { reason: 'early', stale, entry: found.entry, token: found.token, background: true };
}
