/** The parts of a model world that its helpers work with. */
import type { CacheInstance } from '../../../src/engine/cache.js';
import type { Store } from '../../../src/ports/store.js';
import type { History, Key } from './engine-history.js';
import type { Fault, Scenario } from './engine-steps.js';

/** One cache of the world. */
export interface Process {
  readonly index: number;
  readonly cache: CacheInstance;
  readonly fault: { now: Fault };
  /** Names its ledger holds when it has nothing to remember. */
  readonly namesAtRest: number;
}

/** What a deliberately broken world does otherwise. */
export interface Breakage {
  readonly localLease?: number;
  readonly isolation?: 'shared';
  /** Between the engine and the table. */
  readonly store?: (store: Store) => Store;
  /** Between the user and the engine. */
  readonly getOrSet?: (cache: CacheInstance) => CacheInstance['getOrSet'];
}

/** A world, as those see it who act in it. */
export interface ModelWorld {
  readonly scenario: Scenario;
  readonly breakage: Breakage;
  readonly history: History;
  /** Waits to be released, or does not: the scenario's pseudo-random numbers say. */
  pass(who: 'store' | 'loader', label: string, signal?: AbortSignal): Promise<void>;
  /** A number for a value. */
  nextId(): number;
  /** What the source has under `key` now. */
  version(key: Key): number;
  say(text: string): void;
}
