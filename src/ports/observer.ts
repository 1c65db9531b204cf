/** The observer port: who hears what the cache does. */
import type { CacheEvent } from '../kernel/events.js';

/** Hears every event. An observer that throws harms nobody; it is called synchronously and should be quick. */
export interface Observer {
  onEvent(event: CacheEvent): void;
}

/** Where warnings go; `console` fits. */
export interface Logger {
  warn(message: string): void;
}
