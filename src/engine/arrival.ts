/** What the read path knows of one call: when it came, what was found for it, how long it may wait. */
import type { Tier } from '../kernel/events.js';
import type { LoadToken } from '../ports/store.js';
import type { Engine } from './call.js';
import type { KeyState, SingleFlight } from './flight.js';
import type { FoundEntry } from './found-entry.js';
import type { StaleValue } from './load-context.js';

/** A caller's arrival: its moment in this process's order of events, by which it is judged what it may be answered. */
export interface Arrival {
  readonly at: number;
  readonly started: number;
  /** The ledger's count. */
  readonly since: number;
  /** Whether a transaction may have committed an invalidation that is not in the ledger yet. */
  readonly ledgerIs: 'complete' | 'in doubt';
  /** How many flights of the key had ended; those are not for this caller. */
  endings: number;
  /** Set when the shared tier was not asked. */
  bypassed: 'breaker' | undefined;
}

/** A call that has come, and what this process is doing about its key. */
export interface Arrived {
  readonly state: KeyState;
  readonly arrival: Arrival;
}

/** A value that may be served if loading fails. */
export interface AtHand extends StaleValue {
  readonly tier: Tier;
  /** Undefined for a copy of the local tier. */
  readonly entry?: FoundEntry;
}

/** How long a caller may go on waiting, and what ends it: its own soft or hard timeout, or the time it waits for others. */
export interface Patience {
  readonly ms: number;
  readonly limit: 'soft' | 'hard' | 'lease';
}

/** What was found before loading. */
export interface Missed {
  readonly atHand: AtHand | undefined;
  readonly token: LoadToken | undefined;
}

/** Notes when a call has come, and that somebody is interested in its key. Whoever answers it leaves the key, and tells the ledger. */
export function arrive(engine: Engine, flights: SingleFlight, key: string, started: number): Arrived {
  const { ledger, clock, unsettled } = engine;
  const state = flights.enter(key);
  // Written out, here and below: every call that misses the local tier makes one.
  const arrival: Arrival = {
    at: clock.monotonic(),
    started,
    since: ledger.begin(),
    ledgerIs: unsettled.size === 0 ? 'complete' : 'in doubt',
    endings: state.endings,
    bypassed: undefined,
  };
  return { state, arrival };
}

/** The same of keys that are not entered yet. */
export function momentOf(engine: Engine, started: number): Omit<Arrival, 'endings'> {
  const { ledger, clock, unsettled } = engine;
  return {
    at: clock.monotonic(),
    started,
    since: ledger.begin(),
    ledgerIs: unsettled.size === 0 ? 'complete' : 'in doubt',
    bypassed: undefined,
  };
}
