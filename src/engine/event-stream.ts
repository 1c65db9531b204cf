/** An event stream: events to be read one after the other, as fast as its reader likes. What it cannot keep up with is dropped, and counted. */

import type { CacheEvent } from '../kernel/events.js';
import { refuse } from '../kernel/expectation.js';
import type { BusHealth } from '../ports/bus.js';
import type { FarEvents } from './far-events.js';
import type { PublishedEvent } from './published-event.js';

/** What `events` takes. */
export interface EventStreamOptions {
  /** Most events that wait for their reader; then the oldest is dropped for each that comes. A positive integer. Default 1000. */
  readonly buffer?: number | undefined;
  /** `true`: also what other processes publish (`publishEvents`). Default false. */
  readonly cluster?: false | undefined;
}

/** The same, for events of other processes as well. */
export interface ClusterEventStreamOptions extends Omit<EventStreamOptions, 'cluster'> {
  readonly cluster: true;
}

/** Everything a cache does, from the moment `events` was called. Ends with `return()`, with a `break` out of its loop, and with the cache. */
export interface CacheEvents<Event = CacheEvent> extends AsyncIterableIterator<Event, undefined> {
  /** Events dropped so far, because the reader was too slow. */
  readonly dropped: number;
  return(): Promise<IteratorResult<Event, undefined>>;
  [Symbol.asyncIterator](): CacheEvents<Event>;
}

/** The same, and what other processes publish: those events have an `origin`. */
export interface ClusterEvents extends CacheEvents<CacheEvent | PublishedEvent> {
  /** Whether other processes are heard at present; `closed` also where there are none. */
  readonly state: BusHealth['state'];
  /** Messages on the channel that were no events. */
  readonly ignored: number;
  [Symbol.asyncIterator](): ClusterEvents;
}

const DEFAULT_BUFFER = 1_000;

const DONE = Object.freeze({ done: true, value: undefined });

type Join<Event> = (listener: (event: Event) => void) => () => void;

export class EventStream<Event = CacheEvent> implements CacheEvents<Event> {
  readonly #buffer: number;
  readonly #onDrop: () => void;
  #waiting: Event[] = [];
  readonly #readers: ((result: IteratorResult<Event, undefined>) => void)[] = [];
  #dropped = 0;
  #leave: (() => void) | undefined;

  /**
   * @param join begins to hear events, and answers how to stop
   * @throws ConfigurationError `INVALID_OPTION` for a buffer that is no positive integer
   */
  constructor({ buffer = DEFAULT_BUFFER }: Pick<EventStreamOptions, 'buffer'>, join: Join<Event>, onDrop: () => void) {
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

  next(): Promise<IteratorResult<Event, undefined>> {
    const value = this.#waiting.shift();
    if (value !== undefined) return Promise.resolve({ done: false, value });
    if (this.#leave === undefined) return Promise.resolve(DONE);
    return new Promise((resolve) => this.#readers.push(resolve));
  }

  return(): Promise<IteratorResult<Event, undefined>> {
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

  #hear(event: Event): void {
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

export class ClusterEventStream extends EventStream<CacheEvent | PublishedEvent> implements ClusterEvents {
  readonly #status: { state: () => BusHealth['state']; ignored: number };

  /**
   * @param join begins to hear this process's events, and answers how to stop
   * @throws ConfigurationError `INVALID_OPTION` for a buffer that is no positive integer, and where there are processes that cannot be heard
   */
  constructor(options: Pick<EventStreamOptions, 'buffer'>, join: Join<CacheEvent>, far: FarEvents, onDrop: () => void) {
    const status: { state: () => BusHealth['state']; ignored: number } = { state: () => 'closed', ignored: 0 };
    const joinBoth: Join<CacheEvent | PublishedEvent> = (listener) => {
      const hearing = far.hear({
        onEvent: listener,
        onIgnored: () => {
          status.ignored += 1;
        },
      });
      const leave = join(listener);
      status.state = () => hearing.state;
      return () => {
        leave();
        hearing.leave();
      };
    };
    super(options, joinBoth, onDrop);
    this.#status = status;
  }

  get state(): BusHealth['state'] {
    return this.#status.state();
  }

  get ignored(): number {
    return this.#status.ignored;
  }
}
