/** The cache: a table of contents. Every method says what it does; how is in the file it calls. */
import { KeepsakeError } from '../errors.js';
import { freshness } from '../kernel/freshness.js';
import type { Policy, ResolvedPolicy } from '../kernel/policy.js';
import { overlayPolicies, resolvePolicy } from '../kernel/resolve-policy.js';
import { checkTags } from '../kernel/tags.js';
import type { BusHealth } from '../ports/bus.js';
import type { SweepReport } from '../ports/store.js';
import { type Call, type Engine, identify } from './call.js';
import { copyOf, findShared, touchLater } from './find.js';
import { type CallOptions, GivenCall } from './given-call.js';
import type { LoadContext } from './load-context.js';
import { ReadPath } from './read-path.js';
import type { Counters, Subject } from './reporter.js';
import { waitFor } from './waiting.js';
import {
  clearNamespace,
  deleteEntry,
  expireEntry,
  invalidateTags,
  invalidateTagsSurely,
  setEntry,
  touchEntry,
} from './write-path.js';

/** How `get` reads: which tiers, which codec, under which isolation. */
export type ReadOptions = Pick<Policy, 'tiers' | 'codec' | 'isolation' | 'localTtl' | 'useCase' | 'keyType'>;

type ReadPolicy = Pick<ResolvedPolicy, 'tiers' | 'codec' | 'isolation' | 'localTtl' | 'useCase' | 'keyType'>;

/** Numbers about a cache since it was made, and what it holds now. */
export interface CacheStats extends Readonly<Counters> {
  readonly name: string;
  readonly store: { readonly kind: string; readonly health: 'opening' | 'well' | 'failing' };
  readonly local: { readonly entries: number; readonly bytes: number };
  /** What is heard of other processes; undefined when nothing is listened to. */
  readonly stream: BusHealth | undefined;
  /** Keys being loaded or read, background work, and names remembered for work under way. */
  readonly underWay: { readonly keys: number; readonly background: number; readonly names: number };
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
  async expire(key: string): Promise<void> {
    this.#assertOpen();
    await expireEntry(this.#engine, this.#key(key));
  }

  /** Deletes an entry: it is never served again, not even as stale. Whether a servable one was there. */
  async delete(key: string): Promise<boolean> {
    this.#assertOpen();
    return await deleteEntry(this.#engine, this.#key(key));
  }

  /**
   * Invalidates every entry that carries one of `tags`, at a cost that does not depend on how many do. With `stale: true` they may
   * still be served if loading fails, within their grace.
   *
   * @throws StoreError when the store fails
   * @example await Cache.invalidateTags(['products'])
   */
  async invalidateTags(
    tags: string | readonly string[],
    options: { readonly stale?: boolean | undefined } = {},
  ): Promise<void> {
    this.#assertOpen();
    const checked = checkTags(typeof tags === 'string' ? [tags] : tags, 'invalidateTags()', Infinity);
    await invalidateTags(this.#engine, checked, options.stale === true ? 'expire' : 'delete');
  }

  /** What `@InvalidateTags` owes after its method: never rejects, tried until the store has it. @internal */
  async invalidateTagsSurely(tags: readonly string[], kind: 'delete' | 'expire'): Promise<void> {
    this.#assertOpen();
    await invalidateTagsSurely(this.#engine, tags, kind);
  }

  /** Invalidates everything in this cache's namespace, at the cost of one row. */
  async clear(): Promise<void> {
    this.#assertOpen();
    await clearNamespace(this.#engine);
  }

  /** Numbers since the cache was made. */
  stats(): CacheStats {
    const { name, reporter, store, local, background, ledger, owed } = this.#engine;
    return {
      ...reporter.counters,
      name,
      store: { kind: store.kind, health: store.health },
      local: { entries: local.size, bytes: local.bytes },
      stream: this.#parts.stream(),
      owed: owed.size,
      underWay: { keys: this.#reads.keysUnderWay, background: background.size, names: ledger.size },
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
    const { background, clock, reporter, owed } = this.#engine;
    const unpaid = await owed.close();
    if (unpaid > 0)
      reporter.warn('owed', `closed while ${unpaid} names could not be invalidated: the store cannot be reached`);
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
