/** What every section of a cache has in common: its parts, what a key becomes, and that nothing is done after `close`. */
import { KeepsakeError } from '../../errors.js';
import type { Policy } from '../../kernel/policy.js';
import type { BusHealth } from '../../ports/bus.js';
import type { RowHost, TableCache, TableOptions } from '../../ports/tables.js';
import type { TransactionHandle } from '../../ports/transactions.js';
import type { Engine } from '../call.js';
import type { FarEvents } from '../far-events.js';
import { type Invalidation, invalidate } from '../invalidation.js';
import type { Subject } from '../reporter.js';
import { transactionToJoin } from '../transaction.js';

/** What `delete`, `expire` and `clear` take. */
export interface WithinTransaction {
  /** An open transaction of yours: the invalidation becomes true when it commits, and never if it rolls back. */
  readonly trx?: TransactionHandle | undefined;
}

/** What the composition root gives a cache beside its engine. */
export interface CacheParts {
  readonly engine: Engine;
  /** The cache's own layer of every policy. */
  readonly defaults: Policy;
  readonly checkKey: (key: string) => void;
  readonly keyTransform: (key: string) => string;
  /** The health of the bus, if there is one. */
  readonly stream: () => BusHealth | undefined;
  /** What other processes publish. */
  readonly farEvents: FarEvents;
  /** Makes the cache of a table, over a cache. */
  readonly makeTable: (host: RowHost, name: string, options: TableOptions) => TableCache<unknown, unknown>;
  /** Releases what the composition root opened; called once, after background work has drained. */
  readonly release: () => Promise<void>;
}

/**
 * The first of the sections a cache is made of. Each extends the one before it and has the methods about one subject; the last one is
 * `CacheInstance`. What they share is here.
 */
export abstract class CacheCore {
  /** @internal */
  protected readonly engine: Engine;
  /** @internal */
  protected readonly parts: CacheParts;

  constructor(parts: CacheParts) {
    this.parts = parts;
    this.engine = parts.engine;
  }

  /** Its name: `Cache.named(name)` finds it, decorators choose it by `cache`. */
  get name(): string {
    return this.engine.name;
  }

  /** The cache's own layer of every policy, under a decorator's. */
  get defaults(): Policy {
    return this.parts.defaults;
  }

  /** Whether `close` was called. */
  abstract get closed(): boolean;

  /** A call whose key could not be made runs its method without the cache: counted and reported. @internal */
  reportKeyError(subject: Subject, error: unknown): void {
    const { reporter } = this.engine;
    reporter.counters.calls += 1;
    reporter.bypass(subject, 'key');
    reporter.error(subject, 'key', error);
  }

  /** A call whose condition was not met, or could not be asked, runs its method without the cache. @internal */
  reportCondition(subject: Subject, failed?: { readonly error: unknown }): void {
    const { reporter } = this.engine;
    reporter.counters.calls += 1;
    reporter.bypass(subject, 'condition');
    if (failed !== undefined) reporter.error(subject, 'condition', failed.error);
  }

  /** An invalidation that a decorated method owes could not be made; its result is not lost for that. @internal */
  reportInvalidationError(subject: Subject, error: unknown): void {
    this.engine.reporter.error(subject, 'invalidate', error);
  }

  /** @internal */
  protected assertOpen(): void {
    if (this.closed) throw new KeepsakeError('CACHE_CLOSED', `The cache \`${this.name}\` is closed`);
  }

  /** A key as the engine knows it. @internal */
  protected keyOf(key: string): string {
    this.parts.checkKey(key);
    const own = this.parts.keyTransform(key);
    if (own !== key) this.parts.checkKey(own);
    return own;
  }

  /** Makes an invalidation: in the transaction that is given or open, or else at once. @internal */
  protected async makeInvalid(invalidation: Invalidation, { trx }: WithinTransaction): Promise<void> {
    const join = transactionToJoin(trx);
    await (join === undefined ? invalidate(this.engine, invalidation) : join(this.engine, invalidation));
  }
}
