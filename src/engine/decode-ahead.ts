/**
 * Decoding ahead: entries of a read of many, while the rest of them is still on its way. Only that: which of them may be served is decided
 * when all are there, and what was decoded for an answer that does not come, or comes otherwise, is forgotten.
 */
import { AsyncResource } from 'node:async_hooks';
import type { HearEarly, StoredEntry } from '../ports/store.js';
import type { Engine } from './call.js';
import { isFailure } from './failure.js';
import { type DecodeOptions, decodeValue, type FoundEntry } from './found-entry.js';

/**
 * Milliseconds of one read that are spent on it. As long as the store makes its answer it is time saved; a codec that takes longer would keep
 * the answer waiting in the socket until its deadline is over.
 */
const MOST_MS = 5;

/** Entries after which it is looked how long that has taken. */
const LOOK_EVERY = 25;

export class DecodedAhead {
  readonly #engine: Engine;
  #policyAt: (place: number) => DecodeOptions['policy'] | undefined;
  #entries: (FoundEntry | undefined)[] = [];
  #spent = 0;
  /** For the port. A codec runs where its caller is, and not where the socket is read. */
  readonly hearEarly: HearEarly;

  /** @param policyAt by which policy an entry is decoded; undefined = it is not wanted */
  constructor(engine: Engine, policyAt: (place: number) => DecodeOptions['policy'] | undefined) {
    this.#engine = engine;
    this.#policyAt = policyAt;
    // Not `AsyncResource.bind`: with it more outlived the next quick garbage collection (docs/performance.md, of many at once).
    const caller = new AsyncResource('keepsake.readMany');
    this.hearEarly = (places, entries) => caller.runInAsyncScope(this.#decode, this, places, entries);
  }

  /** What was decoded of this very entry. */
  of(place: number, stored: StoredEntry | undefined): FoundEntry | undefined {
    const entry = this.#entries[place];
    return entry?.stored === stored ? entry : undefined;
  }

  /**
   * Lets go of everything: the answer has been used. What hears of entries is reached from what reads the socket for longer than the call takes, and
   * what it held outlived quick garbage collections: all values of a call, a third of its processor time (Node 20, pg 8.23).
   */
  forget(): void {
    this.#entries = [];
    this.#policyAt = () => undefined;
  }

  #decode(places: readonly number[], entries: readonly StoredEntry[]): void {
    const { clock } = this.#engine;
    for (let at = 0; at < places.length && this.#spent < MOST_MS; at += LOOK_EVERY) {
      const began = clock.monotonic();
      this.#decodeSome(places, entries, at);
      this.#spent += clock.monotonic() - began;
    }
  }

  #decodeSome(places: readonly number[], entries: readonly StoredEntry[], from: number): void {
    const end = Math.min(places.length, from + LOOK_EVERY);
    for (let i = from; i < end; i += 1) {
      const [place = 0, stored] = [places[i], entries[i]];
      if (stored !== undefined) this.#entries[place] = this.#decoded(place, stored);
    }
  }

  #decoded(place: number, stored: StoredEntry): FoundEntry | undefined {
    const policy = this.#policyAt(place);
    const { encoded } = stored;
    if (policy === undefined || isFailure(encoded)) return undefined;
    try {
      return decodeValue(this.#engine, policy, stored, encoded);
    } catch {
      // Said when it is decoded again, if it is still wanted then.
      return undefined;
    }
  }
}
