/** What is tested: Keepsake, or one of the protocols that are broken on purpose. Readers and writers know nothing else. */
import type { Heard } from '../check/checker.js';
import type { Method, WriteKind } from './protocol.js';

/** A write that has succeeded, invalidation included. */
export interface Written {
  readonly version: number;
  /** When that was known. */
  readonly at: number;
  readonly heard: Heard;
  readonly scope?: 'own' | 'everywhere';
  /** The one method that has it now; default: whatever was cached of the row has been invalidated. */
  readonly stored?: Method;
}

/** Told when a write has succeeded. A write that was rolled back, or of which nobody knows whether it was, promises nothing. */
export type Oblige = (written: Written) => void;

/** A way to change a row and to invalidate what was cached of it. Resolves when it has ended, one way or another. */
export interface Write {
  readonly kind: WriteKind;
  readonly run: (key: number, oblige: Oblige) => Promise<void>;
}

export interface SubjectTotals {
  readonly loads: number;
  readonly localHits: number;
  readonly sharedHits: number;
  readonly stale: number;
  readonly bypassed: number;
  readonly gaps: number;
}

export interface Subject {
  open(): Promise<void>;
  /** The version that a cached method answers. */
  read(method: Method, key: number): Promise<number>;
  /** The ways to write. */
  readonly writes: readonly Write[];
  /** What a tier holds and would serve. */
  peek(tier: 'local' | 'shared', method: Method, key: number): Promise<number | undefined>;
  /** Resolves when no invalidation is owed and no background work under way. */
  settled(): Promise<void>;
  totals(): SubjectTotals;
  /** Calls a method whose load takes `ms`; answers whether the load ran here. `onLoading` is called when it begins. */
  slow(name: string, ms: number, onLoading: () => void): Promise<number>;
  /** Changes a row in a transaction that stays open for `ms`. */
  linger(key: number, ms: number, oblige: Oblige): Promise<void>;
  flood(tags: number): Promise<void>;
  close(): Promise<void>;
}
