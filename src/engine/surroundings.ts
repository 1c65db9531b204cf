/**
 * Surroundings: what code that now runs is in, of all that concerns caches. One asynchronous context for all of it, so that whoever asks
 * looks only once, and not at all as long as nobody has opened anything.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { CallScope } from './access.js';

interface Surroundings {
  /** The transaction scope; known to transaction-scope.ts only. */
  readonly transaction: object | undefined;
  /** The innermost scope of calls. */
  readonly calls: CallScope | undefined;
}

const NONE: Surroundings = { transaction: undefined, calls: undefined };

const surroundings = new AsyncLocalStorage<Surroundings>();

/** What the code now running is in. */
export function currentSurroundings(): Surroundings {
  return surroundings.getStore() ?? NONE;
}

/** Runs `run`, and everything it starts, with these surroundings changed. */
export function runIn<T>(change: Partial<Surroundings>, run: () => T): T {
  return surroundings.run({ ...currentSurroundings(), ...change }, run);
}
