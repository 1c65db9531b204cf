/** Found entries: what the shared tier holds, with its value, and how values are handed to callers. */
import type { Codec, Encoded } from '../kernel/codec.js';
import { COUNTER_ENCODING, decodeCounter } from '../kernel/counter.js';
import { type Isolated, take } from '../kernel/isolation.js';
import type { Isolation, ResolvedPolicy } from '../kernel/policy.js';
import type { StoredEntry, StoreRead } from '../ports/store.js';
import type { Engine } from './call.js';
import { decodeFailure, isFailure } from './failure.js';
import type { Subject } from './reporter.js';

/** An entry with its value. A class for what kernel/isolation.ts says of object literals: it keeps more than a value does. */
export class FoundEntry {
  readonly isolated: Isolated;
  readonly stored: StoredEntry;

  constructor(isolated: Isolated, stored: StoredEntry) {
    this.isolated = isolated;
    this.stored = stored;
  }
}

/** How an entry is decoded, and for whom. */
export interface DecodeOptions {
  readonly subject: Subject;
  readonly policy: Pick<ResolvedPolicy, 'codec' | 'isolation'> & Partial<Pick<ResolvedPolicy, 'cacheErrors'>>;
  /** Given: errors that the policy keeps are found like values. Else they are misses. */
  readonly failures?: 'wanted';
}

/**
 * What was decoded, and how: two callers of one entry need not agree on that. Entries read by several callers at once are decoded once:
 * the store hands all of them the same object, and this is left on it. (In a WeakMap it would outlive every quick garbage collection.)
 */
class Decoded {
  readonly entry: FoundEntry;
  readonly codec: Codec;
  readonly isolation: Isolation | undefined;

  constructor(entry: FoundEntry, codec: Codec, isolation: Isolation | undefined) {
    this.entry = entry;
    this.codec = codec;
    this.isolation = isolation;
  }
}

/** Whose a value is: the caller's alone, who need not be given a copy, or others have it too. */
export type ValueOwner = 'caller' | 'several';

/** A copy for one caller. */
export function copyOf(entry: FoundEntry): unknown {
  return take(entry.isolated);
}

/** The same, or the value itself where nobody else will get it. */
export function handOver(entry: FoundEntry, owner: ValueOwner): unknown {
  return owner === 'caller' ? entry.isolated.value : copyOf(entry);
}

/** Undefined for what cannot be decoded, which is reported, and for an error that is not wanted. */
export function decode(
  engine: Engine,
  options: DecodeOptions,
  stored: StoredEntry,
  shared: StoreRead['shared'],
): FoundEntry | undefined {
  const { subject, policy } = options;
  const { codec = engine.codec, isolation } = policy;
  // Once: of an entry of many it is made when it is asked for.
  const { encoded } = stored;
  if (isFailure(encoded)) return decodeKeptFailure(engine, options, stored);
  const known = shared?.memo;
  if (known instanceof Decoded && known.codec === codec && known.isolation === isolation) return known.entry;
  try {
    const entry = decodeValue(engine, policy, stored, encoded);
    if (shared !== undefined) shared.memo = new Decoded(entry, codec, isolation);
    return entry;
  } catch (error) {
    engine.reporter.error(subject, 'decode', error);
    return undefined;
  }
}

/** @throws what the codec throws */
export function decodeValue(
  engine: Engine,
  { codec = engine.codec, isolation }: DecodeOptions['policy'],
  stored: StoredEntry,
  encoded: Encoded,
): FoundEntry {
  // Whatever the codec: a counter is a number to everybody.
  const value = isCounter(encoded) ? decodeCounter(encoded) : codec.decode(encoded);
  return new FoundEntry(engine.local.protect(value, isolation), stored);
}

/** Undefined to those who keep no such errors. */
function decodeKeptFailure(
  engine: Engine,
  { subject, policy, failures }: DecodeOptions,
  stored: StoredEntry,
): FoundEntry | undefined {
  if (failures === undefined || policy.cacheErrors === undefined) return undefined;
  try {
    const failure = decodeFailure(policy.codec ?? engine.codec, stored.encoded, policy.cacheErrors);
    return failure && new FoundEntry({ value: failure, handing: 'itself' }, stored);
  } catch (error) {
    engine.reporter.error(subject, 'decode', error);
    return undefined;
  }
}

/** Counters change without a word to other processes, so no copy of one is kept. */
export function isCounter({ encoding }: Encoded): boolean {
  return encoding === COUNTER_ENCODING;
}
