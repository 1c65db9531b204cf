/**
 * The read path, top to bottom: local tier, shared tier, a load that is already running, a load of one's own.
 *
 * A caller that arrived before an invalidation of what a load depends on gets that load's value; one that arrived after it reads
 * the shared tier afresh, waits for the older load, reads again, and only then loads. So no caller is ever answered with a value
 * older than what was true when it called, and loads of one key are never stacked.
 */
import { LoadTimeoutError } from '../errors.js';
import type { Tier } from '../kernel/events.js';
import { take } from '../kernel/isolation.js';
import type { LoadToken } from '../ports/store.js';
import type { Call, Engine } from './call.js';
import { copyOf, type Found, findShared, touchLater } from './find.js';
import { type Flight, type KeyState, SingleFlight } from './flight.js';
import { startLoad } from './load.js';
import { isLoading, runUncached, type StaleValue } from './load-context.js';
import { waitFor } from './waiting.js';

/** A caller's arrival: its moment in this process's order of events, by which it is judged what it may be answered. */
interface Arrival {
  readonly at: number;
  readonly started: number;
  /** The ledger's count. */
  readonly since: number;
  /** How many flights of the key had ended; those are not for this caller. */
  endings: number;
}

/** The caller must look again: what it waited for is not for it. */
const AGAIN = Symbol('again');

/** A value that may be served if loading fails. */
interface AtHand extends StaleValue {
  readonly tier: Tier;
}

/** What was found before loading. */
interface Missed {
  readonly atHand: AtHand | undefined;
  readonly token: LoadToken | undefined;
}

export class ReadPath {
  readonly #engine: Engine;
  readonly #flights = new SingleFlight();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Keys somebody waits for at this moment; for statistics and the test of bounded memory. */
  get keysUnderWay(): number {
    return this.#flights.size;
  }

  /** The value of a call. A local hit is found before this returns; only its promise is asynchronous. */
  fetch(call: Call): Promise<unknown> {
    const { reporter, local } = this.#engine;
    reporter.counters.calls += 1;
    if (isLoading(this.#engine, call.key)) return this.#direct(call);
    const started = reporter.start();
    if (call.tiers !== 'shared') {
      const hit = local.find(call.key);
      if (hit !== undefined && hit.state !== 'stale') {
        if (hit.touchDue) touchLater(this.#engine, call);
        if (hit.state === 'early' && hit.retryIn <= 0) this.#refresh(call);
        reporter.hit(call, 'local', hit.state, started);
        return Promise.resolve(hit.value);
      }
    }
    return this.#read(call, started);
  }

  /** Code that loads a key and asks for that key means the method itself. */
  async #direct(call: Call): Promise<unknown> {
    this.#engine.reporter.bypass(call, 'scope');
    return await runUncached((context) => call.load(context));
  }

  async #read(call: Call, started: number): Promise<unknown> {
    const { ledger, clock } = this.#engine;
    const state = this.#flights.enter(call.key);
    const arrival: Arrival = { at: clock.monotonic(), started, since: ledger.begin(), endings: state.endings };
    try {
      for (;;) {
        const answer = await this.#attempt(call, state, arrival);
        if (answer !== AGAIN) return answer;
      }
    } finally {
      this.#flights.leave(state);
      ledger.end();
    }
  }

  async #attempt(call: Call, state: KeyState, arrival: Arrival): Promise<unknown> {
    const { reporter, local } = this.#engine;
    const found = await findShared(this.#engine, { subject: call, policy: call.policy });
    if (found.entry !== undefined && (found.state === 'fresh' || found.state === 'early')) {
      if (found.state === 'early' && found.entry.stored.retryIn <= 0) this.#refresh(call);
      reporter.hit(call, 'shared', found.state, arrival.started);
      return copyOf(found.entry);
    }
    const copy = call.policy.tiers === 'local' ? local.find(call.key) : undefined;
    const atHand = copy === undefined ? staleIn(found) : { value: copy.value, age: copy.age, tier: 'local' as const };
    const retryIn = copy?.retryIn ?? found.entry?.stored.retryIn ?? 0;
    if (atHand !== undefined && retryIn > 0) return this.#serve(call, atHand, arrival);
    return await this.#joinOrLoad(call, state, arrival, { atHand, token: found.token });
  }

  async #joinOrLoad(call: Call, state: KeyState, arrival: Arrival, missed: Missed): Promise<unknown> {
    const other = this.#flights.candidate(state, arrival.endings);
    if (other === undefined) return await this.#loadOwn(call, state, arrival, missed);
    if (other.joinable && !this.#isHidden(other, arrival))
      return await this.#wait(call, state, arrival, missed, other, 'joined');
    if (other.state === 'running') {
      const waited = await waitFor(settled(other.landing), this.#engine.clock, call.policy.leaseTimeout, call.signal);
      if (waited.ended === 'cancelled') throw reasonOf(call);
      if (waited.ended === 'timeout' && state.latest?.flight === other)
        return await this.#loadOwn(call, state, arrival, missed);
    }
    arrival.endings = state.endings;
    return AGAIN;
  }

  async #loadOwn(call: Call, state: KeyState, arrival: Arrival, missed: Missed): Promise<unknown> {
    const { atHand, token } = missed;
    const cause = { reason: atHand === undefined ? 'miss' : 'stale', stale: atHand, token, background: false } as const;
    const flight = startLoad(this.#engine, call, cause);
    this.#flights.launch(state, flight);
    return await this.#wait(call, state, arrival, missed, flight, 'own');
  }

  /** Waits for a flight as long as this caller may; every timeout counts from its own call. */
  async #wait(
    call: Call,
    state: KeyState,
    arrival: Arrival,
    missed: Missed,
    flight: Flight,
    whose: 'own' | 'joined',
  ): Promise<unknown> {
    const { clock, reporter } = this.#engine;
    const { policy } = call;
    const { atHand } = missed;
    const elapsed = clock.monotonic() - arrival.at;
    const soft = atHand === undefined ? Infinity : Math.max(0, policy.softTimeout - elapsed);
    const hard = Math.max(0, policy.hardTimeout - elapsed);
    const lease = whose === 'own' ? Infinity : policy.leaseTimeout;
    flight.join();
    const waited = await waitFor(flight.landing, clock, Math.min(soft, hard, lease), call.signal);
    const outOfTime = waited.ended === 'timeout';
    if (outOfTime && soft <= Math.min(hard, lease)) flight.toBackground();
    flight.leave();
    if (waited.ended === 'value') {
      if (this.#isHidden(flight, arrival)) {
        arrival.endings = state.endings;
        return AGAIN;
      }
      reporter.miss(call, arrival.started);
      return take(waited.value.value);
    }
    if (waited.ended === 'cancelled') throw reasonOf(call);
    if (waited.ended === 'error') return this.#serveOrThrow(call, atHand, arrival, waited.error);
    if (hard <= Math.min(soft, lease)) {
      reporter.timeout(call, 'hard');
      const error = new LoadTimeoutError(
        'LOAD_TIMEOUT',
        `\`${call.key}\` was not loaded within ${policy.hardTimeout} ms (hardTimeout)`,
      );
      return this.#serveOrThrow(call, atHand, arrival, error);
    }
    if (soft <= lease) reporter.timeout(call, 'soft');
    if (atHand !== undefined) return this.#serve(call, atHand, arrival);
    // The lease is over: whoever notices first loads by itself, the others join that load.
    if (state.latest?.flight === flight) return await this.#loadOwn(call, state, arrival, missed);
    return AGAIN;
  }

  /** Whether a flight began before an invalidation that this caller knew when it called. */
  #isHidden(flight: Flight, arrival: Arrival): boolean {
    return this.#engine.ledger.invalidatedBetween(flight.names, flight.since, arrival.since);
  }

  #serveOrThrow(call: Call, atHand: AtHand | undefined, arrival: Arrival, error: unknown): unknown {
    if (atHand === undefined || !call.policy.accepts(error)) {
      this.#engine.reporter.miss(call, arrival.started);
      throw error;
    }
    return this.#serve(call, atHand, arrival);
  }

  #serve(call: Call, atHand: AtHand, arrival: Arrival): unknown {
    this.#engine.reporter.hit(call, atHand.tier, 'stale', arrival.started);
    return atHand.value;
  }

  /** Refreshes an entry before it expires, in the background, once; nobody waits for it. */
  #refresh(call: Call): void {
    const engine = this.#engine;
    engine.background.run(`refresh ${call.key}`, async () => {
      const state = this.#flights.enter(call.key);
      try {
        if (state.running() !== undefined) return;
        // Another process may have refreshed it since this copy was made.
        const found = await findShared(engine, { subject: call, policy: call.policy });
        const retryIn = found.entry?.stored.retryIn ?? 0;
        if (retryIn > 0) engine.local.postpone(call.key, retryIn);
        if (found.state === 'fresh' || retryIn > 0 || state.running() !== undefined) return;
        if (found.token === undefined && call.policy.tiers !== 'local') return;
        const copy = call.policy.tiers === 'local' ? engine.local.find(call.key) : undefined;
        const stale = copy ?? (found.entry && { value: copyOf(found.entry), age: found.entry.stored.age });
        const flight = startLoad(engine, call, { reason: 'early', stale, token: found.token, background: true });
        this.#flights.launch(state, flight);
        await settled(flight.landing);
      } finally {
        this.#flights.leave(state);
      }
    });
  }
}

function staleIn(found: Found): AtHand | undefined {
  if (found.state !== 'stale' || found.entry === undefined) return undefined;
  return { value: copyOf(found.entry), age: found.entry.stored.age, tier: 'shared' };
}

/** Resolves when `promise` has settled, however. */
function settled(promise: Promise<unknown>): Promise<void> {
  return promise.then(
    () => undefined,
    () => undefined,
  );
}

function reasonOf(call: Call): unknown {
  return call.signal?.reason ?? new DOMException('The call was cancelled', 'AbortError');
}
