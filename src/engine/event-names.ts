/** Names under which events can be listened to: their types, and some of a type by what they say. */

import { closestName } from '../kernel/closest-name.js';
import type { CacheEvent } from '../kernel/events.js';
import { refuse } from '../kernel/expectation.js';

/** Names that stand for some events of a type, or for all. */
interface Derived {
  /** A call was answered with a stale value. */
  readonly stale: Extract<CacheEvent, { readonly type: 'hit' }>;
  /** A load that callers wait for has ended. */
  readonly load: Extract<CacheEvent, { readonly type: 'loadEnd' }>;
  /** A load in the background has ended. */
  readonly refresh: Extract<CacheEvent, { readonly type: 'loadEnd' }>;
  /** Every event. */
  readonly '*': CacheEvent;
}

/** What `on` takes: the type of an event, `stale`, `load`, `refresh`, or `*` for all. */
export type EventName = CacheEvent['type'] | keyof Derived;

/** The event of a name. */
export type EventOf<Name extends EventName> = Name extends keyof Derived
  ? Derived[Name]
  : Extract<CacheEvent, { readonly type: Name }>;

const DERIVED: Readonly<Record<keyof Derived, (event: CacheEvent) => boolean>> = {
  stale: (event) => event.type === 'hit' && event.state === 'stale',
  load: (event) => event.type === 'loadEnd' && !event.background,
  refresh: (event) => event.type === 'loadEnd' && event.background,
  '*': () => true,
};

/** By a record, so that the compiler misses none. */
const TYPES: Readonly<Record<CacheEvent['type'], true>> = {
  hit: true,
  miss: true,
  bypass: true,
  loadStart: true,
  loadEnd: true,
  write: true,
  notStored: true,
  invalidate: true,
  evict: true,
  timeout: true,
  breaker: true,
  fallback: true,
  error: true,
};

/**
 * Whether an event is one of this name.
 *
 * @throws ConfigurationError `INVALID_OPTION` for a name that stands for no event
 */
export function matcherOf<Name extends EventName>(name: Name): (event: CacheEvent) => event is EventOf<Name> {
  const known = [...Object.keys(TYPES), ...Object.keys(DERIVED)];
  if (!known.includes(name)) {
    const closest = closestName(String(name), known);
    const hint = closest === undefined ? '' : ` (did you mean '${closest}'?)`;
    throw refuse({
      option: 'event',
      expected: `one of ${known.join(', ')}${hint}`,
      got: name,
      subject: 'on()',
      code: 'INVALID_OPTION',
    });
  }
  const derived = Object.entries(DERIVED).find(([other]) => other === name)?.[1];
  const matches = derived ?? ((event: CacheEvent): boolean => event.type === name);
  return (event): event is EventOf<Name> => matches(event);
}
