/** The public surface of Keepsake. */
export type { BreakerSettings, CacheOptions, LocalOptions, SweepOptions } from './cache-options.js';
export type { ClassForm, ClassForms, CodecClass } from './codec/class-forms.js';
export type { ClassListener } from './codec/class-news.js';
export { type CompressionOptions, createCompressingCodec } from './codec/compressing-codec.js';
export { createRawCodec } from './codec/raw-codec.js';
export { createSuperjsonCodec, type SuperjsonCodecOptions } from './codec/superjson-codec.js';
export { createCache } from './configure.js';
export { type AsyncMethodName, type CollectionHandle, cacheOf, type MethodHandle } from './decorators/cache-of.js';
export { CachePut } from './decorators/cache-put.js';
export { Cached } from './decorators/cached.js';
export { type CachedFunction, cached } from './decorators/cached-function.js';
export {
  type ArrayMethod,
  CachedMany,
  type CachedManyFunction,
  cachedMany,
  type ManyMethodDecorator,
  type MapMethod,
} from './decorators/cached-many.js';
export type { CachedManyOptions } from './decorators/cached-many-options.js';
export { Early } from './decorators/early.js';
export { Failover } from './decorators/failover.js';
export type { CacheHandle, HandleOf } from './decorators/handle.js';
export { InvalidateTags, type InvalidationOptions } from './decorators/invalidate-tags.js';
export { Locked, type LockedOptions } from './decorators/locked.js';
export type { CacheManyHandle, ManyHandleOf } from './decorators/many-handle.js';
export type { AsyncMethod, AsyncMethodDecorator } from './decorators/method-decorator.js';
export type { MethodKey, MethodPolicy } from './decorators/options.js';
export { KEEPSAKE, type MethodInfo } from './decorators/replacement.js';
export { Cache, type CacheFace } from './default-cache.js';
export type { CacheInstance, CacheStats } from './engine/cache.js';
export type { Bypass } from './engine/call-scope.js';
export type { CountOptions } from './engine/counting.js';
export type { TransactionDatabase, TransactionPool } from './engine/database-transaction.js';
export type { Entry } from './engine/entry.js';
export type { EventName, EventOf } from './engine/event-names.js';
export type {
  CacheEvents,
  ClusterEventStreamOptions,
  ClusterEvents,
  EventStreamOptions,
} from './engine/event-stream.js';
export type { CallOptions } from './engine/given-call.js';
export type { Lock, LockEnding } from './engine/held-lock.js';
export type { KeySelection } from './engine/listing.js';
export { cacheEntry, type LoadContext, type StaleValue } from './engine/load-context.js';
export type { LoadManyContext } from './engine/load-together.js';
export type { LockOptions } from './engine/lock-keeper.js';
export type { PublishedEvent } from './engine/published-event.js';
export type { LoadedMany } from './engine/sections/collections.js';
export type { WithinTransaction } from './engine/sections/core.js';
export type { InvalidateTagsOptions } from './engine/sections/invalidations.js';
export type { ReadOptions } from './engine/sections/single-entries.js';
export {
  CodecError,
  ConfigurationError,
  CounterError,
  KeepsakeError,
  type KeepsakeErrorCode,
  KeyError,
  LoadResultError,
  LoadTimeoutError,
  LockError,
  StoreError,
} from './errors.js';
export type { Clock, Timer } from './kernel/clock.js';
export type { Codec, Encoded } from './kernel/codec.js';
export type { Entity, EntityPart } from './kernel/entity.js';
export type * from './kernel/events.js';
export type { State } from './kernel/freshness.js';
export { escapeLike } from './kernel/like.js';
export { keyName, scopeNames, tagName } from './kernel/names.js';
export type {
  CachedErrors,
  Consistency,
  Duration,
  ErrorClass,
  ErrorFilter,
  Isolation,
  Policy,
  Tiers,
} from './kernel/policy.js';
export type { Ramp } from './kernel/ramp.js';
export type { KeyTag } from './keys/key-tag.js';
export type { Counters, Increment, IncrementResult } from './ports/counters.js';
export type { Leases } from './ports/lease.js';
export type { Locks } from './ports/locks.js';
export type { Logger, Observer } from './ports/observer.js';
export type { KeyInfo, PolicyOverlay, PolicyProvider, ProvidedPolicy } from './ports/policy-provider.js';
export type {
  EntryWrite,
  FillResult,
  HearEarly,
  IdRange,
  InvalidationKind,
  InvalidationReceipt,
  Lifetimes,
  ListPage,
  ListRequest,
  LoadToken,
  Postponed,
  ReadDetail,
  RefusalReason,
  Store,
  StoredEntry,
  StoreOptions,
  StoreRead,
  SweepReport,
  WriteReceipt,
} from './ports/store.js';
export type {
  DatabaseTables,
  KeyOf,
  RowOf,
  RowPolicy,
  RowReadPolicy,
  TableCache,
  TableOptions,
} from './ports/tables.js';
export type { TransactionHandle, TransactionOutcome, TransactionReceipt, Transactions } from './ports/transactions.js';
export {
  unwatchTable,
  unwatchTableSql,
  type Watch,
  type WatchDatabase,
  type WatchedTableName,
  type WatchOptions,
  watchTable,
  watchTableSql,
} from './watch-table.js';
