/**
 * Many entries at once. Every call of the store that one entry takes is made for all of them in one turn, which is how they come to share
 * statements (DESIGN 5.3); in parts, so that each has the deadline of a part and not that of everything.
 */
import type { Engine } from './call.js';
import { copyOf, type FindOptions, type Found, findSharedMany, touchLater } from './find.js';
import { deletionOfMany, type Named } from './invalidation.js';
import { isLocallyRead, readOnTerms } from './terms.js';
import type { Join } from './transaction.js';
import { currentScope } from './transaction-scope.js';
import { deleteEntry, type Given, setEntry } from './write-path.js';

/** Most entries written at a time, and most bytes: one statement of the Postgres store. */
const WRITTEN_AT_ONCE = 500;
const BYTES_AT_ONCE = 4 * 1024 * 1024;

const NOT_ASKED: Partial<Found> = {};

/** Fresh values in the order asked, undefined where there is none. */
export async function getMany(engine: Engine, wanted: readonly FindOptions[]): Promise<readonly unknown[]> {
  const { reporter, local } = engine;
  const started = reporter.start();
  reporter.counters.calls += wanted.length;
  if (currentScope() !== undefined) {
    for (const { subject } of wanted) reporter.bypass(subject, 'scope');
    return [];
  }
  const values: unknown[] = [];
  const missing: FindOptions[] = [];
  const positions: number[] = [];
  for (let i = 0; i < wanted.length; i += 1) {
    const asked = wanted[i];
    if (asked === undefined) continue;
    const { subject } = asked;
    const one = readOnTerms(engine, asked);
    if (typeof one === 'string') {
      reporter.bypass(subject, one);
      continue;
    }
    const hit = isLocallyRead(one) ? local.find(subject.key) : undefined;
    if (hit === undefined || hit.state === 'stale') {
      missing.push(one);
      positions.push(i);
    } else {
      if (hit.touchDue) touchLater(engine, subject);
      reporter.hit(subject, 'local', hit.state, started);
      values[i] = hit.value;
    }
  }
  const found = await findSharedMany(engine, missing);
  for (let at = 0; at < missing.length; at += 1) {
    const subject = missing[at]?.subject ?? { key: '' };
    const { entry, state, bypassed } = found[at] ?? NOT_ASKED;
    if (entry !== undefined && (state === 'fresh' || state === 'early')) {
      reporter.hit(subject, 'shared', state, started);
      values[positions[at] ?? 0] = copyOf(entry);
    } else if (bypassed === undefined) {
      reporter.miss(subject, started);
    } else {
      reporter.bypass(subject, bypassed);
    }
  }
  return values;
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
