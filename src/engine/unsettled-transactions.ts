/**
 * Unsettled transactions: those of the application's that have logged an invalidation, of which this process does not know yet
 * whether they have committed. Nobody tells us when they do. So until it is known, what carries one of their names is neither kept
 * in the local tier nor shared with callers that came later; it is read from the store, which sees the commit in the moment it happens.
 *
 * They are asked for in the background, all in one statement; being late about it costs local hits and nothing else.
 */
import type { Clock, Timer } from '../kernel/clock.js';
import type { TransactionOutcome, TransactionReceipt } from '../ports/transactions.js';
import type { Background } from './background.js';
import type { NameLedger } from './name-ledger.js';

/** First and longest pause between two questions, in milliseconds; a transaction may stay open for days (2PC). */
const FIRST_PAUSE = 20;
const LONGEST_PAUSE = 1_000;

/** Most names remembered one by one; a transaction that brings more hides everything in the namespace. */
const MOST_NAMES = 10_000;

export interface UnsettledOptions {
  readonly clock: Clock;
  readonly background: Background;
  readonly ledger: NameLedger;
  /** The name that hides everything of this cache. */
  readonly everything: string;
  /** Asks the store; rejects when it cannot be asked. */
  readonly ask: (receipts: readonly TransactionReceipt[]) => Promise<readonly TransactionOutcome[]>;
}

/** What one call has made invalid in a transaction. */
export interface Unsettled {
  readonly names: readonly string[];
  /** Undefined until the statement that logs it has been answered. */
  receipt: TransactionReceipt | undefined;
}

export class UnsettledTransactions {
  readonly #options: UnsettledOptions;
  readonly #all = new Set<Unsettled>();
  /** How many of them have a name. */
  readonly #names = new Map<string, number>();
  #timer: Timer | undefined;
  #pause = FIRST_PAUSE;
  #state: 'open' | 'closed' = 'open';

  constructor(options: UnsettledOptions) {
    this.#options = options;
  }

  /** How many invalidations wait to become true or void. */
  get size(): number {
    return this.#all.size;
  }

  /** Whether one of these names may have been invalidated without this process knowing. */
  hides(names: readonly string[]): boolean {
    return this.#names.size > 0 && names.some((name) => this.#names.has(name));
  }

  /** Begins to distrust names, before they are logged; what is held or under way is hidden at once. */
  begin(given: readonly string[]): Unsettled {
    const names = this.#names.size + given.length > MOST_NAMES ? [this.#options.everything] : given;
    const unsettled: Unsettled = { names, receipt: undefined };
    this.#all.add(unsettled);
    for (const name of names) this.#names.set(name, (this.#names.get(name) ?? 0) + 1);
    this.#options.ledger.learn(names, undefined);
    return unsettled;
  }

  /** They were logged, in this transaction: from now on it is asked what became of it. */
  watch(unsettled: Unsettled, receipt: TransactionReceipt): void {
    unsettled.receipt = receipt;
    // Once for each question, so that a stream of transactions does not put it off for ever.
    if (this.#pause > FIRST_PAUSE) {
      this.#pause = FIRST_PAUSE;
      this.#timer?.cancel();
      this.#timer = undefined;
    }
    this.#askLater();
  }

  /** They were not logged, or it is known what became of it. */
  end(unsettled: Unsettled): void {
    if (!this.#all.delete(unsettled)) return;
    for (const name of unsettled.names) {
      const left = (this.#names.get(name) ?? 1) - 1;
      if (left === 0) this.#names.delete(name);
      else this.#names.set(name, left);
    }
  }

  /** Asks no more; the process, or this cache, ends. */
  close(): void {
    this.#state = 'closed';
    this.#timer?.cancel();
  }

  #askLater(): void {
    if (this.#state === 'closed') return;
    this.#timer ??= this.#options.clock.schedule(this.#pause, () => {
      this.#timer = undefined;
      if (!this.#options.background.run('unsettled transactions', () => this.#askAll())) this.#askLater();
    });
  }

  async #askAll(): Promise<void> {
    const watched = new Map<string, TransactionReceipt>();
    for (const { receipt } of this.#all) if (receipt !== undefined) watched.set(idOf(receipt), receipt);
    if (watched.size === 0) return;
    try {
      const receipts = [...watched.values()];
      const outcomes = await this.#options.ask(receipts);
      for (const [i, receipt] of receipts.entries()) this.#settle(receipt, outcomes[i] ?? 'unknown');
    } catch {
      // Whoever cannot be asked now is asked again; until then the store answers for these names.
    }
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE);
    if ([...this.#all].some(({ receipt }) => receipt !== undefined)) this.#askLater();
  }

  #settle(receipt: TransactionReceipt, outcome: TransactionOutcome): void {
    if (outcome === 'running') return;
    for (const unsettled of this.#all) {
      if (unsettled.receipt === undefined || idOf(unsettled.receipt) !== idOf(receipt)) continue;
      // What is under way and began before the commit must not be kept; what could see it may be.
      if (outcome !== 'rolled back')
        this.#options.ledger.learn(unsettled.names, outcome === 'committed' ? receipt.xid : undefined);
      this.end(unsettled);
    }
  }
}

function idOf({ place, xid }: TransactionReceipt): string {
  return `${place} ${xid}`;
}
