/**
 * The write path: values and invalidations that a user gives. The store decides; this process's local tier follows in the moment
 * the store has answered, and drops what it holds when the store failed, because the statement may have been carried out.
 */
import { CodecError } from '../errors.js';
import { lifetimesOf } from '../kernel/lifetimes.js';
import { namespaceName } from '../kernel/names.js';
import type { ResolvedPolicy } from '../kernel/policy.js';
import type { InvalidationKind } from '../ports/store.js';
import { type Engine, identify, tagNamesOf } from './call.js';
import { candidate, entryWrite, localLife, prepareStrictly, receivedLife } from './publish.js';
import type { Subject } from './reporter.js';

/** Stores a given value, as of now. */
export async function setEntry(engine: Engine, key: string, value: unknown, policy: ResolvedPolicy): Promise<void> {
  const subject: Subject & { readonly key: string } = { key, useCase: policy.useCase, keyType: policy.keyType };
  if (value === undefined)
    throw new CodecError('UNENCODABLE_VALUE', `\`${key}\` cannot be set to undefined, which means "not there"`);
  if (value === null && !policy.cacheNull) {
    engine.reporter.notStored(subject, 'skipped');
    await deleteEntry(engine, key);
    return;
  }
  const prepared = prepareStrictly(engine, policy.codec ?? engine.codec, value);
  if (prepared.bytes > engine.maxValueBytes) {
    throw new CodecError(
      'VALUE_TOO_LARGE',
      `The value of \`${key}\` has ${prepared.bytes} bytes, the most is ${engine.maxValueBytes}`,
    );
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
      const receipt = await follow(
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
  const { id, keyName: name } = identify(engine, key);
  let wasLocal = false;
  const receipt = await follow(
    engine,
    { operation: 'invalidate', key, names: [name] },
    () => engine.store.delete(id),
    () => {
      wasLocal = engine.local.remove(key) || wasLocal;
    },
  );
  engine.reporter.invalidated({ key }, 'delete', []);
  return receipt.existed || wasLocal;
}

/** Makes an entry stale: no longer fresh, served within its grace if loading fails. */
export async function expireEntry(engine: Engine, key: string): Promise<void> {
  const { keyName: name } = identify(engine, key);
  await follow(
    engine,
    { operation: 'invalidate', key, names: [name] },
    () => engine.store.invalidate([name], 'expire'),
    () => engine.local.expire(key),
  );
  engine.reporter.invalidated({ key }, 'expire', []);
}

/** Invalidates every entry that carries one of `tags`. */
export async function invalidateTags(engine: Engine, tags: readonly string[], kind: InvalidationKind): Promise<void> {
  const { names } = tagNamesOf(engine, tags);
  if (names.length === 0) return;
  await invalidateNames(engine, names, kind);
  engine.reporter.invalidated({ key: undefined }, kind, tags);
}

/** The same for a method that has done its work: what the store cannot be told now stays owed. Never rejects. */
export async function invalidateTagsSurely(
  engine: Engine,
  tags: readonly string[],
  kind: InvalidationKind,
): Promise<void> {
  try {
    await invalidateTags(engine, tags, kind);
  } catch {
    // Reported where it failed.
    engine.owed.owe(tagNamesOf(engine, tags).names, kind);
  }
}

/** Invalidates names, whatever they stand for; nothing is dropped but what the ledger then hides. */
export async function invalidateNames(
  parts: Followed,
  names: readonly string[],
  kind: InvalidationKind,
): Promise<void> {
  await follow(
    parts,
    { operation: 'invalidate', key: undefined, names },
    () => parts.store.invalidate(names, kind),
    () => undefined,
  );
}

/** Invalidates everything in this cache's namespace. */
export async function clearNamespace(engine: Engine): Promise<void> {
  const names = [namespaceName(engine.namespace)];
  await follow(
    engine,
    { operation: 'invalidate', key: undefined, names },
    () => engine.store.invalidate(names, 'delete'),
    () => engine.local.clear(),
  );
  engine.reporter.invalidated({ key: undefined }, 'clear', []);
}

/** Extends a sliding entry as of now; whether there was a fresh one. */
export async function touchEntry(engine: Engine, key: string): Promise<boolean> {
  if (engine.local.touch(key)) return true;
  const asked = engine.clock.monotonic();
  const remaining = await engine.store.touchStrictly(identify(engine, key).id);
  if (remaining !== undefined) engine.local.extend(key, remaining, asked);
  return remaining !== undefined;
}

/** The parts of an engine that follow what the store did. */
type Followed = Pick<Engine, 'store' | 'ledger' | 'reporter'>;

/** What is about to change: by which kind of call, under which key if it is one, and the log's names it changes. */
interface Change {
  readonly operation: 'write' | 'invalidate';
  readonly key: string | undefined;
  readonly names: readonly string[];
}

/**
 * Lets this process's local tier follow what the store did. When the store failed, everything these names could hide is hidden
 * here all the same: nobody knows whether it was carried out.
 */
async function follow<Receipt extends { readonly xid: number }>(
  engine: Followed,
  change: Change,
  act: () => Promise<Receipt>,
  drop: () => unknown,
): Promise<Receipt> {
  try {
    const receipt = await act();
    engine.ledger.learn(change.names, receipt.xid);
    drop();
    return receipt;
  } catch (error) {
    engine.ledger.learn(change.names, undefined);
    drop();
    engine.reporter.error({ key: change.key }, change.operation, error);
    throw error;
  }
}
