/**
 * The lease port: the right to load one key, cluster-wide and short-lived. A lease saves work; nothing becomes wrong when two processes
 * load one key, because the store judges each result by what its load could see.
 *
 * Ids arrive as the store's ids. Methods reject with StoreError when the store cannot answer.
 */
export interface Leases {
  /** Takes the lease of `id` for this process for `ms`, unless another process holds it. A process that holds it takes it again. */
  acquire(id: string, ms: number): Promise<'granted' | 'held'>;
  /** Holds on to leases for `ms` from now; those lost meanwhile stay lost. */
  renew(ids: readonly string[], ms: number): Promise<void>;
  /** Gives a lease of this process back. */
  release(id: string): Promise<void>;
}
