/**
 * The write path: values and invalidations that a user gives. The store decides; this process's local tier follows in the moment
 * the store has answered, and drops what it holds when the store failed, because the statement may have been carried out.
 */
import { CodecError } from '../errors.js';
import { lifetimesOf } from '../kernel/lifetimes.js';
import type { ResolvedPolicy } from '../kernel/policy.js';
import { type Engine, identify, tagNamesOf } from './call.js';
import { followStore } from './follow-store.js';
import { deletionOf } from './invalidation.js';
import { candidate, entryWrite, localLife, prepareStrictly, receivedLife } from './publish.js';
import type { Subject } from './reporter.js';
import { currentScope } from './transaction-scope.js';

/** Stores a given value, as of now; inside of a transaction it only makes its key invalid. */
export async function setEntry(engine: Engine, key: string, value: unknown, policy: ResolvedPolicy): Promise<void> {
  const subject: Subject & { readonly key: string } = { key, useCase: policy.useCase, keyType: policy.keyType };
  if (value === undefined)
    throw new CodecError('UNENCODABLE_VALUE', `\`${key}\` cannot be set to undefined, which means "not there"`);
  const scope = currentScope();
  if (value === null && !policy.cacheNull) {
    engine.reporter.notStored(subject, 'skipped');
    if (scope === undefined) await deleteEntry(engine, key);
    else await scope.join(engine, deletionOf(engine, key));
    return;
  }
  const prepared = prepareStrictly(engine, policy.codec ?? engine.codec, value);
  if (prepared.bytes > engine.maxValueBytes) {
    throw new CodecError(
      'VALUE_TOO_LARGE',
      `The value of \`${key}\` has ${prepared.bytes} bytes, the most is ${engine.maxValueBytes}`,
    );
  }
  if (scope !== undefined) {
    // What others may not see yet must not be stored; what was stored is out of date with the commit.
    engine.reporter.notStored(subject, 'skipped');
    await scope.join(engine, deletionOf(engine, key));
    return;
  }
  const tagged = tagNamesOf(engine, policy.tags);
  const keepable = {
    ...prepared,
    isolated: engine.local.protect(prepared.decoded, policy.isolation),
    storedTags: tagged.stored,
    tagNames: tagged.names,
  };
  const lifetimes = lifetimesOf(policy, { jitter: 'none', isNull: value === null });
  const { keyName: name } = identify(engine, key);
  // No store tells older loads of a local entry from younger ones: what of this key is under way may not be kept after this.
  if (policy.tiers === 'local') engine.ledger.learn([name], undefined);
  const since = engine.ledger.begin();
  try {
    const base = { call: subject, keepable, began: engine.clock.monotonic(), since, localTtl: policy.localTtl };
    if (policy.tiers === 'local') {
      engine.local.admit(candidate(engine, { ...base, ...localLife(engine, lifetimes), home: 'local' }));
    } else {
      const asked = engine.clock.monotonic();
      const receipt = await followStore(
        engine,
        { operation: 'write', key, names: [name] },
        () => engine.store.set(entryWrite(engine, key, keepable, lifetimes, undefined)),
        () => engine.local.remove(key),
      );
      if (policy.tiers === 'both') {
        engine.local.admit(candidate(engine, { ...base, ...receivedLife(receipt, lifetimes, asked), home: 'shared' }));
      }
    }
    engine.reporter.stored(subject, policy.tiers, prepared.bytes, prepared.encodeMs);
  } finally {
    engine.ledger.end();
  }
}

/** Deletes an entry, never to be served again, not even as stale. Whether a servable one was there. */
export async function deleteEntry(engine: Engine, key: string): Promise<boolean> {
  const deletion = deletionOf(engine, key);
  let wasLocal = false;
  const receipt = await followStore(
    engine,
    { operation: 'invalidate', ...deletion },
    () => engine.store.delete(identify(engine, key).id),
    () => {
      wasLocal = deletion.drop() || wasLocal;
    },
  );
  deletion.report();
  return receipt.existed || wasLocal;
}

/** Extends a sliding entry as of now; whether there was a fresh one. */
export async function touchEntry(engine: Engine, key: string): Promise<boolean> {
  if (engine.local.touch(key)) return true;
  const asked = engine.clock.monotonic();
  const remaining = await engine.store.touchStrictly(identify(engine, key).id);
  if (remaining !== undefined) engine.local.extend(key, remaining, asked);
  return remaining !== undefined;
}
