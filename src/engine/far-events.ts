/** Far events: what the other processes of a store publish, heard for as long as somebody reads it. */
import { randomUUID } from 'node:crypto';
import type { Bus, BusHealth } from '../ports/bus.js';
import { type PublishedEvent, parsePublished } from './published-event.js';

/** Who hears them. */
export interface FarListener {
  onEvent(event: PublishedEvent): void;
  /** A message was none. */
  onIgnored(): void;
}

/** A place among the listeners. */
export interface FarHearing {
  readonly state: BusHealth['state'];
  leave(): void;
}

export class FarEvents {
  /** By which this cache knows its own events, when it hears them. */
  readonly origin = randomUUID();
  readonly #makeBus: (() => Bus) | undefined;
  readonly #buses = new Set<Bus>();

  /** @param makeBus undefined: there are no other processes */
  constructor(makeBus: (() => Bus) | undefined) {
    this.#makeBus = makeBus;
  }

  hear({ onEvent, onIgnored }: FarListener): FarHearing {
    const bus = this.#makeBus?.();
    if (bus === undefined) return { state: 'closed', leave: () => undefined };
    this.#buses.add(bus);
    void bus.listen({
      onNames: () => undefined,
      onProven: () => undefined,
      onGap: () => undefined,
      onMessage: (text) => {
        const event = parsePublished(text);
        if (event === undefined) onIgnored();
        else if (event.origin !== this.origin) onEvent(event);
      },
    });
    return {
      get state() {
        return bus.health.state;
      },
      leave: () => void this.#leave(bus),
    };
  }

  /** Hears nothing more. */
  async close(): Promise<void> {
    await Promise.all([...this.#buses].map((bus) => bus.close()));
  }

  async #leave(bus: Bus): Promise<void> {
    await bus.close();
    this.#buses.delete(bus);
  }
}
