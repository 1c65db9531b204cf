/**
 * The read path, top to bottom: local tier, shared tier, a load that is already running, a load of one's own.
 *
 * A caller that arrived before an invalidation of what a load depends on gets that load's value; one that arrived after it reads
 * the shared tier afresh, waits for the older load, reads again, and only then loads. So no caller is ever answered with a value
 * older than what was true when it called, and loads of one key are never stacked.
 */
import { LoadTimeoutError } from '../errors.js';
import type { BypassReason } from '../kernel/events.js';
import { take } from '../kernel/isolation.js';
import { type Arrival, type Arrived, type AtHand, arrive, type Missed, type Patience } from './arrival.js';
import { type Call, type Engine, mayRead, reasonOf } from './call.js';
import { KeptFailure } from './failure.js';
import { type Found, findShared, touchLater } from './find.js';
import { type Flight, type KeyState, type Landed, SingleFlight } from './flight.js';
import { copyOf } from './found-entry.js';
import { type LoadCause, startLoad } from './load.js';
import { loadAnew } from './load-anew.js';
import { isLoading, runUncached } from './load-context.js';
import type { LocalHit } from './local-tier.js';
import type { WholeCall } from './part-call.js';
import { ReadTogether } from './read-together.js';
import { refreshEarly } from './refresh.js';
import { onTerms } from './terms.js';
import { currentScope } from './transaction-scope.js';
import { settled, type Waited, waitFor } from './waiting.js';

/** The caller must look again: what it waited for is not for it. */
const AGAIN = Symbol('again');

export class ReadPath {
  readonly #engine: Engine;
  readonly #flights = new SingleFlight();
  readonly #together: ReadTogether;

  constructor(engine: Engine) {
    this.#engine = engine;
    this.#together = new ReadTogether(engine, this.#flights, {
      direct: (call, reason) => this.#direct(call, reason),
      hitLocally: (call, hit, state, started) => this.#hitLocally(call, hit, state, started),
      go: (call, arrived, found) => this.#go(call, arrived, found),
    });
  }

  /** Keys somebody waits for at this moment; for statistics and the test of bounded memory. */
  get keysUnderWay(): number {
    return this.#flights.size;
  }

  /** The value of a call. A local hit is found before this returns; only its promise is asynchronous. */
  fetch(given: Call): Promise<unknown> {
    const { reporter } = this.#engine;
    reporter.counters.calls += 1;
    try {
      return this.#fetch(given);
    } catch (error) {
      // Its policy was refused: no tier has answered.
      reporter.miss(given, 0);
      throw error;
    }
  }

  #fetch(given: Call): Promise<unknown> {
    const { reporter, local } = this.#engine;
    // Every running load holds its key in `flights`, so on a quiet cache a hit need not ask in which load it runs.
    const isLoad = this.#flights.size > 0 && isLoading(this.#engine, given.key);
    if (isLoad || currentScope() !== undefined) return this.#direct(given, 'scope');
    const call = onTerms(this.#engine, given);
    if (typeof call === 'string') return this.#direct(given, call);
    if (call.access?.read === 'none') return loadAnew(this.#engine, this.#flights, call);
    const started = reporter.start();
    if (call.tiers !== 'shared' && mayRead(call, 'local')) {
      const hit = local.findAny(call.key);
      if (hit !== undefined && hit.state !== 'stale') {
        if (!(hit.value instanceof KeptFailure))
          return Promise.resolve(this.#hitLocally(call, hit, hit.state, started));
        if (hit.value.isWantedBy(call.policy.cacheErrors)) {
          return this.#reject(call, this.#hitLocally(call, hit, hit.state, started));
        }
      }
    }
    return this.#go(call, arrive(this.#engine, this.#flights, call.key, started), undefined);
  }

  /**
   * The values of a call for different keys, in their order, each as if it were asked for alone; what is in the shared tier is read for all of
   * them at once. Rejects as soon as one of them fails.
   */
  fetchMany(whole: WholeCall): Promise<readonly unknown[]> {
    return this.#together.fetch(whole);
  }

  /** What a kept failure means for a caller: what its miss has meant. */
  async #reject(call: Call, failure: unknown): Promise<unknown> {
    const error = failure instanceof KeptFailure ? failure.error() : failure;
    const { fallback, accepts } = call.policy;
    if (fallback === undefined || !accepts(error)) throw error;
    const value = await fallback(error, call.args ?? []);
    this.#engine.reporter.fallback(call, error);
    return value;
  }

  /** The value of a load that begins now, whatever is stored. */
  loadAnew(given: Call): Promise<unknown> {
    const { reporter } = this.#engine;
    reporter.counters.calls += 1;
    if (isLoading(this.#engine, given.key) || currentScope() !== undefined) return this.#direct(given, 'scope');
    const call = onTerms(this.#engine, given);
    if (typeof call === 'string') return this.#direct(given, call);
    return loadAnew(this.#engine, this.#flights, call);
  }

  #hitLocally(call: Call, hit: LocalHit, state: 'fresh' | 'early', started: number): unknown {
    if (hit.touchDue) touchLater(this.#engine, call);
    if (state === 'early' && hit.retryIn <= 0) refreshEarly(this.#engine, this.#flights, call);
    this.#engine.reporter.hit(call, 'local', state, started);
    return hit.value;
  }

  /** Code that loads a key and asks for that key means the method itself; code inside of a transaction, that on its data. */
  async #direct(call: Call, reason: BypassReason): Promise<unknown> {
    this.#engine.reporter.bypass(call, reason);
    return await runUncached((context) => call.load(context));
  }

  /** Answers a call that has come; `first` is what was read for it since then, if anything. */
  async #go(call: Call, { state, arrival }: Arrived, first: Found | undefined): Promise<unknown> {
    const { ledger } = this.#engine;
    let failure: KeptFailure | undefined;
    try {
      for (let found = first; failure === undefined; found = undefined) {
        found ??= await findShared(this.#engine, { subject: call, policy: call.policy, failures: 'wanted' });
        const answer = await this.#attempt(call, state, arrival, found);
        if (answer instanceof KeptFailure) failure = answer;
        else if (answer !== AGAIN) return answer;
      }
    } catch (error) {
      // Whatever a call is rejected with, cancelled ones included: it was answered by no tier.
      this.#missed(call, arrival);
      throw error;
    } finally {
      this.#flights.leave(state);
      ledger.end();
      call.standsBack?.();
    }
    return await this.#reject(call, failure);
  }

  async #attempt(call: Call, state: KeyState, arrival: Arrival, found: Found): Promise<unknown> {
    const { reporter } = this.#engine;
    arrival.bypassed = found.bypassed;
    if (found.entry !== undefined && (found.state === 'fresh' || found.state === 'early')) {
      if (found.state === 'early' && found.entry.stored.retryIn <= 0) refreshEarly(this.#engine, this.#flights, call);
      const value = copyOf(found.entry);
      reporter.hit(call, 'shared', found.state, arrival.started);
      return value;
    }
    const copy = call.policy.tiers === 'local' && mayRead(call, 'local') ? this.#findHere(call) : undefined;
    if (copy !== undefined && copy.state !== 'stale') return this.#hitLocally(call, copy, copy.state, arrival.started);
    const atHand = copy === undefined ? staleIn(found) : { value: copy.value, age: copy.age, tier: 'local' as const };
    const retryIn = copy?.retryIn ?? found.entry?.stored.retryIn ?? 0;
    if (atHand !== undefined && retryIn > 0) return this.#serve(call, atHand, arrival);
    return await this.#joinOrLoad(call, state, arrival, { atHand, token: found.token });
  }

  /** What the local tier has, where it is the only tier. */
  #findHere(call: Call): LocalHit | undefined {
    const copy = this.#engine.local.findAny(call.key);
    const isUnwanted = copy?.value instanceof KeptFailure && !copy.value.isWantedBy(call.policy.cacheErrors);
    return isUnwanted ? undefined : copy;
  }

  async #joinOrLoad(call: Call, state: KeyState, arrival: Arrival, missed: Missed): Promise<unknown> {
    if (call.signal?.aborted === true) throw reasonOf(call);
    const other = this.#flights.candidate(state, arrival.endings);
    if (other === undefined) return await this.#loadOwn(call, state, arrival, missed);
    call.standsBack?.();
    if (other.joinable && !this.#isHidden(other, call, arrival))
      return await this.#wait(call, state, arrival, missed, other, 'joined');
    if (other.state === 'running') {
      const { began } = other;
      const patience = this.#patience(call, arrival, missed.atHand, call.policy.leaseTimeout);
      const waited = await waitFor(settled(other.landing), this.#engine.clock, patience.ms, call.signal, 'awaited');
      if (waited.ended === 'cancelled') throw reasonOf(call);
      if (waited.ended === 'timeout') {
        if (patience.limit !== 'lease') return await this.#giveUp(call, missed.atHand, arrival, patience.limit);
        if (state.latest?.flight === other && other.began === began)
          return await this.#loadOwn(call, state, arrival, missed);
      }
    }
    arrival.endings = state.endings;
    return AGAIN;
  }

  async #loadOwn(call: Call, state: KeyState, arrival: Arrival, missed: Missed): Promise<unknown> {
    const { atHand, token } = missed;
    const reason = atHand === undefined ? 'miss' : 'stale';
    const cause: LoadCause = { reason, stale: atHand, entry: atHand?.entry, token, background: false };
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
    const { reporter } = this.#engine;
    const { atHand } = missed;
    flight.join();
    const { waited, limit } = await this.#landing(call, arrival, atHand, flight, whose);
    if (waited.ended === 'timeout' && limit === 'soft') this.#toBackground(flight);
    flight.leave();
    if (waited.ended === 'value') {
      if (this.#isHidden(flight, call, arrival)) {
        arrival.endings = state.endings;
        return AGAIN;
      }
      const { value, from } = waited.value;
      const answer = take(value);
      if (from.tier === 'loader') this.#missed(call, arrival);
      else reporter.hit(call, 'shared', from.state, arrival.started);
      return answer;
    }
    if (waited.ended === 'cancelled') throw reasonOf(call);
    if (waited.ended === 'error') return await this.#serveOrThrow(call, atHand, arrival, waited.error);
    if (limit !== 'lease') return await this.#giveUp(call, atHand, arrival, limit);
    if (atHand !== undefined) return this.#serve(call, atHand, arrival);
    // The lease is over: whoever notices first loads by itself, the others join that load.
    if (state.latest?.flight === flight) return await this.#loadOwn(call, state, arrival, missed);
    return AGAIN;
  }

  /** How waiting for a flight ends. One that was itself waiting for another process until lately is given its time anew. */
  async #landing(
    call: Call,
    arrival: Arrival,
    atHand: AtHand | undefined,
    flight: Flight,
    whose: 'own' | 'joined',
  ): Promise<{ readonly waited: Waited<Landed>; readonly limit: Patience['limit'] }> {
    for (;;) {
      const { began } = flight;
      const patience = this.#patience(call, arrival, atHand, whose === 'own' ? Infinity : call.policy.leaseTimeout);
      const waited = await waitFor(flight.landing, this.#engine.clock, patience.ms, call.signal, 'awaited');
      const again =
        waited.ended === 'timeout' && patience.limit === 'lease' && atHand === undefined && flight.began > began;
      if (!again) return { waited, limit: patience.limit };
    }
  }

  /** How much longer a caller waits, and which limit it then has reached. */
  #patience(call: Call, arrival: Arrival, atHand: AtHand | undefined, lease: number): Patience {
    const elapsed = this.#engine.clock.monotonic() - arrival.at;
    const soft = atHand === undefined ? Infinity : Math.max(0, call.policy.softTimeout - elapsed);
    const hard = Math.max(0, call.policy.hardTimeout - elapsed);
    if (soft <= Math.min(hard, lease)) return { ms: soft, limit: 'soft' };
    return hard <= lease ? { ms: hard, limit: 'hard' } : { ms: lease, limit: 'lease' };
  }

  /** A caller's own time is over: it takes what is at hand, or fails. */
  async #giveUp(call: Call, atHand: AtHand | undefined, arrival: Arrival, limit: 'soft' | 'hard'): Promise<unknown> {
    this.#engine.reporter.timeout(call, limit);
    if (limit === 'soft' && atHand !== undefined) return this.#serve(call, atHand, arrival);
    const bound = `within ${call.policy.hardTimeout} ms (hardTimeout)`;
    const error = new LoadTimeoutError('LOAD_TIMEOUT', `\`${call.key}\` was not loaded ${bound}`);
    return await this.#serveOrThrow(call, atHand, arrival, error);
  }

  /** Somebody was answered without it: the flight runs to its end whoever leaves, and `idle` and `close` wait for it. */
  #toBackground(flight: Flight): void {
    if (flight.background) return;
    flight.toBackground();
    this.#engine.background.adopt(flight.landing);
  }

  /**
   * Whether a flight is too old for a caller: it began before an invalidation that was known when the caller called, or so long
   * before the call that one in another process may have gone unheard. To a strong call every flight is that began before it.
   */
  #isHidden(flight: Flight, call: Call, arrival: Arrival): boolean {
    const { ledger, local } = this.#engine;
    if (call.policy.consistency === 'strong' && flight.began < arrival.at) return true;
    if (ledger.invalidatedBetween(flight.names, flight.since, arrival.since)) return true;
    if (arrival.ledgerIs === 'in doubt' && flight.began < arrival.at && this.#mayBeHidden(flight)) return true;
    return call.policy.tiers !== 'local' && !local.vouches(flight.began, arrival.at);
  }

  /** A transaction may have committed between a flight's beginning and a later call, whenever that is or was learned here. */
  #mayBeHidden({ names, since }: Flight): boolean {
    const { ledger, unsettled } = this.#engine;
    return unsettled.hides(names) || ledger.invalidatedBetween(names, since, ledger.now);
  }

  async #serveOrThrow(call: Call, atHand: AtHand | undefined, arrival: Arrival, error: unknown): Promise<unknown> {
    const { accepts, fallback } = call.policy;
    if (!accepts(error)) throw error;
    if (atHand !== undefined) return this.#serve(call, atHand, arrival);
    if (fallback === undefined) throw error;
    const value = await fallback(error, call.args ?? []);
    this.#missed(call, arrival);
    this.#engine.reporter.fallback(call, error);
    return value;
  }

  /** No tier has answered: it had no value, or was not asked. */
  #missed(call: Call, { bypassed, started }: Arrival): void {
    if (bypassed === undefined) this.#engine.reporter.miss(call, started);
    else this.#engine.reporter.bypass(call, bypassed);
  }

  #serve(call: Call, atHand: AtHand, arrival: Arrival): unknown {
    this.#engine.reporter.hit(call, atHand.tier, 'stale', arrival.started);
    return atHand.value;
  }
}

function staleIn(found: Found): AtHand | undefined {
  if (found.state !== 'stale' || found.entry === undefined) return undefined;
  const { entry } = found;
  return { value: copyOf(entry), age: entry.stored.age, tier: 'shared', entry };
}
