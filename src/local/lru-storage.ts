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
  return <Copy>(onDrop: (copy: Copy, key: string, reason: DropReason) => void): LocalStorage<Copy> => {
    // lru-cache wants objects as values; a box also carries the size, so that nothing is computed twice.
    const lru = new LRUCache<string, { readonly copy: Copy; readonly bytes: number }>({
      max: bounds.max,
      maxSize: bounds.maxBytes,
      sizeCalculation: (box) => box.bytes,
      dispose: (box, key, reason) => onDrop(box.copy, key, DROP_REASONS[reason] ?? 'removed'),
    });
    return {
      get: (key) => lru.get(key)?.copy,
      put(key, copy, bytes) {
        const size = Math.max(1, Math.ceil(bytes));
        if (size > bounds.maxBytes) {
          lru.delete(key);
          return false;
        }
        lru.set(key, { copy, bytes: size });
        return true;
      },
      remove: (key) => lru.delete(key),
      *entries() {
        for (const [key, box] of lru.entries()) yield [key, box.copy] as const;
      },
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
