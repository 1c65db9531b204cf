/**
 * Reading for many keys at once, the read path of `getOrSetMany`, `@CachedMany` and tables. Most of what is asked for together is there, so
 * nothing is made for a key before it is known that it is not: no call, no promise, no arrival of its own. What is not there goes the
 * way of any single call, from where it has come to.
 */
import type { BypassReason } from '../kernel/events.js';
import { type Arrival, type Arrived, arrive, momentOf } from './arrival.js';
import { type Call, type Engine, mayRead } from './call.js';
import { KeptFailure } from './failure.js';
import { type Found, findSharedMany } from './find.js';
import type { KeyState, SingleFlight } from './flight.js';
import { handOver } from './found-entry.js';
import { loadAnew } from './load-anew.js';
import { isLoading } from './load-context.js';
import { takeLocalHits } from './local-hits.js';
import type { LocalHit } from './local-tier.js';
import { partsOf, type WholeCall } from './part-call.js';
import { isUnconcerned, onTerms } from './terms.js';
import { currentScope } from './transaction-scope.js';

/** The read path of one key. */
export interface ReadOne {
  /** Runs the method without the cache. */
  direct(call: Call, reason: BypassReason): Promise<unknown>;
  hitLocally(call: Call, hit: LocalHit, state: 'fresh' | 'early', started: number): unknown;
  /** Answers a call that has come, by what was found for it since. */
  go(call: Call, arrived: Arrived, found: Found | undefined): Promise<unknown>;
}

/** A call that nothing local answers. */
interface Missed {
  readonly place: number;
  readonly call: Call;
  readonly arrived: Arrived;
}

/** What was being done about a key when a call for it came, and how many of its flights had ended. */
interface Entered {
  readonly state: KeyState;
  readonly endings: number;
}

export class ReadTogether {
  readonly #engine: Engine;
  readonly #flights: SingleFlight;
  readonly #one: ReadOne;

  constructor(engine: Engine, flights: SingleFlight, one: ReadOne) {
    this.#engine = engine;
    this.#flights = flights;
    this.#one = one;
  }

  /** The values in the order of the keys. Rejects as soon as one of them fails. */
  async fetch(whole: WholeCall): Promise<readonly unknown[]> {
    const { reporter, local } = this.#engine;
    const { keys, useCase, policy } = whole;
    reporter.counters.calls += keys.length;
    const started = reporter.start();
    const values: unknown[] = new Array(keys.length);
    if (!this.#isUsual(whole)) {
      await this.#fetchEach(whole, [...keys.keys()], started, values);
      return values;
    }
    const left = takeLocalHits(this.#engine, { keys, useCase, keyType: policy.keyType, policy }, started, values);
    if (left.length === 0) return values;
    // Copies that slide or are to be refreshed early, which only calls of their own can answer.
    const asksLocal = policy.tiers !== 'shared' && !local.keepsNothing;
    const isHere = (place: number): boolean => asksLocal && (local.peek(keys[place] ?? '')?.freshFor ?? 0) > 0;
    const here = asksLocal ? left.filter(isHere) : [];
    const missing = here.length === 0 ? left : left.filter((place) => !here.includes(place));
    await Promise.all([
      here.length === 0 ? undefined : this.#fetchEach(whole, here, started, values),
      missing.length === 0 ? undefined : this.#fetchMissing(whole, missing, started, values),
    ]);
    return values;
  }

  /** Whether every key goes the usual way: none is in a scope, has terms of its own, or is being loaded by the code now running. */
  #isUsual({ keys, useCase, policy }: WholeCall): boolean {
    if (currentScope() !== undefined) return false;
    const { keyType, tiers, consistency, ramp } = policy;
    if (!isUnconcerned(this.#engine, { useCase, keyType, tiers, consistency, ramp })) return false;
    return this.#flights.size === 0 || !keys.some((key) => isLoading(this.#engine, key));
  }

  /** Each by a call of its own, whatever it may do; only what is not here is read together. */
  async #fetchEach(whole: WholeCall, places: readonly number[], started: number, values: unknown[]): Promise<void> {
    const { local } = this.#engine;
    const isScoped = currentScope() !== undefined;
    const waiting: Promise<unknown>[] = [];
    const missed: Missed[] = [];
    const later = (place: number, value: Promise<unknown>): void => {
      const put = value.then((one) => (values[place] = one));
      // It may fail while others are still being read; then it is heard of in the end.
      put.catch(() => undefined);
      waiting.push(put);
    };
    for (const [i, given] of partsOf(whole, places).entries()) {
      const place = places[i] ?? 0;
      const isLoad = isScoped || (this.#flights.size > 0 && isLoading(this.#engine, given.key));
      const call = isLoad ? 'scope' : onTerms(this.#engine, given);
      if (typeof call === 'string') {
        later(place, this.#one.direct(given, call));
        continue;
      }
      const isLocal = call.tiers !== 'shared' && mayRead(call, 'local');
      const hit = isLocal ? local.find(call.key) : undefined;
      if (call.access?.read === 'none') {
        later(place, loadAnew(this.#engine, this.#flights, call));
      } else if (hit !== undefined && hit.state !== 'stale') {
        values[place] = this.#one.hitLocally(call, hit, hit.state, started);
        call.standsBack?.();
      } else {
        missed.push({ place, call, arrived: arrive(this.#engine, this.#flights, call.key, started) });
      }
    }
    const found: Found[] = [];
    await findSharedMany(this.#engine, {
      all: missed,
      keyOf: ({ call }) => call.key,
      optionsOf: ({ call }) => ({ subject: call, policy: call.policy, failures: 'wanted' }),
      use: (_, one) => found.push(one),
    });
    for (const [i, { place, call, arrived }] of missed.entries()) later(place, this.#one.go(call, arrived, found[i]));
    await Promise.all(waiting);
  }

  /** Reads what is not here, and makes calls of those keys only that the shared tier has nothing fresh for. */
  async #fetchMissing(whole: WholeCall, places: readonly number[], started: number, values: unknown[]): Promise<void> {
    const came = momentOf(this.#engine, started);
    const watch = this.#flights.watch();
    const entered = this.#enterBusy(whole, places);
    let waiting: readonly Promise<unknown>[];
    try {
      const left = await this.#takeFresh(whole, places, started, values);
      const found = [...left.values()];
      waiting = partsOf(whole, [...left.keys()]).map(async (call, i) => {
        const arrived = this.#enter(call.key, came, entered.get(call.key)?.endings);
        values[call.position] = await this.#one.go(call, arrived, found[i]);
      });
    } finally {
      this.#flights.unwatch(watch);
      for (const { state } of entered.values()) this.#flights.leave(state);
      this.#engine.ledger.end();
    }
    await Promise.all(waiting);
  }

  /** Enters the keys about which something is being done. Of the others nothing is to be remembered from before. */
  #enterBusy({ keys }: WholeCall, places: readonly number[]): ReadonlyMap<string, Entered> {
    const entered = new Map<string, Entered>();
    if (this.#flights.size === 0) return entered;
    for (const place of places) {
      const key = keys[place] ?? '';
      if (!this.#flights.isBusy(key)) continue;
      const state = this.#flights.enter(key);
      entered.set(key, { state, endings: state.endings });
    }
    return entered;
  }

  /** As if the key had been entered when its call came. */
  #enter(key: string, came: Omit<Arrival, 'endings'>, endings = 0): Arrived {
    this.#engine.ledger.begin();
    return { state: this.#flights.enter(key), arrival: { ...came, endings } };
  }

  /** Reads the shared tier, and puts what is fresh into `values`; what was found for all other places. */
  async #takeFresh(
    { keys, useCase, policy }: WholeCall,
    places: readonly number[],
    started: number,
    values: unknown[],
  ): Promise<ReadonlyMap<number, Found>> {
    const { reporter } = this.#engine;
    const { keyType } = policy;
    const isHeard = reporter.audience.isThere;
    const subjectOf = (place: number) => ({ key: keys[place] ?? '', useCase, keyType });
    const left = new Map<number, Found>();
    await findSharedMany(this.#engine, {
      all: places,
      keyOf: (place) => keys[place] ?? '',
      optionsOf: (place) => ({ subject: subjectOf(place), policy, failures: 'wanted' }),
      use: (place, found, owner) => {
        const { state, entry } = found;
        if (state !== 'fresh' || entry === undefined || entry.isolated.value instanceof KeptFailure) {
          left.set(place, found);
          return;
        }
        values[place] = handOver(entry, owner);
        if (isHeard) reporter.hit(subjectOf(place), 'shared', 'fresh', started);
      },
    });
    if (!isHeard) reporter.uneventfulHits('shared', places.length - left.size);
    return left;
  }
}
