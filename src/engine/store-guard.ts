/**
 * The store guard: every call of the store passes here. It gives each a deadline, turns failures of reads into misses and failures
 * of writes that carry correctness into StoreErrors, and notices when the store is gone and when it is back. While the breaker is open
 * nobody waits for the store: reads are misses and writes reject, both at once.
 */
import { KeepsakeError, StoreError } from '../errors.js';
import type { Clock } from '../kernel/clock.js';
import type { Remaining } from '../kernel/freshness.js';
import { MAX_ID_BYTES } from '../kernel/names.js';
import type { Counters, Increment, IncrementResult } from '../ports/counters.js';
import type { Leases } from '../ports/lease.js';
import type { Locks } from '../ports/locks.js';
import type {
  EntryWrite,
  FillResult,
  HearEarly,
  InvalidationKind,
  InvalidationReceipt,
  ListPage,
  ListRequest,
  LoadToken,
  Postponed,
  ReadDetail,
  Store,
  StoreRead,
  SweepReport,
  WriteReceipt,
} from '../ports/store.js';
import type { Transactions } from '../ports/transactions.js';
import { type Admission, type BreakerOptions, type BreakerState, CircuitBreaker } from './circuit-breaker.js';
import type { Reporter, Subject } from './reporter.js';
import { waitFor } from './waiting.js';

/** Milliseconds a call of the store may take, the wait for a connection included. */
export interface Timeouts {
  readonly read: number;
  readonly write: number;
}

export interface StoreGuardOptions {
  readonly store: Store;
  /** Whether the store must be opened first. */
  readonly health: 'opening' | 'well';
  readonly timeouts: Timeouts;
  readonly breaker: BreakerOptions;
  readonly clock: Clock;
  readonly reporter: Reporter;
  /** The store answered again after it had failed. */
  readonly onRecovered: () => void;
}

/** How many entries are read at once. */
export interface ReadTogether {
  readonly detail: ReadDetail;
  /** See the port. */
  readonly hearEarly: HearEarly;
  /** Whose they are, asked for when some of them cannot be read. */
  readonly subjectsOf: () => readonly Subject[];
}

export class StoreGuard {
  readonly #store: Store;
  readonly #timeouts: Timeouts;
  readonly #clock: Clock;
  readonly #reporter: Reporter;
  readonly #onRecovered: () => void;
  readonly #breaker: CircuitBreaker;
  #health: 'opening' | 'well' | 'failing';
  /** The store's leases behind the same deadline and breaker; undefined when it has none. */
  readonly leases: Leases | undefined;

  constructor(options: StoreGuardOptions) {
    this.#store = options.store;
    this.#health = options.health;
    this.#timeouts = options.timeouts;
    this.#clock = options.clock;
    this.#reporter = options.reporter;
    this.#onRecovered = options.onRecovered;
    this.#breaker = new CircuitBreaker(options.breaker, options.clock, (state) => this.#reporter.breaker(state));
    this.leases = this.#guarded(options.store.leases);
  }

  get kind(): string {
    return this.#store.kind;
  }

  get maxIdBytes(): number {
    return this.#store.maxIdBytes ?? MAX_ID_BYTES;
  }

  get health(): 'opening' | 'well' | 'failing' {
    return this.#health;
  }

  get breaker(): BreakerState {
    return this.#breaker.state;
  }

  /** Whether a call begun now would not reach the store, because the breaker is open. */
  get refuses(): boolean {
    return this.#breaker.refuses;
  }

  /** Invalidations inside of the application's transactions: on its connections, so no deadline of ours is over them. */
  get transactions(): Transactions | undefined {
    return this.#store.transactions;
  }

  /** Opens the store; rejects as the store does. Until it has succeeded, reads are misses and writes reject at once. */
  async open(): Promise<void> {
    await this.#store.open();
    this.#answered();
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  /** What `use` makes of what was read, or of undefined when the store cannot answer: in the same promise, since this is the call made most. */
  read<T>(subject: Subject, id: string, use: (read: StoreRead | undefined) => T): Promise<T> {
    if (this.#breaker.refuses) return settle(() => use(undefined));
    const failed = (error: StoreError): T => {
      this.#reporter.error(subject, 'read', error);
      return use(undefined);
    };
    return this.#ended('read', this.#timeouts.read, () => this.#store.read(id), failed, use);
  }

  /** The same for many different ids at once, under one deadline. */
  async readMany(
    ids: readonly string[],
    { detail, hearEarly, subjectsOf }: ReadTogether,
  ): Promise<readonly (StoreRead | undefined)[]> {
    const store = this.#store;
    if (ids.length === 0) return [];
    if (store.readMany !== undefined)
      return (
        (await this.#lenient({ key: undefined }, 'read', async () => await store.readMany?.(ids, detail, hearEarly))) ??
        []
      );
    const answers = await this.#lenient({ key: undefined }, 'read', async () => {
      const settled = await Promise.allSettled(ids.map((id) => begin(() => store.read(id))));
      // When none was answered, the store is at fault, else the ones that were not.
      const failures = settled.flatMap((one): readonly unknown[] => (one.status === 'rejected' ? [one.reason] : []));
      const [failure] = failures;
      if (failures.length === settled.length) throw failure instanceof Error ? failure : new Error(String(failure));
      return settled;
    });
    return subjectsOf().map((subject, i) => {
      const answer = answers?.[i];
      if (answer?.status === 'rejected') this.#reporter.error(subject, 'read', answer.reason);
      return answer?.status === 'fulfilled' ? answer.value : undefined;
    });
  }

  /** Undefined when the store cannot answer, or it is unknown whether the fill happened. */
  fill(subject: Subject, write: EntryWrite, token: LoadToken): Promise<FillResult | undefined> {
    return this.#lenient(subject, 'write', () => this.#store.fill(write, token));
  }

  /** Published if that can be done now; a failure is the caller's to tell, and says nothing about the store. */
  async publish(messages: readonly string[]): Promise<void> {
    if (this.refuses || this.health === 'opening') return;
    await this.#store.publish?.(messages);
  }

  /** A fill that leaves the value as it is, where the store can do that. Undefined as for a fill. */
  extend(subject: Subject, write: EntryWrite, token: LoadToken): Promise<FillResult | undefined> {
    const store = this.#store;
    return this.#lenient(subject, 'write', () => store.extend?.(write, token) ?? store.fill(write, token));
  }

  /** Undefined when the store cannot answer, cannot put, or it is unknown whether it did. */
  async put(subject: Subject, write: EntryWrite, token: LoadToken): Promise<FillResult | undefined> {
    return await this.#lenient(subject, 'write', async () => await this.#store.put?.(write, token));
  }

  /** Undefined when the store cannot answer, or has no fresh entry. */
  touch(subject: Subject, id: string): Promise<Remaining | undefined> {
    return this.#lenient(subject, 'touch', () => this.#store.touch(id));
  }

  async postpone(subject: Subject, id: string, ms: number, token: LoadToken, what: Postponed): Promise<void> {
    await this.#lenient(subject, 'touch', () => this.#store.postpone(id, ms, token, what));
  }

  set(write: EntryWrite): Promise<WriteReceipt> {
    return this.#strict('set', this.#timeouts.write, () => this.#store.set(write));
  }

  setIfAbsent(write: EntryWrite): Promise<WriteReceipt | undefined> {
    return this.#strict('set', this.#timeouts.write, () => this.#store.setIfAbsent(write));
  }

  /** A listing with gaps would look like a complete one, so here a reader hears of a failure. */
  list(request: ListRequest): Promise<ListPage> {
    return this.#strict('list', this.#timeouts.read, () => this.#store.list(request));
  }

  delete(id: string): Promise<InvalidationReceipt & { readonly existed: boolean }> {
    return this.#strict('delete', this.#timeouts.write, () => this.#store.delete(id));
  }

  invalidate(names: readonly string[], kind: InvalidationKind): Promise<InvalidationReceipt> {
    return this.#strict('invalidate', this.#timeouts.write, () => this.#store.invalidate(names, kind));
  }

  /**
   * What `use` makes of the result, or `onFailure` of the error, in the same promise: a counter that everybody uses has as many calls as reads.
   *
   * @throws KeepsakeError `UNSUPPORTED_BY_STORE` where there are no counters
   */
  increment<T>(
    id: string,
    increment: Increment,
    use: (result: IncrementResult) => T,
    onFailure: (error: StoreError) => T,
  ): Promise<T> {
    const counters: Counters = this.#part('counters', this.#store.counters);
    return this.#ended('count', this.#timeouts.write, () => counters.increment(id, increment), onFailure, use);
  }

  /**
   * The store's locks, each call under the deadline of a write.
   *
   * @throws KeepsakeError `UNSUPPORTED_BY_STORE` where there are none
   */
  get locks(): Locks {
    const locks: Locks = this.#part('locks', this.#store.locks);
    const run = <T>(call: () => Promise<T>): Promise<T> => this.#strict('lock', this.#timeouts.write, call);
    return {
      acquire: (...given) => run(() => locks.acquire(...given)),
      renew: (...given) => run(() => locks.renew(...given)),
      release: (...given) => run(() => locks.release(...given)),
    };
  }

  /** A touch whose failure the caller wants to know. */
  touchStrictly(id: string): Promise<Remaining | undefined> {
    return this.#strict('touch', this.#timeouts.write, () => this.#store.touch(id));
  }

  /** Sweeps, for as long as it takes; a store that needs no sweeping answers that it has nothing to do. */
  async sweep(): Promise<SweepReport> {
    return (await this.#store.sweep?.()) ?? NOTHING_SWEPT;
  }

  #guarded(leases: Leases | undefined): Leases | undefined {
    if (leases === undefined) return undefined;
    const { write } = this.#timeouts;
    return {
      acquire: (id, ms) => this.#strict('lease', write, () => leases.acquire(id, ms)),
      renew: (ids, ms) => this.#strict('lease', write, () => leases.renew(ids, ms)),
      release: (id) => this.#strict('lease', write, () => leases.release(id)),
    };
  }

  #part<T>(what: string, part: T | undefined): T {
    if (part !== undefined) return part;
    throw new KeepsakeError('UNSUPPORTED_BY_STORE', `The ${this.#store.kind} store has no ${what}`);
  }

  /** Not an async function, as none of what a read passes here: each of them would cost a promise more. */
  #lenient<T>(subject: Subject, operation: 'read' | 'write' | 'touch', call: () => Promise<T>): Promise<T | undefined> {
    // Known, and told once: not the failure of this call.
    if (this.#breaker.refuses) return Promise.resolve(undefined);
    const deadline = operation === 'read' ? this.#timeouts.read : this.#timeouts.write;
    const failed = (error: StoreError): undefined => {
      this.#reporter.error(subject, operation, error);
    };
    return this.#ended(operation, deadline, call, failed, itself);
  }

  #strict<T>(operation: string, deadline: number, call: () => Promise<T>): Promise<T> {
    return this.#ended(operation, deadline, call, rethrow, itself);
  }

  /** How a call of the store ends: with what `use` makes of its value, or `onFailure` of a StoreError. */
  #ended<T, U, F>(
    operation: string,
    deadline: number,
    call: () => Promise<T>,
    onFailure: (error: StoreError) => F,
    use: (value: T) => U,
  ): Promise<U | F> {
    if (this.#health === 'opening') return settle(() => onFailure(this.#notConnected()));
    const admission = this.#breaker.admit();
    if (admission === 'refused') return settle(() => onFailure(this.#refusal()));
    const sent = begin(call);
    const timed = this.#store.deadlines === 'own' ? sent : this.#timed(operation, deadline, sent);
    return timed.then(
      (value) => {
        this.#answered();
        return use(value);
      },
      (error: unknown) => onFailure(this.#failed(operation, admission, error)),
    );
  }

  async #timed<T>(operation: string, deadline: number, sent: Promise<T>): Promise<T> {
    const waited = await waitFor(sent, this.#clock, deadline);
    if (waited.ended === 'value') return waited.value;
    if (waited.ended === 'error') throw waited.error;
    throw new StoreError(`The ${this.kind} store did not ${operation} within ${deadline} ms`, {
      outcome: 'unknown',
    });
  }

  #failed(operation: string, admission: Admission, error: unknown): StoreError {
    this.#note(admission, error);
    return storeErrorOf(error, `The ${this.kind} store failed to ${operation}`);
  }

  #notConnected(): StoreError {
    return new StoreError(`The ${this.kind} store is not connected yet`, { outcome: 'failed' });
  }

  #refusal(): StoreError {
    const ms = Math.ceil(this.#breaker.refusesFor);
    const again = ms === 0 ? 'it is being tried at this moment' : `it is tried again in ${ms} ms`;
    return new StoreError(`The ${this.kind} store has failed several times and is left alone: ${again} (breaker)`, {
      outcome: 'failed',
    });
  }

  /** A call has failed. What its own content is to blame for says nothing about the store. */
  #note(admission: Admission, error: unknown): void {
    const isOfTheCall = error instanceof StoreError ? error.blame === 'call' : error instanceof KeepsakeError;
    if (isOfTheCall) {
      this.#breaker.abstained(admission);
      return;
    }
    this.#health = 'failing';
    this.#breaker.failed(admission);
  }

  #answered(): void {
    this.#breaker.succeeded();
    if (this.#health === 'well') return;
    this.#health = 'well';
    this.#onRecovered();
  }
}

const NOTHING_SWEPT: SweepReport = {
  outcome: 'finished',
  entries: 0,
  removed: 0,
  settled: 0,
  compacted: 0,
  evicted: 0,
};

function storeErrorOf(error: unknown, message: string): StoreError {
  return error instanceof StoreError ? error : new StoreError(message, { outcome: 'unknown', cause: error });
}

/** A store of somebody else's may throw where it should reject. */
function begin<T>(call: () => Promise<T>): Promise<T> {
  try {
    return Promise.resolve(call());
  } catch (error) {
    return Promise.reject(error);
  }
}

/** A promise of what `make` returns, or throws. */
function settle<T>(make: () => T): Promise<T> {
  try {
    return Promise.resolve(make());
  } catch (error) {
    return Promise.reject(error);
  }
}

function itself<T>(value: T): T {
  return value;
}

function rethrow(error: StoreError): never {
  throw error;
}
