/**
 * The write path: values and invalidations that a user gives. The store decides; this process's local tier follows in the moment
 * the store has answered, and drops what it holds when the store failed, because the statement may have been carried out.
 */
import { CodecError } from '../errors.js';
import type { Isolated } from '../kernel/isolation.js';
import { lifetimesOf } from '../kernel/lifetimes.js';
import type { ResolvedPolicy } from '../kernel/policy.js';
import type { EntryWrite, WriteReceipt } from '../ports/store.js';
import { type Engine, identify, tagNamesOf } from './call.js';
import { followStore } from './follow-store.js';
import { deletionOf } from './invalidation.js';
import {
  candidate,
  decodedOf,
  entryWrite,
  type LocalLife,
  localLife,
  Prepared,
  prepareStrictly,
  receivedLife,
} from './publish.js';
import type { Subject } from './reporter.js';
import { currentScope } from './transaction-scope.js';

/** A value that is given, with everything that storing it needs. */
export class Given {
  readonly subject: Subject & { readonly key: string };
  readonly policy: ResolvedPolicy;
  /** Undefined: a null that the policy does not let in. */
  readonly keepable: GivenValue | undefined;

  constructor(subject: Given['subject'], policy: ResolvedPolicy, keepable: GivenValue | undefined) {
    this.subject = subject;
    this.policy = policy;
    this.keepable = keepable;
  }
}

class GivenValue extends Prepared {
  readonly isNull: boolean;
  /** What the local tier may keep; undefined when it does not. */
  readonly isolated: Isolated | undefined;
  readonly storedTags: readonly string[];
  readonly tagNames: readonly string[];

  constructor(
    { encoded, bytes, encodeMs }: Prepared,
    isNull: boolean,
    isolated: Isolated | undefined,
    tags: { readonly stored: readonly string[]; readonly names: readonly string[] },
  ) {
    super(encoded, bytes, encodeMs);
    this.isNull = isNull;
    this.isolated = isolated;
    this.storedTags = tags.stored;
    this.tagNames = tags.names;
  }
}

/**
 * Encodes a value, and refuses what cannot be stored, before anything has happened.
 *
 * @throws CodecError
 */
export function give(engine: Engine, key: string, value: unknown, policy: ResolvedPolicy): Given {
  const subject = { key, useCase: policy.useCase, keyType: policy.keyType };
  if (value === undefined)
    throw new CodecError('UNENCODABLE_VALUE', `\`${key}\` cannot be set to undefined, which means "not there"`);
  if (value === null && !policy.cacheNull) return new Given(subject, policy, undefined);
  const codec = policy.codec ?? engine.codec;
  const prepared = prepareStrictly(engine, codec, value);
  if (prepared.bytes > engine.maxValueBytes) {
    throw new CodecError(
      'VALUE_TOO_LARGE',
      `The value of \`${key}\` has ${prepared.bytes} bytes, the most is ${engine.maxValueBytes}`,
    );
  }
  const isolated =
    policy.tiers === 'shared' || engine.local.keepsNothing
      ? undefined
      : engine.local.protect(decodedOf(codec, prepared.encoded), policy.isolation);
  const tags = tagNamesOf(engine, policy.tags);
  return new Given(subject, policy, new GivenValue(prepared, value === null, isolated, tags));
}

/** Stores a given value, as of now; inside of a transaction it only makes its key invalid. */
export async function setEntry(engine: Engine, given: Given): Promise<void> {
  const { subject, keepable } = given;
  const scope = currentScope();
  if (scope !== undefined) {
    // What others may not see yet must not be stored; what was stored is out of date with the commit.
    engine.reporter.notStored(subject, 'skipped');
    await scope.join(engine, deletionOf(engine, subject.key));
  } else if (keepable === undefined) {
    engine.reporter.notStored(subject, 'skipped');
    await deleteEntry(engine, subject.key);
  } else {
    await write(engine, given, keepable, (entry) => engine.store.set(entry));
  }
}

/**
 * The same, unless a fresh entry is there; whether it was stored. Who is first of many, in all processes, is decided by the store.
 */
export async function setEntryIfAbsent(engine: Engine, given: Given): Promise<boolean> {
  const { subject, keepable, policy } = given;
  if (keepable === undefined) {
    engine.reporter.notStored(subject, 'skipped');
    return false;
  }
  if (policy.tiers === 'local' && (engine.local.peek(subject.key)?.freshFor ?? 0) > 0) return false;
  return await write(engine, given, keepable, (entry) => engine.store.setIfAbsent(entry));
}

/** Stores in the tiers of the policy; whether `act` has stored something, where the shared tier is one of them. */
async function write(
  engine: Engine,
  { subject, policy }: Given,
  keepable: GivenValue,
  act: (entry: EntryWrite) => Promise<WriteReceipt | undefined>,
): Promise<boolean> {
  const { key } = subject;
  const lifetimes = lifetimesOf(policy, { jitter: 'none', isNull: keepable.isNull });
  const { keyName: name } = identify(engine, key);
  // No store tells older loads of a local entry from younger ones: what of this key is under way may not be kept after this.
  if (policy.tiers === 'local') engine.ledger.learn([name], undefined);
  const since = engine.ledger.begin();
  try {
    const began = engine.clock.monotonic();
    const admit = (life: LocalLife, home: 'local' | 'shared'): void => {
      const { isolated, tagNames, bytes } = keepable;
      if (isolated === undefined) return;
      const base = { call: subject, keepable: { isolated, tagNames, bytes }, began, since, localTtl: policy.localTtl };
      engine.local.admit(candidate(engine, base, life, home));
    };
    if (policy.tiers === 'local') admit(localLife(engine, lifetimes), 'local');
    else {
      const asked = engine.clock.monotonic();
      const receipt = await followStore(
        engine,
        { operation: 'write', key, names: [name] },
        () => act(entryWrite(engine, key, keepable, lifetimes, undefined)),
        () => engine.local.remove(key),
      );
      if (receipt === undefined) return false;
      admit(receivedLife(receipt, lifetimes, asked), 'shared');
    }
    engine.reporter.stored(subject, policy.tiers, keepable);
    return true;
  } finally {
    engine.ledger.end();
  }
}

/** Deletes an entry, never to be served again, not even as stale. Whether a servable one was there. */
export async function deleteEntry(engine: Engine, key: string, id = identify(engine, key).id): Promise<boolean> {
  const deletion = deletionOf(engine, key, id);
  let wasLocal = false;
  const receipt = await followStore(
    engine,
    { operation: 'invalidate', ...deletion },
    () => engine.store.delete(id),
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
