/** Finding: the shared tier's answer for one key, decoded, classified, and admitted to the local tier if it may be. */
import { freshness, type State } from '../kernel/freshness.js';
import type { Isolated } from '../kernel/isolation.js';
import { entryId, tagName } from '../kernel/names.js';
import type { ResolvedPolicy } from '../kernel/policy.js';
import type { ListRequest, LoadToken, ReadDetail, StoredEntry, StoreRead } from '../ports/store.js';
import { type Call, type Engine, identify, mayFill, mayRead, namesAlwaysOf } from './call.js';
import { DecodedAhead } from './decode-ahead.js';
import { type DecodeOptions, decode, type FoundEntry, isCounter, type ValueOwner } from './found-entry.js';
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

/** How a read is to be treated. */
export interface FindOptions extends DecodeOptions {
  /** Whose read it is: its key, labels for events, and which tiers it may use. */
  readonly subject: Subject & Pick<Call, 'key' | 'access'>;
  readonly policy: DecodeOptions['policy'] & Pick<ResolvedPolicy, 'tiers' | 'localTtl'>;
}

const NOTHING: Found = { state: 'dead', entry: undefined, token: undefined };
const LEFT_ALONE: Found = { ...NOTHING, bypassed: 'breaker' };

/** Reads `subject.key` from the shared tier. A store that cannot answer and a value that cannot be decoded are misses. */
export function findShared(engine: Engine, options: FindOptions): Promise<Found> {
  return useShared(engine, options, (found) => found);
}

/** What `use` makes of what was found, without a promise of its own. */
export function useShared<T>(engine: Engine, options: FindOptions, use: (found: Found) => T): Promise<T> {
  const { subject } = options;
  if (isLocal(options)) return Promise.resolve(use(NOTHING));
  if (engine.store.refuses) return Promise.resolve(use(LEFT_ALONE));
  const { id } = identify(engine, subject.key);
  const reading = beginReading(engine);
  return engine.store.read(subject, id, (read) => {
    try {
      reading.elapsed = engine.clock.monotonic() - reading.began;
      return use(interpret(engine, options, { id, read }, reading));
    } finally {
      engine.ledger.end();
    }
  });
}

/** Most keys read at a time: two batches of the Postgres store, which has room for two under way. Each time has a deadline of its own. */
const READ_AT_ONCE = 1_000;

/** What is to be found together: all of them, how each is read, and what becomes of what is found. */
export interface FindTogether<One> {
  readonly all: readonly One[];
  readonly keyOf: (one: One) => string;
  /** Made when it is asked for: what need not be kept while the store is waited for is no burden to the collection of garbage. */
  readonly optionsOf: (one: One) => FindOptions;
  /** Called for each, in their order. */
  readonly use: (one: One, found: Found, owner: ValueOwner) => void;
}

/** The same for many at once. */
export async function findSharedMany<One>(engine: Engine, together: FindTogether<One>): Promise<void> {
  const { all, keyOf, optionsOf, use } = together;
  for (let at = 0; at < all.length; at += READ_AT_ONCE) {
    const part = all.length <= READ_AT_ONCE ? all : all.slice(at, at + READ_AT_ONCE);
    const refused = engine.store.refuses;
    const ids = part.map((one) => entryId(engine.namespace, keyOf(one), engine.store.maxIdBytes));
    const ahead = aheadOf(engine, part, optionsOf);
    const reading = beginReading(engine);
    try {
      const areLocal = part.every((one) => isLocal(optionsOf(one)));
      const reads = refused || areLocal ? [] : await readPart(engine, ids, { ...together, all: part }, ahead);
      reading.elapsed = engine.clock.monotonic() - reading.began;
      for (const [i, one] of part.entries()) {
        const options = optionsOf(one);
        const read = reads[i];
        const answer = { id: ids[i] ?? '', read, decoded: ahead.of(i, read?.entry) };
        const found = refused && !isLocal(options) ? LEFT_ALONE : interpret(engine, options, answer, reading);
        const isOwn = engine.local.keepsNothing && read?.shared === undefined;
        use(one, found, isOwn ? 'caller' : 'several');
      }
    } finally {
      ahead.forget();
      engine.ledger.end();
    }
  }
}

function aheadOf<One>(engine: Engine, part: readonly One[], optionsOf: (one: One) => FindOptions): DecodedAhead {
  return new DecodedAhead(engine, (place) => {
    const one = part[place];
    const options = one === undefined ? undefined : optionsOf(one);
    // Of the others only the token is of use.
    return options && !isLocal(options) && mayRead(options.subject, 'shared') ? options.policy : undefined;
  });
}

/** Tags are wanted for copies that are kept, and for debts: what these hide the store cannot tell. */
async function readPart<One>(
  { store, local, owed }: Engine,
  ids: readonly string[],
  { all, optionsOf }: FindTogether<One>,
  { hearEarly }: DecodedAhead,
): Promise<readonly (StoreRead | undefined)[]> {
  const subjectsOf = (): readonly Subject[] => all.map((one) => optionsOf(one).subject);
  const read = (detail: ReadDetail): Promise<readonly (StoreRead | undefined)[]> =>
    store.readMany(ids, { detail, hearEarly, subjectsOf });
  if (!local.keepsNothing || owed.size > 0) return await read('whole');
  const reads = await read('values');
  return owed.size === 0 ? reads : await read('whole');
}

/** Whether the shared tier is not asked: neither what is there nor a token is of any use. */
function isLocal({ subject, policy }: FindOptions): boolean {
  return policy.tiers === 'local' || !(mayRead(subject, 'shared') || mayFill(subject, 'shared'));
}

/** What the store answered about an id; undefined when it could not. */
interface Answer {
  readonly id: string;
  readonly read: StoreRead | undefined;
  /** The entry of `read`, if it was decoded while the rest was read. */
  readonly decoded?: FoundEntry | undefined;
}

/** A read under way: since when, by the ledger's count and the clock, and how much was owed then. */
interface Reading {
  readonly since: number;
  readonly owed: number;
  readonly began: number;
  /** Milliseconds it took, when it has been answered. */
  elapsed: number;
}

/** Pair with `ledger.end`. */
function beginReading(engine: Engine): Reading {
  return { since: engine.ledger.begin(), owed: engine.owed.size, began: engine.clock.monotonic(), elapsed: 0 };
}

/** What an answer of the store means here, and what follows from it: a copy is kept, and a sliding window is renewed. */
function interpret(engine: Engine, options: FindOptions, answer: Answer, reading: Reading): Found {
  const found = judge(engine, options, answer, reading);
  const { state, entry, token } = found;
  if (entry !== undefined && token !== undefined && (state === 'fresh' || state === 'early')) {
    serveLater(engine, options, entry, token, reading);
  }
  return found;
}

/** What an answer of the store means for this process, which may know of invalidations that the store does not. */
function judge(engine: Engine, options: FindOptions, { id, read, decoded }: Answer, reading: Reading): Found {
  if (read === undefined || isLocal(options)) return NOTHING;
  const { token } = read;
  if (
    read.entry === undefined ||
    !mayRead(options.subject, 'shared') ||
    isHiddenHere(engine, id, read.entry, token, reading)
  )
    return { state: 'dead', entry: undefined, token };
  const entry = decoded ?? decode(engine, options, read.entry, read.shared);
  if (entry === undefined) return { state: 'dead', entry: undefined, token };
  return { state: freshness(read.entry.remaining, reading.elapsed), entry, token };
}

/** Reads like `findShared`, and leaves everything as it is. */
export async function inspectShared(engine: Engine, options: FindOptions): Promise<Found> {
  const reading = beginReading(engine);
  try {
    const { subject } = options;
    const { id } = identify(engine, subject.key);
    return await engine.store.read(subject, id, (read) => {
      reading.elapsed = engine.clock.monotonic() - reading.began;
      return judge(engine, options, { id, read }, reading);
    });
  } finally {
    engine.ledger.end();
  }
}

/** Entries that were listed, those left out that this process knows to be invalid or cannot decode. Nothing is kept or renewed for it. */
export async function listShared(
  engine: Engine,
  request: ListRequest,
  optionsOf: (id: string) => FindOptions,
): Promise<{ readonly entries: readonly ListedEntry[]; readonly next: string | undefined }> {
  const reading = beginReading(engine);
  try {
    const { token, entries, next } = await engine.store.list(request);
    const elapsed = engine.clock.monotonic() - reading.began;
    const listed = entries.flatMap(({ id, entry: stored }): readonly ListedEntry[] => {
      const options = optionsOf(id);
      const { key } = options.subject;
      const state = freshness(stored.remaining, elapsed);
      if (state === 'dead' || isHiddenHere(engine, id, stored, token, reading)) return [];
      if (request.bodies === 'left out') return [{ id, key, state, entry: { stored, isolated: NO_VALUE } }];
      const entry = decode(engine, options, stored, undefined);
      return entry === undefined ? [] : [{ id, key, state, entry }];
    });
    return { entries: listed, next };
  } finally {
    engine.ledger.end();
  }
}

/** One of many entries. */
export interface ListedEntry {
  readonly id: string;
  readonly key: string;
  readonly state: 'fresh' | 'early' | 'stale';
  readonly entry: FoundEntry;
}

const NO_VALUE: Isolated = { value: undefined, handing: 'itself' };

/**
 * Whether an invalidation of an entry still has to be told to the store, or was told too late for this read to see it. Debts that were
 * paid while the read was under way count too: the caller came after what was owed was said to be done.
 */
function isHiddenHere(
  engine: Engine,
  id: string,
  stored: StoredEntry,
  token: LoadToken,
  { since, owed }: Pick<Reading, 'since' | 'owed'>,
): boolean {
  if (Math.max(owed, engine.owed.size) === 0) return false;
  const names = [...namesAlwaysOf(engine, id), ...stored.tags.map(tagName)];
  return engine.owed.hides(names) || engine.ledger.hides(names, since, { snapshot: token.snapshot, xid: undefined });
}

/** Admits what was read, and renews its sliding window when a quarter of it has passed; both off the caller's path. */
function serveLater(
  engine: Engine,
  { subject, policy }: FindOptions,
  entry: FoundEntry,
  token: LoadToken,
  { began, since }: Reading,
): void {
  const { stored, isolated } = entry;
  const { sliding } = stored;
  if (sliding !== undefined) {
    const { fresh } = stored.remaining;
    if (fresh < Math.min(sliding, stored.ceiling) && fresh <= (sliding * 3) / 4) touchLater(engine, subject);
  }
  if (policy.tiers === 'shared' || engine.local.keepsNothing || isCounter(stored.encoded) || !mayFill(subject, 'local'))
    return;
  const { remaining, ceiling } = stored;
  const { body } = stored.encoded;
  engine.local.admit(
    candidate(
      engine,
      {
        call: subject,
        keepable: {
          isolated,
          tagNames: stored.tags.map(tagName),
          bytes: typeof body === 'string' ? body.length : body.byteLength,
        },
        began,
        since,
        localTtl: policy.localTtl,
      },
      { remaining, measuredAt: began, sliding, ceiling, proof: { snapshot: token.snapshot, xid: undefined } },
      'shared',
    ),
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
