/** The cache: the last of its sections (see sections/core.ts), with what concerns its whole life. */
import type { BusHealth } from '../ports/bus.js';
import type { SweepReport } from '../ports/store.js';
import type { BreakerState } from './circuit-breaker.js';
import type { Counters } from './reporter.js';
import { Tables } from './sections/tables.js';
import { waitFor } from './waiting.js';

/** Numbers about a cache since it was made, and what it holds now. */
export interface CacheStats extends Readonly<Counters> {
  readonly name: string;
  readonly store: {
    readonly kind: string;
    readonly health: 'opening' | 'well' | 'failing';
    readonly breaker: BreakerState;
  };
  readonly local: { readonly entries: number; readonly bytes: number };
  /** What is heard of other processes; undefined when nothing is listened to. */
  readonly stream: BusHealth | undefined;
  /** Keys being loaded or read, background work, names remembered for work under way, and invalidations in transactions of yours. */
  readonly underWay: {
    readonly keys: number;
    readonly background: number;
    readonly names: number;
    readonly transactions: number;
  };
  /** Names that decorated methods have made invalid and the store could not be told of yet. */
  readonly owed: number;
}

/** How long closing waits for background work, in milliseconds: a refresh whose loader hangs must not keep a process from ending. */
const CLOSING_PATIENCE = 10_000;

export class CacheInstance extends Tables {
  #closing: Promise<void> | undefined;

  /** Numbers since the cache was made. */
  stats(): CacheStats {
    const { name, reporter, store, local, background, ledger, owed, unsettled } = this.engine;
    return {
      ...reporter.counters,
      name,
      store: { kind: store.kind, health: store.health, breaker: store.breaker },
      local: { entries: local.size, bytes: local.bytes },
      stream: this.parts.stream(),
      owed: owed.size,
      underWay: {
        keys: this.reads.keysUnderWay,
        background: background.size,
        names: ledger.size,
        transactions: unsettled.size,
      },
    };
  }

  /** Resolves when no background work is under way. */
  async idle(): Promise<void> {
    await this.engine.background.idle();
  }

  /**
   * Removes dead rows from the database now, beside the sweeps that go on by themselves; resolves with what it did.
   *
   * @throws StoreError when the store fails
   * @example const { removed, compacted } = await Cache.sweep()
   */
  async sweep(): Promise<SweepReport> {
    this.assertOpen();
    return await this.engine.store.sweep();
  }

  /** Waits for background work (10 s at most), then releases every connection of its own. Calling it again waits for the same. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Whether `close` was called. */
  get closed(): boolean {
    return this.#closing !== undefined;
  }

  async #close(): Promise<void> {
    const { background, clock, reporter, owed, unsettled } = this.engine;
    const unpaid = await owed.close();
    if (unpaid > 0)
      reporter.warn('owed', `closed while ${unpaid} names could not be invalidated: the store cannot be reached`);
    unsettled.close();
    this.engine.locks.close();
    background.close();
    const drained = await waitFor(background.idle(), clock, CLOSING_PATIENCE);
    if (drained.ended === 'timeout') {
      reporter.warn('close', `closed with background work under way that did not end within ${CLOSING_PATIENCE} ms`);
    }
    this.engine.local.clear();
    await this.parts.release();
    this.endEvents();
  }
}
