/**
 * The locks port: one holder of a name at a time, for as long as it renews it. Unlike a lease, which only saves work, a lock carries
 * correctness: it survives a crash of the store, and every acquisition has a number that is greater than those of all before it.
 *
 * Names arrive as qualified texts, holders as texts that are unique per acquisition. Methods reject with StoreError when the store
 * cannot answer.
 */
export interface Locks {
  /** Takes `name` for `ms` milliseconds, unless somebody holds it. The fence of the acquisition, or undefined. */
  acquire(name: string, holder: string, ms: number): Promise<number | undefined>;
  /** Holds on to it for `ms` from now. `lost`: it has expired, whoever holds it now. */
  renew(name: string, holder: string, ms: number): Promise<'renewed' | 'lost'>;
  /** Gives it back. `lost`: it had expired before. */
  release(name: string, holder: string): Promise<'released' | 'lost'>;
}
