/** Hearing what the cache does: listeners, and streams of events. */
import type { CacheEvent } from '../../kernel/events.js';
import { refuse } from '../../kernel/expectation.js';
import { type EventName, type EventOf, matcherOf } from '../event-names.js';
import {
  type CacheEvents,
  ClusterEventStream,
  type ClusterEventStreamOptions,
  type ClusterEvents,
  EventStream,
  type EventStreamOptions,
} from '../event-stream.js';
import { Primitives } from './primitives.js';

export abstract class Events extends Primitives {
  readonly #streams = new Set<{ end(): void }>();

  /**
   * Calls `listener` for every event of this name from now on, while the call it is about goes on; so it should be quick. What it throws, or
   * rejects with, is warned about and harms nobody.
   *
   * @param name the type of an event, `stale`, `load` (that callers waited for), `refresh` (in the background), or `*` for all
   * @returns a function that ends it
   * @throws ConfigurationError `INVALID_OPTION` for an unknown name, and for what is no function
   * @example const off = Cache.on('stale', ({ useCase, key }) => log.warn(`${useCase} is answered stale`))
   */
  on<Name extends EventName>(name: Name, listener: (event: EventOf<Name>) => unknown): () => void {
    this.assertOpen();
    const matches = matcherOf(name);
    requireFunction(listener);
    return this.engine.reporter.audience.join((event) => (matches(event) ? listener(event) : undefined));
  }

  /**
   * Everything this cache does from now on, in this process, to be read in a loop. A slow reader keeps nobody waiting: at most `buffer` events
   * wait for it, then the oldest are dropped, and counted (`dropped`). Leave the loop with `break`, or call `return()`, when you are done.
   *
   * With `cluster: true` also what other processes publish (`publishEvents`), over the connection that listens, or one that lasts as long as
   * the loop. Messages that are no events are left out, and counted (`ignored`).
   *
   * @throws ConfigurationError `INVALID_OPTION` for a bad `buffer`, and for `cluster` with a dialect that cannot listen
   * @example for await (const event of Cache.events()) console.log(event.type, event.key)
   */
  events(options: ClusterEventStreamOptions): ClusterEvents;
  events(options?: EventStreamOptions): CacheEvents;
  events(options: EventStreamOptions | ClusterEventStreamOptions = {}): CacheEvents | ClusterEvents {
    this.assertOpen();
    const { audience, counters } = this.engine.reporter;
    const join = (listener: (event: CacheEvent) => void): (() => void) => {
      const leave = audience.join(listener);
      return () => {
        leave();
        this.#streams.delete(stream);
      };
    };
    const onDrop = (): void => {
      counters.eventsDropped += 1;
    };
    const stream =
      options.cluster === true
        ? new ClusterEventStream(options, join, this.parts.farEvents, onDrop)
        : new EventStream(options, join, onDrop);
    this.#streams.add(stream);
    return stream;
  }

  /** Streams end with the cache. @internal */
  protected endEvents(): void {
    for (const stream of this.#streams) stream.end();
  }
}

/** What untyped code may give. */
function requireFunction(listener: unknown): void {
  if (typeof listener === 'function') return;
  throw refuse({ option: 'listener', expected: 'a function', got: listener, subject: 'on()', code: 'INVALID_OPTION' });
}
