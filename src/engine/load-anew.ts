/**
 * Loading anew: a load that begins after it was asked for, whatever is stored. It waits for loads of its key that began before, here
 * and in other processes, because what they store counts as newer than what it would store.
 */
import { LoadTimeoutError } from '../errors.js';
import { take } from '../kernel/isolation.js';
import { type Call, type Engine, reasonOf } from './call.js';
import { findShared } from './find.js';
import type { Flight, KeyState, Landed, SingleFlight } from './flight.js';
import { copyOf } from './found-entry.js';
import { type LoadCause, startLoad } from './load.js';
import { waitFor } from './waiting.js';

/** What `call.load` answers when it begins now, or began since. Rejects with what it throws: nothing stale answers for it. */
export async function loadAnew(engine: Engine, flights: SingleFlight, call: Call): Promise<unknown> {
  const { reporter, clock } = engine;
  const started = reporter.start();
  const state = flights.enter(call.key);
  try {
    const hardLimit = clock.monotonic() + call.policy.hardTimeout;
    const older = state.running();
    if (state.running() !== undefined) call.standsBack?.();
    if (older !== undefined) await bounded(engine, call, older.landing, hardLimit, call.policy.leaseTimeout);
    for (;;) {
      const flight = othersSince(older, call, state) ?? (await launch(engine, flights, call, state, older));
      const { value, from } = await landing(engine, call, flight, hardLimit);
      // One that was joined may have found what another process had loaded before.
      if (from.tier === 'loader') return take(value);
    }
  } finally {
    // Whether the loader succeeded or not, no tier has answered.
    reporter.miss(call, started);
    flights.leave(state);
    call.standsBack?.();
  }
}

/** The flight that somebody else has begun since; then this call has none of its own. */
function othersSince(older: Flight | undefined, call: Call, state: KeyState): Flight | undefined {
  const running = state.running();
  if (running === undefined || running === older) return undefined;
  call.standsBack?.();
  return running;
}

async function launch(
  engine: Engine,
  flights: SingleFlight,
  call: Call,
  state: KeyState,
  older: Flight | undefined,
): Promise<Flight> {
  const found = await atHand(engine, call);
  const other = othersSince(older, call, state);
  if (other !== undefined) return other;
  const flight = startLoad(engine, call, { ...found, reason: 'refresh', background: false });
  flights.launch(state, flight);
  return flight;
}

async function atHand(engine: Engine, call: Call): Promise<Pick<LoadCause, 'token' | 'stale' | 'entry'>> {
  const { entry, token } = await findShared(engine, { subject: call, policy: call.policy });
  const copy = call.policy.tiers === 'local' ? engine.local.find(call.key) : undefined;
  return { token, entry, stale: copy ?? (entry && { value: copyOf(entry), age: entry.stored.age }) };
}

async function landing(engine: Engine, call: Call, flight: Flight, hardLimit: number): Promise<Landed> {
  flight.join();
  try {
    const landed = await bounded(engine, call, flight.landing, hardLimit, Infinity);
    if (landed.ended === 'value') return landed.value;
    throw landed.ended === 'error' ? landed.error : new Error('A wait without a bound ran out');
  } finally {
    flight.leave();
  }
}

/** Waits up to `most` milliseconds; throws when the call's own time is over. */
async function bounded(
  engine: Engine,
  call: Call,
  landed: Promise<Landed>,
  hardLimit: number,
  most: number,
): Promise<
  | { readonly ended: 'value'; readonly value: Landed }
  | { readonly ended: 'error'; readonly error: unknown }
  | { readonly ended: 'timeout' }
> {
  const left = Math.max(0, hardLimit - engine.clock.monotonic());
  const waited = await waitFor(landed, engine.clock, Math.min(left, most), call.signal, 'awaited');
  if (waited.ended === 'cancelled') throw reasonOf(call);
  if (waited.ended !== 'timeout' || most < left) return waited;
  engine.reporter.timeout(call, 'hard');
  const bound = `within ${call.policy.hardTimeout} ms (hardTimeout)`;
  throw new LoadTimeoutError('LOAD_TIMEOUT', `\`${call.key}\` was not loaded ${bound}`);
}
