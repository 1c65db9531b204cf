/** The local tier's storage on lru-cache: least recently used out first, bounded by count and by bytes. */
import { LRUCache } from 'lru-cache';
import type { DropReason, LocalStorage, LocalStorageFactory } from '../ports/local-storage.js';

/** Bounds of the local tier. */
export interface LruBounds {
  /** Most copies. Default 10 000. */
  readonly max: number;
  /** Most bytes of encoded values together (an approximation of the heap they take). Default 64 MiB. */
  readonly maxBytes: number;
}

/** A factory of LRU storages with these bounds. */
export function lruStorage(bounds: LruBounds): LocalStorageFactory {
  return <Copy extends object>(onDrop: (copy: Copy, key: string, reason: DropReason) => void): LocalStorage<Copy> => {
    const lru = new LRUCache<string, Copy>({
      max: bounds.max,
      maxSize: bounds.maxBytes,
      dispose: (copy, key, reason) => onDrop(copy, key, DROP_REASONS[reason] ?? 'removed'),
    });
    return {
      keeps: 'copies',
      get: (key) => lru.get(key),
      put(key, copy, bytes) {
        const size = Math.max(1, Math.ceil(bytes));
        if (size > bounds.maxBytes) {
          lru.delete(key);
          return false;
        }
        lru.set(key, copy, { size });
        return true;
      },
      remove: (key) => lru.delete(key),
      entries: () => lru.entries(),
      clear: () => lru.clear(),
      get size() {
        return lru.size;
      },
      get bytes() {
        return lru.calculatedSize;
      },
    };
  };
}

const DROP_REASONS: Readonly<Partial<Record<LRUCache.DisposeReason, DropReason>>> = {
  evict: 'room',
  set: 'replaced',
  delete: 'removed',
};
