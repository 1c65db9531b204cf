/**
 * The local storage port: a bounded map of copies in this process. It knows nothing of lifetimes or validity (the engine decides
 * both); it only keeps within its bounds and says what it dropped.
 */

export interface LocalStorage<Copy> {
  /** The copy under `key`, which becomes the most recently used. */
  get(key: string): Copy | undefined;
  /** Keeps a copy of about `bytes` bytes; an older one under the key is dropped, and others when a bound is reached. False: too large to keep. */
  put(key: string, copy: Copy, bytes: number): boolean;
  /** Drops the copy under `key`; whether there was one. */
  remove(key: string): boolean;
  /** All copies by their keys, in any order; none becomes more recently used. */
  entries(): Iterable<readonly [key: string, copy: Copy]>;
  /** Drops everything. */
  clear(): void;
  /** `nothing`: every `put` is refused, so nobody needs to prepare what to keep. */
  readonly keeps: 'copies' | 'nothing';
  readonly size: number;
  readonly bytes: number;
}

/** Why a copy left: for want of room, or because the engine replaced or removed it. */
export type DropReason = 'room' | 'replaced' | 'removed';

/** Builds a storage; `onDrop` hears every copy that leaves. */
export type LocalStorageFactory = <Copy extends object>(
  onDrop: (copy: Copy, key: string, reason: DropReason) => void,
) => LocalStorage<Copy>;
