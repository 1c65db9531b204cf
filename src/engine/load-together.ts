/**
 * Loading together: several calls, each with its own key, flight, lease and token, whose loads are one call of one loader. Each load goes its
 * way as if it were alone, up to the moment in which its loader would run. There it waits until every other call of the group has
 * come as far, or stands back because it needs no load or waits for somebody else's; then one loader runs for all that have come.
 *
 * Whoever stands back is not waited for: two groups that hold what the other one needs would wait for each other. What comes later (a lease
 * that was waited for in vain, an early refresh) is loaded with what comes in the same turn of the event loop.
 */
import type { Duration } from '../kernel/policy.js';
import {
  currentLoading,
  type LoadContext,
  type Loading,
  nothingAtHand,
  RunningLoad,
  runTogether,
} from './load-context.js';

/** Runs for some of the group's calls, by their positions; answers their values in this order, undefined for what there is none of. */
export type LoaderOfMany = (positions: readonly number[], context: LoadManyContext) => Promise<readonly unknown[]>;

/** The contexts of several loads as one: what is said to it is said to all. */
export interface LoadManyContext extends LoadContext {
  /** That of one of them, by its place among those now loaded, from 0. */
  at(place: number): LoadContext;
}

/** A load that has come to its loader. */
interface Asked {
  readonly position: number;
  readonly context: LoadContext;
  readonly loading: Loading | undefined;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

export class LoadTogether {
  readonly #load: LoaderOfMany;
  /** By position, whether a call has come to its loader or stands back; and how many have not, as far as is known. */
  readonly #decided: Uint8Array;
  #undecided: number;
  #asked: Asked[] = [];
  #refreshes: Asked[] = [];
  #foreground: NodeJS.Immediate | undefined;
  #background: NodeJS.Immediate | undefined;

  /** @param size how many calls the group has */
  constructor(size: number, load: LoaderOfMany) {
    this.#load = load;
    this.#decided = new Uint8Array(size);
    this.#undecided = size;
  }

  /** The loader of one of the calls. */
  ask(position: number, context: LoadContext): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const asked: Asked = { position, context, loading: currentLoading(), resolve, reject };
      if (context.reason === 'early') {
        this.#refreshes.push(asked);
        // Refreshes are begun one by one, in the background; those of one group come in one turn, as their leases and reads do.
        this.#background ??= setImmediate(() => {
          this.#background = undefined;
          void this.#run(this.#refreshes.splice(0));
        });
        return;
      }
      this.#asked.push(asked);
      this.decided(position);
    });
  }

  /** A call has come to its loader, or stands back. */
  decided(position: number): void {
    if (this.#decided[position] === 0) {
      this.#decided[position] = 1;
      this.#undecided -= 1;
    }
    if (this.#undecided > 0 || this.#asked.length === 0) return;
    this.#foreground ??= setImmediate(() => {
      this.#foreground = undefined;
      void this.#run(this.#asked.splice(0));
    });
  }

  async #run(asked: readonly Asked[]): Promise<void> {
    // Everybody may have left while the others were waited for.
    const present = asked.filter(({ context, reject }) => {
      const isCancelled = context instanceof RunningLoad ? context.isCancelled : context.signal.aborted;
      if (isCancelled) reject(context.signal.reason);
      return !isCancelled;
    });
    if (present.length === 0) return;
    // They came as their leases did; the loader is asked in the order in which its caller asked.
    const all = present.sort((one, other) => one.position - other.position);
    const context = new JoinedContext(all.map((asked) => asked.context));
    const positions = all.map(({ position }) => position);
    try {
      const loads = all.map(({ loading }) => loading);
      const values = await runTogether(loads, context, async () => await this.#load(positions, context));
      for (const [place, { resolve }] of all.entries()) resolve(values[place]);
    } catch (error) {
      for (const { reject } of all) reject(error);
    }
  }
}

class JoinedContext implements LoadManyContext {
  readonly key = undefined;
  readonly stale = undefined;
  readonly state = 'dead';
  readonly reason: LoadContext['reason'];
  readonly #contexts: readonly LoadContext[];
  #signal: AbortSignal | undefined;

  constructor(contexts: readonly LoadContext[]) {
    this.#contexts = contexts;
    const reasons = new Set(contexts.map(({ reason }) => reason));
    const [only = 'miss'] = reasons;
    this.reason = reasons.size === 1 ? only : 'miss';
  }

  /** Made when it is first asked for: most loaders never do. */
  get signal(): AbortSignal {
    this.#signal ??= whenAllAbort(this.#contexts.map(({ signal }) => signal));
    return this.#signal;
  }

  at(place: number): LoadContext {
    const context = this.#contexts[place];
    if (context === undefined) throw new RangeError(`No load has the place ${place}`);
    return context;
  }

  ttl(ttl: Duration): void {
    for (const context of this.#contexts) context.ttl(ttl);
  }

  tags(...tags: string[]): void {
    for (const context of this.#contexts) context.tags(...tags);
  }

  /** Each value has its own: `at(place).notModified()`. */
  notModified(): never {
    throw nothingAtHand();
  }

  skip(): void {
    for (const context of this.#contexts) context.skip();
  }
}

/** Aborts when nobody waits for any of them any more. */
function whenAllAbort(signals: readonly AbortSignal[]): AbortSignal {
  const [only] = signals;
  if (signals.length === 1 && only !== undefined) return only;
  const controller = new AbortController();
  let left = signals.length;
  const aborted = (reason: unknown): void => {
    left -= 1;
    if (left === 0) controller.abort(reason);
  };
  for (const signal of signals) {
    if (signal.aborted) aborted(signal.reason);
    else signal.addEventListener('abort', () => aborted(signal.reason), { once: true });
  }
  return controller.signal;
}
