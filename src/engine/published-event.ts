/** Published events, as other processes hear them: what a message of theirs says, or that it says nothing. */
import type { CacheEvent } from '../kernel/events.js';

/** An event of another process. What is undefined in an event is left out, and its `error` is a message. */
export type PublishedEvent = CacheEvent & {
  /** When it was, by that process's clock; milliseconds since 1970. */
  readonly at: number;
  /** Which cache of which process: the same text for all events of one, as long as that lives. */
  readonly origin: string;
};

type Kind = 'string' | 'number' | 'boolean';

/** What is in every message. */
const COMMON: Readonly<Record<string, Kind>> = { at: 'number', origin: 'string', cache: 'string' };

/** What is beside that in each, by a record, so that the compiler misses no type. */
const FIELDS: Readonly<Record<CacheEvent['type'], Readonly<Record<string, Kind>>>> = {
  hit: { tier: 'string', state: 'string', durationMs: 'number' },
  miss: { durationMs: 'number' },
  bypass: { reason: 'string' },
  loadStart: { background: 'boolean' },
  loadEnd: { background: 'boolean', outcome: 'string', durationMs: 'number' },
  write: { what: 'string', tiers: 'string', valueBytes: 'number', encodeMs: 'number' },
  notStored: { reason: 'string' },
  invalidate: { kind: 'string' },
  evict: {},
  timeout: { limit: 'string' },
  breaker: { state: 'string' },
  fallback: {},
  error: { operation: 'string' },
};

/** Texts that may be left out. */
const OPTIONAL = ['useCase', 'keyType', 'key', 'code'];

/** The event that a message tells of; undefined when it is none: anybody may send anything on any channel. */
export function parsePublished(text: string): PublishedEvent | undefined {
  const message = parseObject(text);
  const type: unknown = message && Reflect.get(message, 'type');
  if (message === undefined || typeof type !== 'string' || !isType(type)) return undefined;
  const has = ([field, kind]: [string, Kind]): boolean => typeof Reflect.get(message, field) === kind;
  const mayHave = (field: string): boolean => ['string', 'undefined'].includes(typeof Reflect.get(message, field));
  const isWhole =
    Object.entries(COMMON).every(has) && Object.entries(FIELDS[type]).every(has) && OPTIONAL.every(mayHave);
  if (!isWhole) return undefined;
  // One that was too long for a message comes without them.
  if (type === 'invalidate' && !isTexts(Reflect.get(message, 'tags'))) Reflect.set(message, 'tags', []);
  return message as PublishedEvent;
}

function parseObject(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function isType(type: string): type is CacheEvent['type'] {
  return Object.hasOwn(FIELDS, type);
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
