/** Finding: the shared tier's answer for one key, decoded, classified, and admitted to the local tier if it may be. */
import type { Codec } from '../kernel/codec.js';
import { freshness, type State } from '../kernel/freshness.js';
import { type Isolated, take } from '../kernel/isolation.js';
import { tagName } from '../kernel/names.js';
import type { Isolation, ResolvedPolicy } from '../kernel/policy.js';
import type { LoadToken, StoredEntry } from '../ports/store.js';
import { type Engine, identify, namesAlways } from './call.js';
import { candidate } from './publish.js';
import type { Subject } from './reporter.js';

/** What a read of the shared tier found. */
export interface Found {
  readonly state: State;
  readonly entry: FoundEntry | undefined;
  /** Undefined when the store could not answer. */
  readonly token: LoadToken | undefined;
  /** `breaker`: the store was not asked, because it is left alone. */
  readonly bypassed?: 'breaker';
}

/** An entry with its value. */
export interface FoundEntry {
  readonly isolated: Isolated;
  readonly stored: StoredEntry;
}

/** How a read is to be treated. */
export interface FindOptions {
  readonly subject: Subject & { readonly key: string };
  readonly policy: Pick<ResolvedPolicy, 'tiers' | 'codec' | 'isolation' | 'localTtl'>;
}

const NOTHING: Found = { state: 'dead', entry: undefined, token: undefined };
const LEFT_ALONE: Found = { ...NOTHING, bypassed: 'breaker' };

/** What was decoded, and how: two callers of one entry need not agree on that. */
interface Decoded {
  readonly entry: FoundEntry;
  readonly codec: Codec;
  readonly isolation: Isolation | undefined;
}

/** Entries read by several callers at once are decoded once: the store hands all of them the same object. */
const decoded = new WeakMap<StoredEntry, Decoded>();

/** Reads `subject.key` from the shared tier. A store that cannot answer and a value that cannot be decoded are misses. */
export async function findShared(engine: Engine, options: FindOptions): Promise<Found> {
  const { subject, policy } = options;
  if (policy.tiers === 'local') return NOTHING;
  if (engine.store.refuses) return LEFT_ALONE;
  const since = engine.ledger.begin();
  // Debts that were paid while the read was under way count too: the caller came after what was owed was said to be done.
  const owed = engine.owed.size;
  try {
    const began = engine.clock.monotonic();
    const read = await engine.store.read(subject, identify(engine, subject.key).id);
    if (read === undefined) return NOTHING;
    const { token } = read;
    if (read.entry === undefined) return { state: 'dead', entry: undefined, token };
    if (Math.max(owed, engine.owed.size) > 0 && isOwed(engine, subject.key, read.entry, { token, since }))
      return { state: 'dead', entry: undefined, token };
    const entry = decode(engine, options, read.entry);
    if (entry === undefined) return { state: 'dead', entry: undefined, token };
    const state = freshness(read.entry.remaining, engine.clock.monotonic() - began);
    const found: Found = { state, entry, token };
    if (state === 'fresh' || state === 'early') serveLater(engine, options, entry, { token, began, since });
    return found;
  } finally {
    engine.ledger.end();
  }
}

/** Whether an invalidation of an entry still has to be told to the store, or was told too late for this read to see it. */
function isOwed(
  engine: Engine,
  key: string,
  { tags }: StoredEntry,
  { token, since }: { readonly token: LoadToken; readonly since: number },
): boolean {
  const names = [...namesAlways(engine, key), ...tags.map(tagName)];
  return engine.owed.hides(names) || engine.ledger.hides(names, since, { snapshot: token.snapshot, xid: undefined });
}

/** A copy for one caller. */
export function copyOf(entry: FoundEntry): unknown {
  return take(entry.isolated);
}

function decode(engine: Engine, { subject, policy }: FindOptions, stored: StoredEntry): FoundEntry | undefined {
  const { codec = engine.codec, isolation } = policy;
  const known = decoded.get(stored);
  if (known?.codec === codec && known.isolation === isolation) return known.entry;
  try {
    const entry = { isolated: engine.local.protect(codec.decode(stored.encoded), isolation), stored };
    decoded.set(stored, { entry, codec, isolation });
    return entry;
  } catch (error) {
    engine.reporter.error(subject, 'decode', error);
    return undefined;
  }
}

interface Measured {
  readonly token: LoadToken;
  readonly began: number;
  readonly since: number;
}

/** Admits what was read, and renews its sliding window when a quarter of it has passed; both off the caller's path. */
function serveLater(
  engine: Engine,
  { subject, policy }: FindOptions,
  entry: FoundEntry,
  { token, began, since }: Measured,
): void {
  const { stored, isolated } = entry;
  const { sliding, remaining, ceiling } = stored;
  if (sliding !== undefined && remaining.fresh < Math.min(sliding, ceiling) && remaining.fresh <= (sliding * 3) / 4) {
    touchLater(engine, subject);
  }
  if (policy.tiers === 'shared') return;
  const { body } = stored.encoded;
  engine.local.admit(
    candidate(engine, {
      call: subject,
      keepable: {
        isolated,
        tagNames: stored.tags.map(tagName),
        bytes: typeof body === 'string' ? body.length : body.byteLength,
      },
      began,
      since,
      remaining,
      measuredAt: began,
      sliding,
      ceiling,
      proof: { snapshot: token.snapshot, xid: undefined },
      home: 'shared',
      localTtl: policy.localTtl,
    }),
  );
}

/** Tells the store, in the background, that a sliding entry was read. */
export function touchLater(engine: Engine, subject: Subject & { readonly key: string }): void {
  const { key, useCase, keyType } = subject;
  engine.background.run(`touch ${key}`, async () => {
    const asked = engine.clock.monotonic();
    const remaining = await engine.store.touch({ key, useCase, keyType }, identify(engine, key).id);
    if (remaining !== undefined) engine.local.extend(key, remaining, asked);
  });
}
