/** Entries as users look at them: `getEntry` and `entries`. */
import { take } from '../kernel/isolation.js';
import { isStoredEntity, unqualified } from '../kernel/names.js';
import type { Engine } from './call.js';
import { KeptFailure } from './failure.js';
import { type FindOptions, inspectShared } from './find.js';
import { copyOf, type FoundEntry } from './found-entry.js';

/** An entry, and what is left of its life. Times are milliseconds from now; `Infinity` = never. */
export interface Entry<T = unknown> {
  /** Its key; of one too long to be stored whole its beginning, `~` and a hash. */
  readonly key: string;
  readonly value: T;
  /** `early`: fresh, and the next call that loads also refreshes it. `stale`: over, may be served if loading fails. */
  readonly state: 'fresh' | 'early' | 'stale';
  readonly tags: readonly string[];
  /** Until it is no longer fresh; 0 when it is stale. */
  readonly freshFor: number;
  /** Until it may not even be served stale. */
  readonly servableFor: number;
  /** Until a call refreshes it early; 0 when it is due. */
  readonly refreshIn: number;
  /** Until its loader may be tried again after a failure; 0 = now. */
  readonly retryIn: number;
  /** The window by which reads extend it; undefined when they do not. */
  readonly sliding: number | undefined;
  /** Since it was written. */
  readonly age: number;
}

/** The entry under a key, wherever it lives; nothing is kept or renewed for the look at it. */
export async function inspectEntry(engine: Engine, options: FindOptions): Promise<Entry | undefined> {
  const { key } = options.subject;
  const copy = engine.local.inspect(key);
  if (copy !== undefined && !(copy.isolated.value instanceof KeptFailure)) {
    const { fresh, early } = copy.remaining;
    const state = fresh <= 0 ? 'stale' : early <= 0 ? 'early' : 'fresh';
    // Names of tags in the log are two characters longer than the tags.
    const stored = { ...copy, tags: copy.tagNames.map((name) => name.slice(2)) };
    return view(engine, key, state, take(copy.isolated), stored);
  }
  const { state, entry } = await inspectShared(engine, options);
  return entry === undefined || state === 'dead' ? undefined : entryOf(engine, key, state, entry);
}

/** An entry that was found in the shared tier. */
export function entryOf(engine: Engine, key: string, state: Entry['state'], entry: FoundEntry): Entry {
  return view(engine, key, state, copyOf(entry), entry.stored);
}

type Stored = Pick<FoundEntry['stored'], 'tags' | 'remaining' | 'retryIn' | 'age' | 'sliding'>;

function view(engine: Engine, key: string, state: Entry['state'], value: unknown, stored: Stored): Entry {
  const { remaining, retryIn, age, sliding } = stored;
  const { namespace } = engine;
  return {
    key,
    value,
    state,
    tags: stored.tags.filter((tag) => !isStoredEntity(tag)).map((tag) => unqualified(namespace, tag)),
    freshFor: Math.max(0, remaining.fresh),
    servableFor: Math.max(0, remaining.stale),
    refreshIn: Math.max(0, remaining.early),
    retryIn: Math.max(0, retryIn),
    sliding,
    age,
  };
}
