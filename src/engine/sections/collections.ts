/** Many entries at once: reading, writing, listing and deleting them. */
import type { Policy } from '../../kernel/policy.js';
import { resolvePolicy } from '../../kernel/resolve-policy.js';
import type { Entry } from '../entry.js';
import { deleteListed, type KeySelection, listEntries, selectIds } from '../listing.js';
import { deleteMany, getMany, setMany } from '../many.js';
import { transactionToJoin } from '../transaction.js';
import { currentScope } from '../transaction-scope.js';
import { give } from '../write-path.js';
import type { WithinTransaction } from './core.js';
import { requireEntries, requireKeys } from './given-collections.js';
import { Invalidations } from './invalidations.js';
import type { ReadOptions } from './single-entries.js';

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
    const wanted = asked.map((key) => ({ subject: { key: this.keyOf(key), useCase, keyType }, policy }));
    const values = await getMany(this.engine, wanted);
    const hits = new Map<string, T>();
    for (const [i, key] of asked.entries()) if (values[i] !== undefined) hits.set(key, values[i] as T);
    return hits;
  }

  /**
   * Stores many values like `set`, all by one policy, in a statement for each 500 of them. Of a key that occurs twice the last value
   * counts. A value that cannot be stored is refused before anything is written.
   *
   * @param entries a Map, or pairs of key and value
   * @throws as `set`; when the store fails some of the entries may have been written
   * @example await Cache.setMany(products.map((product) => [`product:${product.id}`, product]), { ttl: '10m', tags: ['products'] })
   */
  async setMany(entries: Iterable<readonly [key: string, value: unknown]>, policy: Policy = {}): Promise<void> {
    this.assertOpen();
    const resolved = resolvePolicy([this.parts.defaults, policy], 'setMany()');
    const last = new Map(requireEntries(entries, 'setMany()').map(([key, value]) => [this.keyOf(key), value]));
    await setMany(
      this.engine,
      Array.from(last, ([key, value]) => give(this.engine, key, value, resolved)),
    );
  }

  /**
   * Deletes many entries like `delete`. How many of them there were; in a transaction nobody looks, and it is 0.
   *
   * @throws StoreError when the store fails; then some of them may have been deleted
   * @example await Cache.deleteMany(['product:1', 'product:2'])
   */
  async deleteMany(keys: Iterable<string>, options: WithinTransaction = {}): Promise<number> {
    this.assertOpen();
    const own = new Set(requireKeys(keys, 'deleteMany()').map((key) => this.keyOf(key)));
    const entries = Array.from(own, (key) => ({ key }));
    return await deleteMany(this.engine, entries, transactionToJoin(options.trx));
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
  async deletePattern(pattern: string, options: WithinTransaction = {}): Promise<number> {
    this.assertOpen();
    const ranges = selectIds(this.engine, { like: pattern }, 'deletePattern()');
    const policy = this.readPolicyOf(undefined, 'deletePattern()');
    return await deleteListed(this.engine, ranges, { pattern, policy }, transactionToJoin(options.trx));
  }
}

async function* nothing(): AsyncGenerator<Entry> {
  // What others may not see yet is not listed, like nothing else is found in a transaction.
}
