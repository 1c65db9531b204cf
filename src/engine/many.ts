/**
 * Many entries at once. Every call of the store that one entry takes is made for all of them in one turn, which is how they come to share
 * statements (DESIGN 5.3); in parts, so that each has the deadline of a part and not that of everything.
 */
import type { Engine } from './call.js';
import { type FindOptions, findSharedMany, touchLater } from './find.js';
import { handOver } from './found-entry.js';
import { deletionOfMany, type Named } from './invalidation.js';
import { type AskedTogether, takeLocalHits } from './local-hits.js';
import { isLocallyRead, isUnconcerned, type ReadWanted, readOnTerms } from './terms.js';
import type { Join } from './transaction.js';
import { currentScope } from './transaction-scope.js';
import { deleteEntry, type Given, setEntry } from './write-path.js';

/** Most entries written at a time, and most bytes: one statement of the Postgres store. */
const WRITTEN_AT_ONCE = 500;
const BYTES_AT_ONCE = 4 * 1024 * 1024;

/** A read of many entries by one policy. */
export interface ReadTogether extends AskedTogether {
  readonly policy: ReadWanted['policy'];
}

/** Fresh values in the order asked, undefined where there is none. */
export async function getMany(engine: Engine, asked: ReadTogether): Promise<readonly unknown[]> {
  const { reporter } = engine;
  const { keys, useCase, keyType, policy } = asked;
  const started = reporter.start();
  reporter.counters.calls += keys.length;
  if (currentScope() !== undefined) {
    for (const key of keys) reporter.bypass({ key, useCase, keyType }, 'scope');
    return [];
  }
  const values: unknown[] = new Array(keys.length);
  const isHeard = reporter.audience.isThere;
  const isUsual = isUnconcerned(engine, { ...policy, useCase, keyType });
  const places = isUsual ? takeLocalHits(engine, asked, started, values) : [...keys.keys()];
  const optionsOf = (one: Missing): FindOptions => (typeof one === 'number' ? wantedAt(asked, one) : one.options);
  let sharedHits = 0;
  await findSharedMany(engine, {
    all: isUsual && engine.local.keepsNothing ? places : missingOf(engine, asked, { places, isUsual, started, values }),
    keyOf: (one) => keys[placeOf(one)] ?? '',
    optionsOf,
    use(one, { state, entry, bypassed }, owner) {
      if (entry !== undefined && (state === 'fresh' || state === 'early')) {
        if (state === 'fresh' && !isHeard) sharedHits += 1;
        else reporter.hit(optionsOf(one).subject, 'shared', state, started);
        values[placeOf(one)] = handOver(entry, owner);
      } else if (bypassed === undefined) {
        reporter.miss(optionsOf(one).subject, started);
      } else {
        reporter.bypass(optionsOf(one).subject, bypassed);
      }
    },
  });
  reporter.uneventfulHits('shared', sharedHits);
  return values;
}

interface LocalRead {
  readonly places: readonly number[];
  readonly isUsual: boolean;
  readonly started: number;
  readonly values: unknown[];
}

/** Takes what copies there are, of all that may be read at all; what is left. */
function missingOf(engine: Engine, asked: ReadTogether, { places, isUsual, started, values }: LocalRead): Missing[] {
  const missing: Missing[] = [];
  for (const place of places) {
    const wanted = wantedAt(asked, place);
    const one = isUsual ? wanted : readOnTerms(engine, wanted);
    if (typeof one === 'string') engine.reporter.bypass(wanted.subject, one);
    else if (!takeLocalHit(engine, one, started, values, place))
      missing.push(isUsual ? place : { place, options: one });
  }
  return missing;
}

/** The place of a key that no copy answers; with its options, where they are not those of all others. */
type Missing = number | { readonly place: number; readonly options: FindOptions };

function placeOf(one: Missing): number {
  return typeof one === 'number' ? one : one.place;
}

function wantedAt({ keys, useCase, keyType, policy }: ReadTogether, place: number): ReadWanted {
  return { subject: { key: keys[place] ?? '', useCase, keyType }, policy };
}

/** Answers one of them by whatever copy there is; whether there is one that may. */
function takeLocalHit(engine: Engine, one: FindOptions, started: number, values: unknown[], place: number): boolean {
  if (engine.local.keepsNothing || !isLocallyRead(one)) return false;
  const hit = engine.local.find(one.subject.key);
  if (hit === undefined || hit.state === 'stale') return false;
  if (hit.touchDue) touchLater(engine, one.subject);
  engine.reporter.hit(one.subject, 'local', hit.state, started);
  values[place] = hit.value;
  return true;
}

/** Stores given values; inside of a transaction their keys are made invalid together. */
export async function setMany(engine: Engine, all: readonly Given[]): Promise<void> {
  const scope = currentScope();
  if (scope !== undefined) {
    for (const { subject } of all) engine.reporter.notStored(subject, 'skipped');
    const entries = all.map(({ subject: { key } }) => ({ key }));
    await scope.join(engine, deletionOfMany(engine, entries));
    return;
  }
  for (const part of partsOf(all, ({ keepable }) => keepable?.bytes ?? 0)) {
    await allOf(part.map((given) => setEntry(engine, given)));
  }
}

/** Deletes different entries; how many there were, or 0 in a transaction, where nobody looks. */
export async function deleteMany(engine: Engine, entries: readonly Named[], join: Join | undefined): Promise<number> {
  if (join !== undefined) {
    await join(engine, deletionOfMany(engine, entries));
    return 0;
  }
  let deleted = 0;
  for (const part of partsOf(entries, () => 0)) {
    const existed = await allOf(part.map(({ key, id }) => deleteEntry(engine, key, id)));
    deleted += existed.filter((one) => one).length;
  }
  return deleted;
}

function* partsOf<T>(all: readonly T[], bytesOf: (one: T) => number): Generator<readonly T[]> {
  let part: T[] = [];
  let bytes = 0;
  for (const one of all) {
    const more = bytesOf(one);
    if (part.length === WRITTEN_AT_ONCE || (part.length > 0 && bytes + more > BYTES_AT_ONCE)) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(one);
    bytes += more;
  }
  if (part.length > 0) yield part;
}

/** Waits for all of them, whichever fail: nothing goes on behind the back of who was told of the first failure. */
async function allOf<T>(work: readonly Promise<T>[]): Promise<readonly T[]> {
  await Promise.allSettled(work);
  return await Promise.all(work);
}
