/** An event stream: events to be read one after the other, as fast as its reader likes. What it cannot keep up with is dropped, and counted. */

import type { CacheEvent } from '../kernel/events.js';
import { refuse } from '../kernel/expectation.js';

/** What `events` takes. */
export interface EventStreamOptions {
  /** Most events that wait for their reader; then the oldest is dropped for each that comes. A positive integer. Default 1000. */
  readonly buffer?: number | undefined;
}

/** Everything a cache does, from the moment `events` was called. Ends with `return()`, with a `break` out of its loop, and with the cache. */
export interface CacheEvents extends AsyncIterableIterator<CacheEvent, undefined> {
  /** Events dropped so far, because the reader was too slow. */
  readonly dropped: number;
  return(): Promise<IteratorResult<CacheEvent, undefined>>;
  [Symbol.asyncIterator](): CacheEvents;
}

const DEFAULT_BUFFER = 1_000;

const DONE = Object.freeze({ done: true, value: undefined });

type Result = IteratorResult<CacheEvent, undefined>;

export class EventStream implements CacheEvents {
  readonly #buffer: number;
  readonly #onDrop: () => void;
  #waiting: CacheEvent[] = [];
  readonly #readers: ((result: Result) => void)[] = [];
  #dropped = 0;
  #leave: (() => void) | undefined;

  /**
   * @param join begins to hear events, and answers how to stop
   * @throws ConfigurationError `INVALID_OPTION` for a buffer that is no positive integer
   */
  constructor(
    { buffer = DEFAULT_BUFFER }: EventStreamOptions,
    join: (listener: (event: CacheEvent) => void) => () => void,
    onDrop: () => void,
  ) {
    if (!Number.isSafeInteger(buffer) || buffer <= 0) {
      const expected = 'a positive integer';
      throw refuse({ option: 'buffer', expected, got: buffer, subject: 'events()', code: 'INVALID_OPTION' });
    }
    this.#buffer = buffer;
    this.#onDrop = onDrop;
    this.#leave = join((event) => this.#hear(event));
  }

  get dropped(): number {
    return this.#dropped;
  }

  next(): Promise<Result> {
    const value = this.#waiting.shift();
    if (value !== undefined) return Promise.resolve({ done: false, value });
    if (this.#leave === undefined) return Promise.resolve(DONE);
    return new Promise((resolve) => this.#readers.push(resolve));
  }

  return(): Promise<Result> {
    this.#waiting = [];
    this.end();
    return Promise.resolve(DONE);
  }

  /** Hears nothing more; what waits can still be read. */
  end(): void {
    this.#leave?.();
    this.#leave = undefined;
    for (const resolve of this.#readers.splice(0)) resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #hear(event: CacheEvent): void {
    const reader = this.#readers.shift();
    if (reader !== undefined) {
      reader({ done: false, value: event });
      return;
    }
    if (this.#waiting.length >= this.#buffer) {
      this.#waiting.shift();
      this.#dropped += 1;
      this.#onDrop();
    }
    this.#waiting.push(event);
  }
}
