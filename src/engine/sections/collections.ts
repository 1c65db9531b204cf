/** Many entries at once: reading, writing, listing and deleting them. */
import type { Policy } from '../../kernel/policy.js';
import { resolvePolicy } from '../../kernel/resolve-policy.js';
import type { Entry } from '../entry.js';
import { explicitCall } from '../explicit-call.js';
import { type CallOptions, overlaidBy, resolveOnce } from '../given-call.js';
import { deleteListed, type KeySelection, listEntries, selectIds } from '../listing.js';
import type { LoadManyContext } from '../load-together.js';
import { valuesByKey } from '../loaded-values.js';
import { deleteMany, getMany, setMany } from '../many.js';
import { partsOf, type WholeCall } from '../part-call.js';
import { transactionToJoin } from '../transaction.js';
import { currentScope } from '../transaction-scope.js';
import { give } from '../write-path.js';
import type { WithinTransaction } from './core.js';
import { requireEntries, requireKeys } from './given-collections.js';
import { Invalidations } from './invalidations.js';
import type { ReadOptions } from './single-entries.js';

/** What a loader of many values answers. */
export type LoadedMany<T> = ReadonlyMap<string, T | undefined> | readonly (T | undefined)[];

/** Most keys looked for and loaded at a time: what is stored of one load fits a few statements, and their deadline. */
const LOADED_AT_ONCE = 2_000;

export abstract class Collections extends Invalidations {
  /**
   * The fresh values under `keys`, in the order asked; keys without one are left out. Reads the shared tier once, however many they are.
   *
   * @throws KeyError when one of the keys cannot be one
   * @example const products = await Cache.getMany<Product>(ids.map((id) => `product:${id}`)) // Map { 'product:1' => …, … }
   */
  async getMany<T = unknown>(keys: Iterable<string>, options?: ReadOptions): Promise<Map<string, T>> {
    this.assertOpen();
    const policy = this.readPolicyOf(options, 'getMany()');
    const { useCase, keyType } = policy;
    const asked = [...new Set(requireKeys(keys, 'getMany()'))];
    const own = asked.map((key) => this.keyOf(key));
    return pairsOf<T>(asked, await getMany(this.engine, { keys: own, useCase, keyType, policy }));
  }

  /**
   * The values under `keys`, in the order asked, each key once; those that are not there are loaded, stored and answered as `getOrSet`
   * would do one by one, but in one call of `loadMissing` (for each 2000 keys) with only the missing keys. Every key has its own flight and lease: what another call, or
   * another process, is loading already is waited for and not loaded again. Keys for which there is no value are not in the map.
   *
   * @param loadMissing answers an array with a value for each key it is given, in their order, or a Map by these keys; undefined, or a
   *   key left out, means that there is none, and is not stored. It may be called again for keys that others were expected to load.
   * @throws whatever `loadMissing` throws, unless stale values may answer; LoadResultError when its result does not fit; as `getOrSet`
   * @example
   * const products = await Cache.getOrSetMany(
   *   ids.map((id) => `product:${id}`),
   *   async (keys) => await loadProducts(keys.map((key) => Number(key.slice('product:'.length)))),
   *   { ttl: '10m', tags: ['products'] },
   * )
   */
  async getOrSetMany<T = unknown>(
    keys: Iterable<string>,
    loadMissing: (keys: readonly string[], load: LoadManyContext) => Promise<LoadedMany<T>>,
    options: CallOptions = {},
  ): Promise<Map<string, T>> {
    this.assertOpen();
    const subject = 'getOrSetMany()';
    const asked = [...new Set(requireKeys(keys, subject))];
    const { defaults } = this.parts;
    const policy = resolveOnce(options, defaults, subject);
    const { useCase } = policy;
    const values = await this.fetchMany({
      policy,
      overlaid: (overlay) => overlaidBy(overlay, { options, defaults, policy }, subject),
      useCase,
      signal: options.signal,
      keys: asked,
      tagsOf: () => [],
      load: async (positions, load) => {
        const missing = positions.flatMap((position) => asked[position] ?? []);
        return valuesByKey(missing, await loadMissing(missing, load), useCase ?? 'the loader of getOrSetMany()');
      },
    });
    return pairsOf<T>(asked, values);
  }

  /** What `@CachedMany` calls: values under different keys. @internal */
  async fetchMany(whole: WholeCall): Promise<readonly unknown[]> {
    return await this.#inParts(whole, (part) => this.reads.fetchMany(part));
  }

  /** The same, loaded now, whatever is stored. @internal */
  async loadManyAnew(whole: WholeCall): Promise<readonly unknown[]> {
    return await this.#inParts(whole, (part) => Promise.all(partsOf(part).map((call) => this.reads.loadAnew(call))));
  }

  async #inParts(whole: WholeCall, run: (part: WholeCall) => Promise<readonly unknown[]>): Promise<readonly unknown[]> {
    this.assertOpen();
    const keys = whole.keys.map((key) => this.keyOf(key));
    if (keys.length <= LOADED_AT_ONCE) return await run({ ...whole, keys });
    const values: unknown[] = [];
    for (let at = 0; at < keys.length; at += LOADED_AT_ONCE) {
      const part: WholeCall = {
        ...whole,
        keys: keys.slice(at, at + LOADED_AT_ONCE),
        tagsOf: (position) => whole.tagsOf(at + position),
        load: (positions, context) =>
          whole.load(
            positions.map((position) => at + position),
            context,
          ),
      };
      values.push(...(await run(part)));
    }
    return values;
  }

  /**
   * Stores many values like `set`, all by one policy, in a statement for each 500 of them. Of a key that occurs twice the last value
   * counts. A value that cannot be stored is refused before anything is written.
   *
   * @param entries a Map, or pairs of key and value
   * @throws as `set`; when the store fails some of the entries may have been written
   * @example await Cache.setMany(products.map((product) => [`product:${product.id}`, product]), { ttl: '10m', tags: ['products'] })
   */
  setMany(entries: Iterable<readonly [key: string, value: unknown]>, policy: Policy = {}): Promise<void> {
    return explicitCall(async () => {
      this.assertOpen();
      const resolved = resolvePolicy([this.parts.defaults, policy], 'setMany()');
      const last = new Map(requireEntries(entries, 'setMany()').map(([key, value]) => [this.keyOf(key), value]));
      await setMany(
        this.engine,
        Array.from(last, ([key, value]) => give(this.engine, key, value, resolved)),
      );
    });
  }

  /**
   * Deletes many entries like `delete`. How many of them there were; in a transaction nobody looks, and it is 0.
   *
   * @throws StoreError when the store fails; then some of them may have been deleted
   * @example await Cache.deleteMany(['product:1', 'product:2'])
   */
  deleteMany(keys: Iterable<string>, options: WithinTransaction = {}): Promise<number> {
    return explicitCall(async () => {
      this.assertOpen();
      const own = new Set(requireKeys(keys, 'deleteMany()').map((key) => this.keyOf(key)));
      const entries = Array.from(own, (key) => ({ key }));
      return await deleteMany(this.engine, entries, transactionToJoin(options.trx));
    });
  }

  /**
   * The entries of this cache's namespace in the shared tier, in the order of their keys (by UTF-8): all, those whose keys begin with
   * `prefix`, or those whose keys match the LIKE pattern `like` (see `escapeLike`). Read in batches while you iterate, so each is shown as it was when its batch was
   * read. Stale ones within their grace are among them, marked as such. In a transaction there are none.
   *
   * Keys too long to be stored whole (above 1024 bytes) are shown, and matched, as their beginning, `~` and a hash.
   *
   * @throws ConfigurationError for a bad pattern; StoreError when the store fails, because a listing with gaps looks complete
   * @example for await (const { key, value, freshFor } of Cache.entries({ prefix: 'session:' })) …
   */
  entries<T = unknown>(selection: KeySelection = {}, options?: ReadOptions): AsyncIterable<Entry<T>> {
    this.assertOpen();
    const policy = this.readPolicyOf(options, 'entries()');
    const ranges = selectIds(this.engine, selection, 'entries()');
    const listed = currentScope() === undefined ? listEntries(this.engine, ranges, policy) : nothing();
    return listed as AsyncIterable<Entry<T>>;
  }

  /**
   * Deletes the entries whose keys match a LIKE pattern: `%` is any text, `_` any one character; `escapeLike` makes a text stand for
   * itself. Finds them in batches and deletes each like `delete`, so its cost grows with how many keys the pattern's beginning leaves
   * to look at. How many there were; inside of a transaction, how many will be gone with its commit.
   *
   * Only what is there is deleted: a load under way stores its result afterwards. For what must not come back use tags.
   *
   * @throws ConfigurationError for a bad pattern; StoreError when the store fails, with some of them deleted
   * @example await Cache.deletePattern(`report:${escapeLike(customer)}:%`)
   */
  deletePattern(pattern: string, options: WithinTransaction = {}): Promise<number> {
    return explicitCall(async () => {
      this.assertOpen();
      const ranges = selectIds(this.engine, { like: pattern }, 'deletePattern()');
      const policy = this.readPolicyOf(undefined, 'deletePattern()');
      return await deleteListed(this.engine, ranges, { pattern, policy }, transactionToJoin(options.trx));
    });
  }
}

/** The values that are there, by their keys. */
function pairsOf<T>(keys: readonly string[], values: readonly unknown[]): Map<string, T> {
  const pairs = new Map<string, T>();
  for (let place = 0; place < keys.length; place += 1) {
    const value = values[place];
    if (value !== undefined) pairs.set(keys[place] ?? '', value as T);
  }
  return pairs;
}

async function* nothing(): AsyncGenerator<Entry> {
  // What others may not see yet is not listed, like nothing else is found in a transaction.
}
