/** The cache: a table of contents. Every method says what it does; how is in the file it calls. */
import { KeepsakeError } from '../errors.js';
import { freshness } from '../kernel/freshness.js';
import type { Policy, ResolvedPolicy } from '../kernel/policy.js';
import { overlayPolicies, resolvePolicy } from '../kernel/resolve-policy.js';
import { checkTags } from '../kernel/tags.js';
import type { BusHealth } from '../ports/bus.js';
import type { SweepReport } from '../ports/store.js';
import type { TransactionHandle } from '../ports/transactions.js';
import { type Call, type Engine, identify } from './call.js';
import type { TransactionDatabase } from './database-transaction.js';
import { copyOf, findShared, touchLater } from './find.js';
import { type CallOptions, GivenCall } from './given-call.js';
import {
  clearanceOf,
  deletionOf,
  expirationOf,
  type Invalidation,
  invalidate,
  invalidateSurely,
  invalidationOfTags,
} from './invalidation.js';
import type { LoadContext } from './load-context.js';
import { ReadPath } from './read-path.js';
import type { Counters, Subject } from './reporter.js';
import { runTransaction, transactionToJoin } from './transaction.js';
import { currentScope } from './transaction-scope.js';
import { waitFor } from './waiting.js';
import { deleteEntry, setEntry, touchEntry } from './write-path.js';

/** How `get` reads: which tiers, which codec, under which isolation. */
export type ReadOptions = Pick<Policy, 'tiers' | 'codec' | 'isolation' | 'localTtl' | 'useCase' | 'keyType'>;

/** What `delete`, `expire` and `clear` take. */
export interface WithinTransaction {
  /** An open transaction of yours: the invalidation becomes true when it commits, and never if it rolls back. */
  readonly trx?: TransactionHandle | undefined;
}

/** What `invalidateTags` takes. */
export interface InvalidateTagsOptions extends WithinTransaction {
  /** `true`: entries may still be served if loading them fails, within their grace. Default `false`: never again. */
  readonly stale?: boolean | undefined;
}

type ReadPolicy = Pick<ResolvedPolicy, 'tiers' | 'codec' | 'isolation' | 'localTtl' | 'useCase' | 'keyType'>;

/** Numbers about a cache since it was made, and what it holds now. */
export interface CacheStats extends Readonly<Counters> {
  readonly name: string;
  readonly store: { readonly kind: string; readonly health: 'opening' | 'well' | 'failing' };
  readonly local: { readonly entries: number; readonly bytes: number };
  /** What is heard of other processes; undefined when nothing is listened to. */
  readonly stream: BusHealth | undefined;
  /** Keys being loaded or read, background work, names remembered for work under way, and invalidations in transactions of yours. */
  readonly underWay: {
    readonly keys: number;
    readonly background: number;
    readonly names: number;
    readonly transactions: number;
  };
  /** Names that decorated methods have made invalid and the store could not be told of yet. */
  readonly owed: number;
}

/** What the composition root gives a cache beside its engine. */
export interface CacheParts {
  readonly engine: Engine;
  /** The cache's own layer of every policy. */
  readonly defaults: Policy;
  readonly checkKey: (key: string) => void;
  readonly keyTransform: (key: string) => string;
  /** The health of the bus, if there is one. */
  readonly stream: () => BusHealth | undefined;
  /** Releases what the composition root opened; called once, after background work has drained. */
  readonly release: () => Promise<void>;
}

/** How long closing waits for background work, in milliseconds: a refresh whose loader hangs must not keep a process from ending. */
const CLOSING_PATIENCE = 10_000;

export class CacheInstance {
  readonly #engine: Engine;
  readonly #parts: CacheParts;
  readonly #reads: ReadPath;
  /** How `get` reads when it is told nothing. */
  readonly #plainRead: ReadPolicy;
  #closing: Promise<void> | undefined;

  /** Made by `createCache` and `Cache.configure`. */
  constructor(parts: CacheParts) {
    this.#parts = parts;
    this.#engine = parts.engine;
    this.#reads = new ReadPath(parts.engine);
    this.#plainRead = this.#readPolicy({});
  }

  /** Its name: `Cache.named(name)` finds it, decorators choose it by `cache`. */
  get name(): string {
    return this.#engine.name;
  }

  /** The cache's own layer of every policy, under a decorator's. */
  get defaults(): Policy {
    return this.#parts.defaults;
  }

  /**
   * The fresh value under `key`, or undefined. Never runs a loader, never answers stale, never rejects for the store's sake.
   *
   * @throws KeyError when the key cannot be one
   * @example const product = await Cache.get<Product>('product:42')
   */
  async get<T = unknown>(key: string, options?: ReadOptions): Promise<T | undefined> {
    this.#assertOpen();
    const { reporter, local } = this.#engine;
    const policy = options === undefined ? this.#plainRead : this.#readPolicy(options);
    const subject = { key: this.#key(key), useCase: policy.useCase, keyType: policy.keyType };
    const started = reporter.start();
    reporter.counters.calls += 1;
    if (currentScope() !== undefined) {
      reporter.bypass(subject, 'scope');
      return undefined;
    }
    const hit = policy.tiers === 'shared' ? undefined : local.find(subject.key);
    if (hit !== undefined && hit.state !== 'stale') {
      if (hit.touchDue) touchLater(this.#engine, subject);
      reporter.hit(subject, 'local', hit.state, started);
      return hit.value as T;
    }
    const found = await findShared(this.#engine, { subject, policy });
    if (found.entry === undefined || (found.state !== 'fresh' && found.state !== 'early')) {
      reporter.miss(subject, started);
      return undefined;
    }
    reporter.hit(subject, 'shared', found.state, started);
    return copyOf(found.entry) as T;
  }

  /**
   * The value under `key`; when there is none, that of `loader`, which then is stored. One load runs per key, others wait for it.
   *
   * @throws whatever the loader throws, unless a stale value may answer; LoadTimeoutError at `hardTimeout`
   * @example
   * const rates = await Cache.getOrSet('rates', (load) => fetchRates({ signal: load.signal }), { ttl: '1m', tags: ['rates'] })
   */
  getOrSet<T>(key: string, loader: (load: LoadContext) => T | Promise<T>, options: CallOptions = {}): Promise<T> {
    try {
      return this.fetch(new GivenCall(key, loader, options, this.#parts.defaults)) as Promise<T>;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** What decorators call: a value by a policy that is resolved already. @internal */
  fetch(call: Call): Promise<unknown> {
    this.#assertOpen();
    const key = this.#key(call.key);
    return this.#reads.fetch(key === call.key ? call : call.under(key));
  }

  /** A call whose key could not be made runs its method without the cache: counted and reported. @internal */
  reportKeyError(subject: Subject, error: unknown): void {
    const { reporter } = this.#engine;
    reporter.counters.calls += 1;
    reporter.bypass(subject, 'key');
    reporter.error(subject, 'key', error);
  }

  /** An invalidation that a decorated method owes could not be made; its result is not lost for that. @internal */
  reportInvalidationError(subject: Subject, error: unknown): void {
    this.#engine.reporter.error(subject, 'invalidate', error);
  }

  /**
   * Stores a value as of now: the last committer wins, and loads that began before are not stored over it.
   *
   * @throws StoreError when the store fails; CodecError (`UNENCODABLE_VALUE`, `VALUE_TOO_LARGE`); ConfigurationError for a bad policy
   * @example await Cache.set('product:42', product, { ttl: '10m', tags: ['products'] })
   */
  async set(key: string, value: unknown, policy: Policy = {}): Promise<void> {
    this.#assertOpen();
    await setEntry(
      this.#engine,
      this.#key(key),
      value,
      resolvePolicy([this.#parts.defaults, policy], `set(\`${key}\`)`),
    );
  }

  /** Whether a fresh entry is there, by the shared tier's word (the local tier's, for entries that live there only). */
  async has(key: string): Promise<boolean> {
    return (await this.ttl(key)) !== undefined;
  }

  /** Milliseconds until the entry is no longer fresh, Infinity when never, undefined when there is no fresh one. */
  async ttl(key: string): Promise<number | undefined> {
    this.#assertOpen();
    const own = this.#key(key);
    if (currentScope() !== undefined) return undefined;
    const copy = this.#engine.local.peek(own);
    if (copy?.home === 'local') return copy.freshFor > 0 ? copy.freshFor : undefined;
    const read = await this.#engine.store.read({ key: own }, identify(this.#engine, own).id);
    const remaining = read?.entry?.remaining;
    if (remaining === undefined) return undefined;
    const state = freshness(remaining);
    return state === 'fresh' || state === 'early' ? remaining.fresh : undefined;
  }

  /** Extends a sliding entry as of now. Whether a fresh entry was there (one without `sliding` stays as it is). */
  async touch(key: string): Promise<boolean> {
    this.#assertOpen();
    return await touchEntry(this.#engine, this.#key(key));
  }

  /** Makes an entry stale now: loaded again by the next call, served only if that fails, within its grace. */
  async expire(key: string, options: WithinTransaction = {}): Promise<void> {
    this.#assertOpen();
    await this.#invalidate(expirationOf(this.#engine, this.#key(key)), options);
  }

  /**
   * Deletes an entry: it is never served again, not even as stale. Whether a servable one was there; in a transaction nobody looks,
   * and it is `false`.
   */
  async delete(key: string, options: WithinTransaction = {}): Promise<boolean> {
    this.#assertOpen();
    const own = this.#key(key);
    const join = transactionToJoin(options.trx);
    if (join === undefined) return await deleteEntry(this.#engine, own);
    await join(this.#engine, deletionOf(this.#engine, own));
    return false;
  }

  /**
   * Invalidates every entry that carries one of `tags`, at a cost that does not depend on how many do. With `stale: true` they may
   * still be served if loading fails, within their grace. With `trx` it is part of that transaction.
   *
   * @throws StoreError when the store fails; ConfigurationError `FOREIGN_TRANSACTION` for a `trx` of another database
   * @example await Cache.invalidateTags(['products'])
   */
  async invalidateTags(tags: string | readonly string[], options: InvalidateTagsOptions = {}): Promise<void> {
    this.#assertOpen();
    const checked = checkTags(typeof tags === 'string' ? [tags] : tags, 'invalidateTags()', Infinity);
    const kind = options.stale === true ? 'expire' : 'delete';
    await this.#invalidate(invalidationOfTags(this.#engine, checked, kind), options);
  }

  /** What `@InvalidateTags` owes after its method: never rejects, tried until the store has it. @internal */
  async invalidateTagsSurely(tags: readonly string[], kind: 'delete' | 'expire'): Promise<void> {
    this.#assertOpen();
    const invalidation = invalidationOfTags(this.#engine, tags, kind);
    const scope = currentScope();
    if (scope === undefined) await invalidateSurely(this.#engine, invalidation);
    else await scope.joinSurely(this.#engine, invalidation);
  }

  /** Invalidates everything in this cache's namespace, at the cost of one row. */
  async clear(options: WithinTransaction = {}): Promise<void> {
    this.#assertOpen();
    await this.#invalidate(clearanceOf(this.#engine), options);
  }

  /**
   * Runs `work` in a transaction of `db`: a Kysely instance, or a `pg` pool or client. What is invalidated inside, by `@InvalidateTags`
   * too, is part of it: both commit or neither does. Cached calls inside run their methods and nothing of them is stored or found;
   * `set` only invalidates its key.
   *
   * @throws what `work` throws, after a rollback; ConfigurationError `NESTED_TRANSACTION` inside of another one,
   * `FOREIGN_TRANSACTION` when `db` is not the database of the cache
   * @example
   * await Cache.transaction(db, async (trx) => {
   *   await trx.updateTable('product').set({ price: 12 }).where('id', '=', 42).execute()
   *   await Cache.invalidateTags(['products'])
   * })
   */
  async transaction<Trx, T>(db: TransactionDatabase<Trx>, work: (trx: Trx) => Promise<T>): Promise<T> {
    this.#assertOpen();
    return await runTransaction(this.#engine, db, (trx) => work(trx as Trx));
  }

  /** Numbers since the cache was made. */
  stats(): CacheStats {
    const { name, reporter, store, local, background, ledger, owed, unsettled } = this.#engine;
    return {
      ...reporter.counters,
      name,
      store: { kind: store.kind, health: store.health },
      local: { entries: local.size, bytes: local.bytes },
      stream: this.#parts.stream(),
      owed: owed.size,
      underWay: {
        keys: this.#reads.keysUnderWay,
        background: background.size,
        names: ledger.size,
        transactions: unsettled.size,
      },
    };
  }

  /** Resolves when no background work is under way. */
  async idle(): Promise<void> {
    await this.#engine.background.idle();
  }

  /**
   * Removes dead rows from the database now, beside the sweeps that go on by themselves; resolves with what it did.
   *
   * @throws StoreError when the store fails
   * @example const { removed, compacted } = await Cache.sweep()
   */
  async sweep(): Promise<SweepReport> {
    this.#assertOpen();
    return await this.#engine.store.sweep();
  }

  /** Waits for background work (10 s at most), then releases every connection of its own. Calling it again waits for the same. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Whether `close` was called. */
  get closed(): boolean {
    return this.#closing !== undefined;
  }

  async #close(): Promise<void> {
    const { background, clock, reporter, owed, unsettled } = this.#engine;
    const unpaid = await owed.close();
    if (unpaid > 0)
      reporter.warn('owed', `closed while ${unpaid} names could not be invalidated: the store cannot be reached`);
    unsettled.close();
    background.close();
    const drained = await waitFor(background.idle(), clock, CLOSING_PATIENCE);
    if (drained.ended === 'timeout') {
      reporter.warn('close', `closed with background work under way that did not end within ${CLOSING_PATIENCE} ms`);
    }
    this.#engine.local.clear();
    await this.#parts.release();
  }

  #assertOpen(): void {
    if (this.closed) throw new KeepsakeError('CACHE_CLOSED', `The cache \`${this.name}\` is closed`);
  }

  async #invalidate(invalidation: Invalidation, { trx }: WithinTransaction): Promise<void> {
    const join = transactionToJoin(trx);
    await (join === undefined ? invalidate(this.#engine, invalidation) : join(this.#engine, invalidation));
  }

  #key(key: string): string {
    this.#parts.checkKey(key);
    const own = this.#parts.keyTransform(key);
    if (own !== key) this.#parts.checkKey(own);
    return own;
  }

  #readPolicy(options: ReadOptions): ReadPolicy {
    // Reading needs no lifetime, so any will do where neither the cache nor the call has one.
    return resolvePolicy([{ ttl: Infinity }, this.#parts.defaults, overlayPolicies([options])], 'get()');
  }
}
