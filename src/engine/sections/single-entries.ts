/** One entry: reading, loading, writing, deleting it. */
import { freshness } from '../../kernel/freshness.js';
import type { Policy } from '../../kernel/policy.js';
import { memoOf } from '../../kernel/policy-memo.js';
import { overlayPolicies, resolvePolicy } from '../../kernel/resolve-policy.js';
import { type Call, identify } from '../call.js';
import { type Entry, inspectEntry } from '../entry.js';
import { explicitCall } from '../explicit-call.js';
import { isFailure } from '../failure.js';
import { type CallOptions, GivenCall } from '../given-call.js';
import { deletionOf, expirationOf } from '../invalidation.js';
import type { LoadContext } from '../load-context.js';
import { type ReadPolicy, readEntry } from '../read-entry.js';
import { ReadPath } from '../read-path.js';
import { refuseInTransaction, transactionToJoin } from '../transaction.js';
import { currentScope } from '../transaction-scope.js';
import { deleteEntry, give, setEntry, setEntryIfAbsent, touchEntry } from '../write-path.js';
import { CacheCore, type CacheParts, type WithinTransaction } from './core.js';

/** How `get` reads: which tiers, how new, which codec, under which isolation. */
export type ReadOptions = Pick<
  Policy,
  'tiers' | 'consistency' | 'codec' | 'isolation' | 'localTtl' | 'useCase' | 'keyType'
>;

export abstract class SingleEntries extends CacheCore {
  /** @internal */
  protected readonly reads: ReadPath;
  /** How `get` reads when it is told nothing. */
  readonly #plainRead: ReadPolicy;

  constructor(parts: CacheParts) {
    super(parts);
    this.reads = new ReadPath(parts.engine);
    this.#plainRead = readPolicy(parts.defaults, {}, 'get()');
  }

  /**
   * The fresh value under `key`, or undefined. Never runs a loader, never answers stale, never rejects for the store's sake.
   *
   * @throws KeyError when the key cannot be one
   * @example const product = await Cache.get<Product>('product:42')
   */
  get<T = unknown>(key: string, options?: ReadOptions): Promise<T | undefined> {
    try {
      this.assertOpen();
      const policy = this.readPolicyOf(options, 'get()');
      return readEntry(this.engine, this.keyOf(key), policy) as Promise<T | undefined>;
    } catch (error) {
      return Promise.reject(error);
    }
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
      return this.fetch(new GivenCall(key, loader, options, this.parts.defaults)) as Promise<T>;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** What decorators call: a value by a policy that is resolved already. @internal */
  fetch(call: Call): Promise<unknown> {
    this.assertOpen();
    const key = this.keyOf(call.key);
    return this.reads.fetch(key === call.key ? call : call.under(key));
  }

  /**
   * Stores a value as of now: the last committer wins, and loads that began before are not stored over it.
   *
   * @throws StoreError when the store fails; CodecError (`UNENCODABLE_VALUE`, `VALUE_TOO_LARGE`); ConfigurationError for a bad policy
   * @example await Cache.set('product:42', product, { ttl: '10m', tags: ['products'] })
   */
  set(key: string, value: unknown, policy: Policy = {}): Promise<void> {
    return explicitCall(async () => {
      this.assertOpen();
      const resolved = memoOf(this.parts.defaults).resolve(policy, `set(\`${key}\`)`);
      await setEntry(this.engine, give(this.engine, this.keyOf(key), value, resolved));
    });
  }

  /** Whether a fresh entry is there, by the shared tier's word (the local tier's, for entries that live there only). */
  async has(key: string): Promise<boolean> {
    return (await this.ttl(key)) !== undefined;
  }

  /** Milliseconds until the entry is no longer fresh, Infinity when never, undefined when there is no fresh one. */
  async ttl(key: string): Promise<number | undefined> {
    this.assertOpen();
    const own = this.keyOf(key);
    if (currentScope() !== undefined) return undefined;
    const copy = this.engine.local.peek(own);
    if (copy?.home === 'local') return copy.freshFor > 0 ? copy.freshFor : undefined;
    const { id } = identify(this.engine, own);
    const entry = await this.engine.store.read({ key: own }, id, (read) => read?.entry);
    // An error that is kept is no value.
    if (entry === undefined || isFailure(entry.encoded)) return undefined;
    const { remaining } = entry;
    const state = freshness(remaining);
    return state === 'fresh' || state === 'early' ? remaining.fresh : undefined;
  }

  /**
   * Everything about the entry under `key`: its value, its state, its tags and what is left of its life. A stale one within its grace
   * too. Asks the shared tier, extends nothing that slides, and counts as no call; undefined when there is none, or in a transaction.
   *
   * @throws KeyError when the key cannot be one
   * @example const entry = await Cache.getEntry<Product>('product:42') // { value, state: 'fresh', tags: ['products'], freshFor: 599_000, … }
   */
  async getEntry<T = unknown>(key: string, options?: ReadOptions): Promise<Entry<T> | undefined> {
    this.assertOpen();
    const policy = this.readPolicyOf(options, 'getEntry()');
    const subject = { key: this.keyOf(key), useCase: policy.useCase, keyType: policy.keyType };
    if (currentScope() !== undefined) return undefined;
    return (await inspectEntry(this.engine, { subject, policy })) as Entry<T> | undefined;
  }

  /**
   * Stores a value like `set`, unless a fresh one is there; whether it was stored. Of several processes that do it at the same time one
   * is first. What is stale, expired or deleted is not there.
   *
   * @throws as `set`; ConfigurationError `WITHIN_TRANSACTION` inside of `transaction`, because its answer would not be true before the commit
   * @example if (await Cache.setIfAbsent(`sent:${mail.id}`, true, { ttl: '1d' })) await send(mail)
   */
  setIfAbsent(key: string, value: unknown, policy: Policy = {}): Promise<boolean> {
    return explicitCall(async () => {
      this.assertOpen();
      const resolved = memoOf(this.parts.defaults).resolve(policy, `setIfAbsent(\`${key}\`)`);
      const given = give(this.engine, this.keyOf(key), value, resolved);
      refuseInTransaction('setIfAbsent');
      return await setEntryIfAbsent(this.engine, given);
    });
  }

  /** Extends a sliding entry as of now. Whether a fresh entry was there (one without `sliding` stays as it is). */
  touch(key: string): Promise<boolean> {
    return explicitCall(async () => {
      this.assertOpen();
      return await touchEntry(this.engine, this.keyOf(key));
    });
  }

  /** Makes an entry stale now: loaded again by the next call, served only if that fails, within its grace. */
  expire(key: string, options: WithinTransaction = {}): Promise<void> {
    return explicitCall(async () => {
      this.assertOpen();
      await this.makeInvalid(expirationOf(this.engine, this.keyOf(key)), options);
    });
  }

  /**
   * Deletes an entry: it is never served again, not even as stale. Whether a servable one was there; in a transaction nobody looks,
   * and it is `false`.
   */
  delete(key: string, options: WithinTransaction = {}): Promise<boolean> {
    return explicitCall(async () => {
      this.assertOpen();
      const own = this.keyOf(key);
      const join = transactionToJoin(options.trx);
      if (join === undefined) return await deleteEntry(this.engine, own);
      await join(this.engine, deletionOf(this.engine, own));
      return false;
    });
  }

  /** How a call that loads nothing reads. @internal */
  protected readPolicyOf(options: ReadOptions | undefined, subject: string): ReadPolicy {
    return options === undefined ? this.#plainRead : readPolicy(this.parts.defaults, options, subject);
  }
}

function readPolicy(defaults: Policy, options: ReadOptions, subject: string): ReadPolicy {
  // Reading needs no lifetime, so any will do where neither the cache nor the call has one.
  const policy = resolvePolicy([{ ttl: Infinity }, defaults, overlayPolicies([options])], subject);
  return { ...policy, own: options };
}
