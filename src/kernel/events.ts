/** Events: everything a cache does, as one closed union. Exporters, statistics and tests read these and nothing else. */
import type { KeepsakeErrorCode } from '../errors.js';
import type { State } from './freshness.js';

/** Where a value came from. */
export type Tier = 'local' | 'shared';

/** Why a call did not use the cache. */
export type BypassReason = 'scope' | 'ramp' | 'provider' | 'breaker' | 'key' | 'condition' | 'unconfigured';

/** Why an entry that could have been stored was not. */
export type NotStoredReason =
  | 'skipped' // load.skip(), undefined, or null with cacheNull: false
  | 'condition' // the policy's `unless`
  | 'too-large'
  | 'unencodable'
  | 'invalidated'
  | 'newer'
  | 'deadline'
  | 'incarnation'
  | 'store-unavailable';

/** What every event says: which cache, which method, which key. */
export interface EventBase {
  readonly cache: string;
  readonly useCase: string | undefined;
  readonly keyType: string | undefined;
  readonly key: string | undefined;
}

/** A call was answered from a tier. `state` is `'stale'` when loading failed or took longer than `softTimeout`. */
export interface HitEvent extends EventBase {
  readonly type: 'hit';
  readonly tier: Tier;
  readonly state: Exclude<State, 'dead'>;
  /** Milliseconds from the call to its answer. */
  readonly durationMs: number;
}

/** A call was answered by its loader, or found nothing. */
export interface MissEvent extends EventBase {
  readonly type: 'miss';
  readonly durationMs: number;
}

/** A call ran without the cache. */
export interface BypassEvent extends EventBase {
  readonly type: 'bypass';
  readonly reason: BypassReason;
}

/** A loader began. Exactly one `loadEnd` follows. */
export interface LoadStartEvent extends EventBase {
  readonly type: 'loadStart';
  readonly background: boolean;
}

export interface LoadEndEvent extends EventBase {
  readonly type: 'loadEnd';
  readonly background: boolean;
  readonly outcome: 'succeeded' | 'failed' | 'abandoned';
  readonly durationMs: number;
  readonly error: unknown;
}

/**
 * A value was stored; with `what: 'error'` an error that is kept like one, with `'lifetime'` a new lifetime for the value that is there.
 * `valueBytes` is its encoded size, `encodeMs` the time the codec took.
 */
export interface WriteEvent extends EventBase {
  readonly type: 'write';
  readonly what: 'value' | 'error' | 'lifetime';
  readonly tiers: 'both' | 'local' | 'shared';
  readonly valueBytes: number;
  readonly encodeMs: number;
}

/** A value was answered but not stored. */
export interface NotStoredEvent extends EventBase {
  readonly type: 'notStored';
  readonly reason: NotStoredReason;
}

/** Names were invalidated by this process. */
export interface InvalidateEvent extends EventBase {
  readonly type: 'invalidate';
  readonly kind: 'delete' | 'expire' | 'clear';
  readonly tags: readonly string[];
  /** Type and id, of `invalidateEntity`. */
  readonly entity: readonly string[] | undefined;
}

/** The local tier dropped an entry: for room, or because it ended. */
export interface EvictEvent extends EventBase {
  readonly type: 'evict';
}

/** A caller gave up waiting. */
export interface TimeoutEvent extends EventBase {
  readonly type: 'timeout';
  readonly limit: 'soft' | 'hard';
}

/** The store was left alone after several failures (`open`), or has answered again (`closed`). */
export interface BreakerEvent extends EventBase {
  readonly type: 'breaker';
  readonly state: 'open' | 'closed';
}

/** A call was answered by its policy's `fallback`: loading failed, and nothing stale was there. It is a miss as well. */
export interface FallbackEvent extends EventBase {
  readonly type: 'fallback';
  readonly error: unknown;
}

/** Something failed and the cache went on without it. */
export interface ErrorEvent extends EventBase {
  readonly type: 'error';
  readonly operation:
    | 'read'
    | 'write'
    | 'touch'
    | 'lease'
    | 'lock'
    | 'invalidate'
    | 'load'
    | 'encode'
    | 'decode'
    | 'key'
    | 'condition'
    | 'connect'
    | 'policy'
    | 'sweep';
  readonly code: KeepsakeErrorCode | undefined;
  readonly error: unknown;
}

export type CacheEvent =
  | HitEvent
  | MissEvent
  | BypassEvent
  | LoadStartEvent
  | LoadEndEvent
  | WriteEvent
  | NotStoredEvent
  | InvalidateEvent
  | EvictEvent
  | TimeoutEvent
  | BreakerEvent
  | FallbackEvent
  | ErrorEvent;
