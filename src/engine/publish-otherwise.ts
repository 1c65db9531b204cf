/** Publishing what is no new value: an error that is kept like one, and a value that was found to be still right. */
import { cachedClassOf } from '../kernel/cached-errors.js';
import type { Isolated } from '../kernel/isolation.js';
import { tagName } from '../kernel/names.js';
import type { ResolvedPolicy } from '../kernel/policy.js';
import { type Call, type Engine, tagNamesOf } from './call.js';
import { decodeFailure, encodeFailure } from './failure.js';
import type { FoundEntry } from './found-entry.js';
import { type Finished, finalTags, keep, type Published, reasonNotToKeep, sizeOf, withWishes } from './publish.js';

/** Keeps the error a load has failed with, if its policy says so. Never rejects: the error is what callers get, whatever happens here. */
export async function publishFailure(engine: Engine, call: Call, finished: Finished): Promise<'kept' | 'not wanted'> {
  const { value: error, wishes } = finished;
  const { cacheErrors } = call.policy;
  const errorClass = cachedClassOf(error, cacheErrors);
  if (cacheErrors === undefined || errorClass === undefined || !(error instanceof Error) || wishes.skipped)
    return 'not wanted';
  const tags = finalTags(engine, call, wishes);
  if (tags === undefined) return 'not wanted';
  const codec = call.policy.codec ?? engine.codec;
  const started = engine.clock.monotonic();
  try {
    const encoded = encodeFailure(codec, error, errorClass);
    const encodeMs = engine.clock.monotonic() - started;
    // As everybody who finds it will see it.
    const isolated: Isolated = { value: decodeFailure(codec, encoded, cacheErrors), handing: 'itself' };
    const { stored, names } = tagNamesOf(engine, tags);
    const bytes = sizeOf(encoded.body, engine.maxValueBytes);
    const keepable = { encoded, bytes, encodeMs, isolated, isNull: false, storedTags: stored, tagNames: names };
    await keep(engine, call, finished, keepable, policyOfErrors(call.policy, cacheErrors.ttl), 'error');
  } catch (failure) {
    engine.reporter.notStored(call, 'unencodable');
    engine.reporter.error(call, 'encode', failure);
  }
  return 'kept';
}

/** No stale error is ever served, nor one refreshed, nor kept alive by reading it. */
function policyOfErrors(policy: ResolvedPolicy, ttl: number): ResolvedPolicy {
  return { ...policy, ttl, sliding: undefined, expiresAt: undefined, grace: 0, early: undefined, nullTtl: undefined };
}

/** Lets the entry that was at hand live on: its value stays as it is in the store, and is what callers get. Never rejects. */
export async function publishUnchanged(
  engine: Engine,
  call: Call,
  finished: Finished,
  { stored, isolated }: FoundEntry,
): Promise<Published> {
  const { value, wishes } = finished;
  const reason = reasonNotToKeep(engine, call, value, wishes);
  const tags = reason === undefined ? finalTags(engine, call, wishes) : undefined;
  if (reason !== undefined) engine.reporter.notStored(call, reason);
  if (tags === undefined) return { value: isolated, isKept: false };
  const { encoded } = stored;
  // What made the value may have given it tags that this load, which has not made it, does not know.
  const storedTags = [...new Set([...stored.tags, ...tagNamesOf(engine, tags).stored])];
  const keepable = {
    encoded,
    bytes: sizeOf(encoded.body, engine.maxValueBytes),
    encodeMs: 0,
    isolated,
    isNull: value === null,
    storedTags,
    tagNames: storedTags.map(tagName),
  };
  const isKept = await keep(engine, call, finished, keepable, withWishes(call.policy, wishes), 'lifetime');
  return { value: isolated, isKept };
}
