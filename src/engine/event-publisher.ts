/**
 * The event publisher: tells whoever listens in the database what this cache does. A sample of the events is gathered and sent in one statement
 * a second at most, off every call's path; what comes faster than that is dropped, and counted.
 */
import type { Clock, Timer } from '../kernel/clock.js';
import type { CacheEvent } from '../kernel/events.js';
import type { Background } from './background.js';

export interface EventPublisherOptions {
  readonly clock: Clock;
  readonly background: Background;
  /** Share of the events that are published, above 0 up to 1. */
  readonly sample: number;
  /** Which cache of which process this is. */
  readonly origin: string;
  readonly random: () => number;
  readonly send: (messages: readonly string[]) => Promise<void>;
  readonly onDrop: () => void;
}

/** Milliseconds between two statements, and events in one: so much a process adds to the database's notifications, and no more. */
const EVERY = 1_000;
const AT_ONCE = 100;

/** Longest message in bytes: PostgreSQL takes 7999. */
const MAX_BYTES = 7_900;
/** Longest text in a message that has to be cut, in characters of up to three bytes. */
const CUT_AT = 500;

export class EventPublisher {
  readonly #options: EventPublisherOptions;
  #messages: string[] = [];
  #timer: Timer | undefined;

  constructor(options: EventPublisherOptions) {
    this.#options = options;
  }

  /** A listener. */
  readonly hear = (event: CacheEvent): void => {
    const { sample, random, clock, origin, onDrop } = this.#options;
    if (sample < 1 && random() >= sample) return;
    if (this.#messages.length >= AT_ONCE) {
      onDrop();
      return;
    }
    this.#messages.push(messageOf(event, clock.wall(), origin));
    this.#timer ??= clock.schedule(EVERY, () => this.#flush());
  };

  /** Sends nothing more. */
  close(): void {
    this.#timer?.cancel();
    this.#messages = [];
  }

  #flush(): void {
    this.#timer = undefined;
    const messages = this.#messages;
    this.#messages = [];
    this.#options.background.run('publish events', async () => await this.#options.send(messages));
  }
}

/** An event as others hear it: its fields, when it was (`at`, milliseconds since 1970) and whose. Of an error its message only. */
export function messageOf(event: CacheEvent, at: number, origin: string): string {
  const fields = { at, origin, ...event, ...('error' in event ? { error: errorText(event.error) } : {}) };
  const message = JSON.stringify(fields, withoutUndefined);
  if (Buffer.byteLength(message) <= MAX_BYTES) return message;
  const { tags: _tags, ...others } = { tags: undefined, ...fields };
  return JSON.stringify(others, (_key, value: unknown) => (typeof value === 'string' ? value.slice(0, CUT_AT) : value));
}

function errorText(error: unknown): string | undefined {
  if (error instanceof Error) return error.message;
  return error === undefined ? undefined : `no Error, but a ${typeof error}`;
}

/** JSON has none, and bigints are no numbers there. */
function withoutUndefined(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}
