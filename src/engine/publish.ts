/**
 * Publishing: from what a loader returned to what callers get and tiers keep. Callers get the value as a later hit would give it:
 * encoded and decoded, under the same isolation. What cannot or may not be stored is served all the same.
 */
import { CodecError, KeyError } from '../errors.js';
import type { Codec, Encoded } from '../kernel/codec.js';
import type { Isolated } from '../kernel/isolation.js';
import { lifetimesOf } from '../kernel/lifetimes.js';
import type { ResolvedPolicy } from '../kernel/policy.js';
import { MAX_TAGS } from '../kernel/tags.js';
import type { EntryWrite, Lifetimes, LoadToken, WriteReceipt } from '../ports/store.js';
import { type Call, type Engine, identify, mayFill, tagNamesOf } from './call.js';
import type { LoadWishes } from './load-context.js';
import type { Candidate } from './local-tier.js';
import type { Subject } from './reporter.js';

/** What is known about a finished load. */
export interface Finished {
  readonly value: unknown;
  readonly wishes: LoadWishes;
  /** Undefined when the store could not be asked: nothing is stored there. */
  readonly token: LoadToken | undefined;
  readonly began: number;
  readonly since: number;
  readonly loadMs: number;
}

/** A value in the form in which it is stored. A class, as all that holds values for the time of a call: see docs/design-decisions.md. */
export class Prepared {
  readonly encoded: Encoded;
  readonly bytes: number;
  readonly encodeMs: number;

  constructor(encoded: Encoded, bytes: number, encodeMs: number) {
    this.encoded = encoded;
    this.bytes = bytes;
    this.encodeMs = encodeMs;
  }
}

/** What has become of a result: the value as callers get it, and whether it is kept anywhere. */
export interface Published {
  readonly value: Isolated;
  readonly isKept: boolean;
}

/**
 * Stores and admits the result of a load, as far as its policy and the store allow, and answers it as callers get it. Never rejects:
 * the load has succeeded.
 */
export async function publishLoad(engine: Engine, call: Call, finished: Finished): Promise<Published> {
  const { value, wishes } = finished;
  const reason = reasonNotToKeep(engine, call, value, wishes);
  if (reason !== undefined) {
    engine.reporter.notStored(call, reason);
    return { value: handedOut(engine, call, value), isKept: false };
  }
  const prepared = prepare(engine, call, call.policy.codec ?? engine.codec, value);
  if (prepared === undefined) return { value: { value, handing: 'itself' }, isKept: false };
  const isolated = engine.local.protect(prepared.decoded, call.policy.isolation);
  const tags = finalTags(engine, call, wishes);
  if (tags === undefined) return { value: isolated, isKept: false };
  const tagged = tagNamesOf(engine, tags);
  const { encoded, bytes, encodeMs } = prepared;
  const [isNull, storedTags, tagNames] = [value === null, tagged.stored, tagged.names];
  const keepable = { encoded, bytes, encodeMs, isolated, isNull, storedTags, tagNames };
  const isKept = await keep(engine, call, finished, keepable, withWishes(call.policy, wishes));
  return { value: isolated, isKept };
}

/** Why a result is not one to keep, by its policy or by what its load has said; undefined when it is. */
export function reasonNotToKeep(
  engine: Engine,
  call: Call,
  value: unknown,
  wishes: LoadWishes,
): 'skipped' | 'condition' | undefined {
  const { cacheNull, unless } = call.policy;
  if (value === undefined || wishes.skipped || (value === null && !cacheNull)) return 'skipped';
  if (unless === undefined) return undefined;
  try {
    return unless(value, call.args ?? []) ? 'condition' : undefined;
  } catch (error) {
    engine.reporter.error(call, 'condition', error);
    return 'condition';
  }
}

/** A value that is not kept: its callers share it, so it is protected like one that is, unless it has no encoding. */
function handedOut(engine: Engine, { policy }: Call, value: unknown): Isolated {
  try {
    const codec = policy.codec ?? engine.codec;
    const { encoded } = prepareStrictly(engine, codec, value);
    return engine.local.protect(decodedOf(codec, encoded), policy.isolation);
  } catch {
    return { value, handing: 'itself' };
  }
}

/** A value that is going to be kept. */
export interface Keepable extends Prepared {
  readonly isNull: boolean;
  readonly isolated: Isolated;
  readonly storedTags: readonly string[];
  readonly tagNames: readonly string[];
}

/**
 * Keeps what has been prepared, where its policy wants it and as far as the store accepts it; answers whether it is kept anywhere.
 *
 * @param policy how long: that of the call, or one for what is no value
 */
export async function keep(
  engine: Engine,
  call: Call,
  finished: Pick<Finished, 'token' | 'began' | 'since' | 'loadMs'>,
  keepable: Keepable,
  policy: ResolvedPolicy,
  what: 'value' | 'error' | 'lifetime' = 'value',
): Promise<boolean> {
  if (call.access?.write === 'none') {
    engine.reporter.notStored(call, 'skipped');
    return false;
  }
  if (keepable.bytes > engine.maxValueBytes) {
    engine.reporter.notStored(call, 'too-large');
    return false;
  }
  const lifetimes = lifetimesOf(policy, {
    jitter: engine.random,
    isNull: keepable.isNull,
  });
  const { token, began, since, loadMs } = finished;
  const base = { began, since, call, keepable, localTtl: policy.localTtl };
  if (policy.tiers === 'local') {
    const kept = engine.local.admit(candidate(engine, base, localLife(engine, lifetimes), 'local'));
    if (kept) engine.reporter.stored(call, 'local', keepable, what);
    return kept;
  }
  if (!mayFill(call, 'shared')) {
    return keepLocally(engine, call, base, lifetimes);
  }
  const asked = engine.clock.monotonic();
  const by = what === 'lifetime' ? 'extend' : 'fill';
  const filled =
    token === undefined
      ? undefined
      : await engine.store[by](call, entryWrite(engine, call.key, keepable, lifetimes, loadMs), token);
  if (filled === undefined) {
    engine.reporter.notStored(call, 'store-unavailable');
    const life = localLife(engine, lifetimes, 'freshness alone');
    if (policy.tiers !== 'both' || !mayFill(call, 'local')) return false;
    return engine.local.admit(candidate(engine, base, life, 'unproven'));
  }
  if (filled.status === 'refused') {
    engine.reporter.notStored(call, filled.reason);
    return false;
  }
  const tiers = mayFill(call, 'local') ? policy.tiers : 'shared';
  engine.reporter.stored(call, tiers, keepable, what);
  if (tiers === 'both') {
    engine.local.admit(candidate(engine, base, receivedLife(filled.receipt, lifetimes, asked), 'shared'));
  }
  return true;
}

/**
 * Keeps a value that the shared tier is not to have: by the same lease as any copy, so that what others invalidate ends it. Nothing proves
 * it, so every invalidation that is learned after its load began counts.
 */
function keepLocally(engine: Engine, call: Call, base: CandidateParts, lifetimes: Lifetimes): boolean {
  const life = localLife(engine, lifetimes, 'freshness alone');
  const kept = engine.local.admit(candidate(engine, base, life, 'shared'));
  if (kept) engine.reporter.stored(call, 'local', { bytes: base.keepable.bytes, encodeMs: 0 });
  return kept;
}

/** Encodes a value, and decodes it again as every later hit will. Undefined (and reported) when it has no encoding. */
export function prepare(
  engine: Engine,
  subject: Subject,
  codec: Codec,
  value: unknown,
): (Prepared & { readonly decoded: unknown }) | undefined {
  try {
    const prepared = prepareStrictly(engine, codec, value);
    return { ...prepared, decoded: decodedOf(codec, prepared.encoded) };
  } catch (error) {
    engine.reporter.notStored(subject, 'unencodable');
    engine.reporter.error(subject, 'encode', error);
    return undefined;
  }
}

/** Encodes a value, for calls that want to know: throws CodecError. */
export function prepareStrictly(engine: Engine, codec: Codec, value: unknown): Prepared {
  const started = engine.clock.monotonic();
  const encoded = asCodecError(codec, () => codec.encode(value));
  return new Prepared(encoded, sizeOf(encoded.body, engine.maxValueBytes), engine.clock.monotonic() - started);
}

/** What every later hit will decode. Throws CodecError. */
export function decodedOf(codec: Codec, encoded: Encoded): unknown {
  return asCodecError(codec, () => codec.decode(encoded));
}

function asCodecError<T>(codec: Codec, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof CodecError) throw error;
    throw new CodecError('UNENCODABLE_VALUE', `The codec \`${codec.name}\` could not encode a value`, { cause: error });
  }
}

export function entryWrite(
  engine: Engine,
  key: string,
  keepable: Prepared & { readonly storedTags: readonly string[] },
  lifetimes: Lifetimes,
  loadMs: number | undefined,
): EntryWrite {
  return new Written(identify(engine, key).id, keepable.encoded, keepable.storedTags, lifetimes, loadMs);
}

class Written implements EntryWrite {
  readonly id: string;
  readonly encoded: Encoded;
  readonly tags: readonly string[];
  readonly lifetimes: Lifetimes;
  readonly loadMs: number | undefined;

  constructor(id: string, encoded: Encoded, tags: readonly string[], lifetimes: Lifetimes, loadMs: number | undefined) {
    this.id = id;
    this.encoded = encoded;
    this.tags = tags;
    this.lifetimes = lifetimes;
    this.loadMs = loadMs;
  }
}

/** How long a copy lives here, and what proves it. */
export type LocalLife = Pick<Candidate, 'remaining' | 'ceiling' | 'proof' | 'sliding' | 'measuredAt'>;

/** Remaining times as the store measured them. */
export function receivedLife(receipt: WriteReceipt, lifetimes: Lifetimes, asked: number): LocalLife {
  return {
    remaining: receipt.remaining,
    ceiling: receipt.ceiling,
    proof: { snapshot: receipt.token.snapshot, xid: receipt.xid },
    sliding: lifetimes.sliding,
    measuredAt: asked,
  };
}

const FRESHNESS_ALONE: Pick<Lifetimes, 'sliding' | 'grace' | 'early'> = {
  sliding: undefined,
  grace: 0,
  early: undefined,
};

/** Remaining times of an entry that no store measures; of one whose home is a store, while that is away, no more than how long it is fresh. */
export function localLife(engine: Engine, lifetimes: Lifetimes, what: 'all' | 'freshness alone' = 'all'): LocalLife {
  const { ttl, expiresAt } = lifetimes;
  const { sliding, grace, early } = what === 'all' ? lifetimes : FRESHNESS_ALONE;
  // Only a tier that is this process's own may decide by this process's wall clock.
  const ceiling = expiresAt === undefined ? (ttl ?? Infinity) : expiresAt - engine.clock.wall();
  const fresh = Math.min(ceiling, sliding ?? Infinity);
  return {
    remaining: { fresh, early: early ?? Infinity, stale: fresh + grace },
    ceiling,
    proof: undefined,
    sliding,
    measuredAt: engine.clock.monotonic(),
  };
}

/** What there is to keep, and since when it is true. */
interface CandidateParts extends Pick<Candidate, 'began' | 'since' | 'localTtl'> {
  readonly call: { readonly key: string };
  readonly keepable: { readonly isolated: Isolated; readonly tagNames: readonly string[]; readonly bytes: number };
}

/** A copy that the local tier may keep. */
export function candidate(engine: Engine, parts: CandidateParts, life: LocalLife, home: Candidate['home']): Candidate {
  const { call, keepable } = parts;
  // Written out: this is built for every value read or written, and copying an object by its rest costs more than all else here.
  return {
    key: call.key,
    keyName: identify(engine, call.key).keyName,
    tagNames: keepable.tagNames,
    isolated: keepable.isolated,
    bytes: keepable.bytes,
    began: parts.began,
    since: parts.since,
    remaining: life.remaining,
    measuredAt: life.measuredAt,
    sliding: life.sliding,
    ceiling: life.ceiling,
    proof: life.proof,
    home,
    localTtl: parts.localTtl,
  };
}

const NO_TAGS: readonly string[] = [];

/** All tags of a result. Undefined (and reported) when they cannot be made: without its tags a value must not be stored. */
export function finalTags(engine: Engine, call: Call, wishes: LoadWishes): readonly string[] | undefined {
  try {
    const own = call.tags();
    if (call.policy.tags.length + own.length + wishes.tags.length === 0) return NO_TAGS;
    const tags = new Set([...call.policy.tags, ...own, ...wishes.tags]);
    if (tags.size > MAX_TAGS)
      throw new KeyError('INVALID_KEY', `\`${call.key}\` has ${tags.size} tags, the most is ${MAX_TAGS}`);
    return [...tags];
  } catch (error) {
    engine.reporter.error(call, 'key', error);
    engine.reporter.notStored(call, 'skipped');
    return undefined;
  }
}

/** The policy of a result whose load may have said how long it lives. */
export function withWishes(policy: ResolvedPolicy, { ttl }: LoadWishes): ResolvedPolicy {
  return ttl === undefined ? policy : withTtl(policy, ttl);
}

/** A lifetime given by the load replaces the policy's ttl or expiresAt; sliding stays within it. */
function withTtl(policy: ResolvedPolicy, ttl: number): ResolvedPolicy {
  const sliding = policy.sliding === undefined ? undefined : Math.min(policy.sliding, ttl);
  return { ...policy, ttl, sliding, expiresAt: undefined, nullTtl: undefined };
}

/** Bytes of a body as UTF-8; counted exactly only where the bound could matter. */
export function sizeOf(body: string | Uint8Array, limit: number): number {
  if (typeof body !== 'string') return body.byteLength;
  return body.length * 3 <= limit ? body.length : Buffer.byteLength(body);
}
