/** An observer that remembers every event, for tests to look at. */
import type { CacheEvent } from '../kernel/events.js';
import type { Observer } from '../ports/observer.js';

type EventType = CacheEvent['type'];

export class Recorder implements Observer {
  readonly #events: CacheEvent[] = [];

  onEvent(event: CacheEvent): void {
    this.#events.push(event);
  }

  /** All events so far, in order. */
  get events(): readonly CacheEvent[] {
    return this.#events;
  }

  /** The types of all events so far, in order: what happened, at a glance. */
  get types(): readonly EventType[] {
    return this.#events.map(({ type }) => type);
  }

  /** The events of one type, in order. */
  of<T extends EventType>(type: T): readonly Extract<CacheEvent, { readonly type: T }>[] {
    return this.#events.filter((event): event is Extract<CacheEvent, { readonly type: T }> => event.type === type);
  }

  /** How many events of one type there were. */
  count(type: EventType): number {
    return this.of(type).length;
  }

  /** Forgets everything. */
  clear(): void {
    this.#events.length = 0;
  }
}
