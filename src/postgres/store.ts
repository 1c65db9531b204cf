/** The Postgres store: the shared tier of the product. This file is its table of contents. */
import pg from 'pg';
import { StoreError } from '../errors.js';
import type { Clock } from '../kernel/clock.js';
import type { Remaining } from '../kernel/freshness.js';
import { keyName, tagName } from '../kernel/names.js';
import type { Bus } from '../ports/bus.js';
import type { PolicySource } from '../ports/policy-provider.js';
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
  StoreOptions,
  StoreRead,
  SweepReport,
  WriteReceipt,
} from '../ports/store.js';
import { textArray } from './arrays.js';
import { Batcher, type BatcherOptions } from './batcher.js';
import { Batches, type FillInput, type InvalidateInput, type PostponeInput } from './batches.js';
import { PostgresBus } from './bus.js';
import { Connections } from './connections.js';
import { PostgresCounters } from './counters.js';
import { KeyOrder, Lane } from './key-order.js';
import { PostgresLeases } from './leases.js';
import { PostgresLocks } from './locks.js';
import { type PostgresStoreOptions, resolveStoreOptions } from './options.js';
import { PolicyTable } from './policy-table.js';
import { deltaStatement } from './queries/delta.js';
import { echoStatement } from './queries/notify.js';
import { publishStatement } from './queries/publish.js';
import { Reads } from './reads.js';
import { sharedStream } from './shared-streams.js';
import { isDataError } from './sqlstate.js';
import { type Row, readingStatement } from './statement.js';
import type { StreamOptions } from './stream.js';
import { Sweeper } from './sweeper.js';
import { PostgresTransactions } from './transactions.js';
import { UnderWay } from './under-way.js';

export type { PostgresStoreOptions } from './options.js';

/**
 * Creates a store that keeps entries in PostgreSQL 13 or later. It connects when it is opened.
 *
 * @throws ConfigurationError (`INVALID_OPTION`) for options that can never work.
 * @example createPostgresStore({ connection: process.env.DATABASE_URL, scopeNames: [namespaceName('')], loadDeadline:
 * 600_000 })
 */
export function createPostgresStore(options: StoreOptions & PostgresStoreOptions): PostgresStore {
  return new BatchingStore(options);
}

/** The store, and what hears of its changes. */
export interface PostgresStore extends Store {
  /** Makes the bus over the same tables. Its connection is made when somebody listens, or is one that another cache listens on already. */
  createBus(options: BusOptions): Bus;
  /** The policies that operators keep beside the entries. */
  createPolicySource(clock: Clock): PolicySource;
  /** Runs a statement that reads, on the store's connections and under its deadline; every column comes as text. Throws StoreError. */
  runAsText(sql: string, params: readonly string[]): Promise<readonly Row[]>;
}

/** Settings of a bus that are not the store's. */
export interface BusOptions extends Pick<StreamOptions, 'clock' | 'every' | 'missedAfter'> {
  /** Hears why the connection could not be made, or was given up. */
  readonly onError: (error: unknown) => void;
  /** URL for the listening connection, which no transaction pooler may stand before. Default: where the store is. */
  readonly listenConnection?: string | undefined;
}

/** Batches under way at one time, of reads and of each kind of write that carries values: one in PostgreSQL's hands, one in ours. */
const SLOTS = 2;

/** How much travels together at most: calls, and bytes of values. */
const MAX_BATCH = 500;
const MAX_BATCH_BYTES = 4 * 1024 * 1024;

class BatchingStore implements PostgresStore {
  readonly kind = 'postgres';
  /** The batchers answer every call in time, waiting for a connection or for a statement that went before included. */
  readonly deadlines = 'own';
  readonly #connections: Connections;
  readonly #pages: Reads;
  /** Reads under way that are batches by themselves. */
  readonly #alone = new UnderWay();
  readonly #batchers: readonly { idle(): Promise<void> }[];
  readonly #order = new KeyOrder();
  readonly #scopeNames: readonly string[];
  readonly #reads: Batcher<string, StoreRead>;
  readonly #sets: Lane<EntryWrite, WriteReceipt>;
  readonly #setsIfAbsent: Lane<EntryWrite, WriteReceipt | undefined>;
  readonly #fills: Lane<FillInput, FillResult>;
  readonly #extensions: Lane<FillInput, FillResult>;
  readonly #puts: Lane<FillInput, FillResult>;
  readonly #deletes: Lane<string, InvalidationReceipt & { readonly existed: boolean }>;
  readonly #touches: Lane<string, Remaining | undefined>;
  readonly #postpones: Lane<PostponeInput, undefined>;
  readonly #invalidations: Batcher<InvalidateInput, InvalidationReceipt>;
  readonly leases: PostgresLeases;
  readonly locks: PostgresLocks;
  readonly counters: PostgresCounters;
  readonly transactions: PostgresTransactions;
  readonly #sweeper: Sweeper;
  readonly #publishing = publishStatement();
  #status: 'open' | 'closed' = 'open';
  #closing: Promise<void> | undefined;

  constructor(given: StoreOptions & PostgresStoreOptions) {
    const options = resolveStoreOptions(given);
    this.#scopeNames = options.scopeNames;
    this.#connections = new Connections(options);
    const batches = new Batches(this.#connections, options);
    const write = { timeout: options.timeouts.write, slots: 1, maxBatch: MAX_BATCH };
    const slots = Math.min(SLOTS, this.#connections.most);
    const weighed = { ...write, slots, maxWeight: MAX_BATCH_BYTES };
    const reads = new Reads(this.#connections, options);
    this.#pages = reads;
    this.#reads = new Batcher({
      run: (ids) => reads.read(ids),
      timeout: options.timeouts.read,
      slots,
      maxBatch: MAX_BATCH,
    });
    const weigh = (fill: FillInput): number => sizeOf(fill.write);
    const batchers: { idle(): Promise<void> }[] = [this.#reads];
    const lane = <Input, Output>(order: 'queue' | 'replace' | 'share', how: BatcherOptions<Input, Output>) => {
      const batcher = new Batcher(how);
      batchers.push(batcher);
      return new Lane(this.#order, batcher, order);
    };
    this.#sets = lane('replace', { ...weighed, weigh: sizeOf, run: (writes) => batches.set(writes) });
    this.#setsIfAbsent = lane('queue', { ...weighed, weigh: sizeOf, run: (writes) => batches.setIfAbsent(writes) });
    this.#fills = lane('queue', { ...weighed, weigh, run: (inputs) => batches.fill(inputs) });
    this.#extensions = lane('queue', { ...write, run: (inputs) => batches.extend(inputs) });
    this.#puts = lane('queue', { ...weighed, weigh, run: (inputs) => batches.put(inputs) });
    this.#deletes = lane('share', { ...write, run: (ids) => batches.delete(ids) });
    this.#touches = lane('share', { ...write, run: (ids) => batches.touch(ids) });
    this.#postpones = lane('queue', { ...write, run: (inputs) => batches.postpone(inputs) });
    this.#invalidations = new Batcher({ ...write, run: (inputs) => batches.invalidate(inputs) });
    const small = { timeout: options.timeouts.write, maxBatch: MAX_BATCH };
    this.leases = new PostgresLeases(this.#connections, small);
    this.locks = new PostgresLocks(this.#connections, small);
    this.counters = new PostgresCounters(this.#connections, this.#order, { ...small, scopeNames: options.scopeNames });
    this.#sweeper = new Sweeper(this.#connections, this.leases, options);
    this.transactions = new PostgresTransactions(this.#connections, { ...small, notify: options.notify });
    this.#batchers = [this.leases, this.locks, this.counters, this.transactions, ...batchers, this.#invalidations];
  }

  get maxIdBytes(): number {
    return this.#connections.maxIdBytes;
  }

  async open(): Promise<void> {
    this.#refuseClosed();
    await this.#connections.open();
    await this.transactions.prepare();
    if (this.#status === 'open') this.#sweeper.start();
  }

  close(): Promise<void> {
    this.#status = 'closed';
    this.#closing ??= this.#drain();
    return this.#closing;
  }

  read(id: string): Promise<StoreRead> {
    if (this.#status === 'closed') return this.#refused();
    return this.#reads.call(id, this.#order.last(id)?.result).result;
  }

  async readMany(
    ids: readonly string[],
    detail: ReadDetail = 'whole',
    hearEarly?: HearEarly,
  ): Promise<readonly StoreRead[]> {
    this.#refuseClosed();
    return await this.#alone.run(() => this.#readAlone(ids, detail, hearEarly));
  }

  /** A batch of its own; only what is being written is read after that, and a damaged row is found by reading one by one. */
  async #readAlone(
    ids: readonly string[],
    detail: ReadDetail,
    hearEarly: HearEarly | undefined,
  ): Promise<readonly StoreRead[]> {
    const writes = this.#order.size === 0 ? [] : ids.flatMap((id) => this.#order.last(id)?.result ?? []);
    if (writes.length > 0) await Promise.allSettled(writes);
    try {
      return await this.#pages.readMany(ids, detail, hearEarly);
    } catch (error) {
      if (!isDataError(error)) throw error;
      return await Promise.all(ids.map((id) => this.read(id)));
    }
  }

  fill(write: EntryWrite, token: LoadToken): Promise<FillResult> {
    if (this.#status === 'closed') return this.#refused();
    return this.#fills.call(write.id, { write, token });
  }

  async extend(write: EntryWrite, token: LoadToken): Promise<FillResult> {
    this.#refuseClosed();
    return this.#extensions.call(write.id, { write, token });
  }

  async put(write: EntryWrite, token: LoadToken): Promise<FillResult> {
    this.#refuseClosed();
    return this.#puts.call(write.id, { write, token });
  }

  set(write: EntryWrite): Promise<WriteReceipt> {
    if (this.#status === 'closed') return this.#refused();
    return this.#sets.call(write.id, write);
  }

  async setIfAbsent(write: EntryWrite): Promise<WriteReceipt | undefined> {
    this.#refuseClosed();
    return this.#setsIfAbsent.call(write.id, write);
  }

  async list(request: ListRequest): Promise<ListPage> {
    this.#refuseClosed();
    return await this.#alone.run(() => this.#pages.list(request));
  }

  async delete(id: string): Promise<InvalidationReceipt & { readonly existed: boolean }> {
    this.#refuseClosed();
    return this.#deletes.call(id, id);
  }

  async invalidate(names: readonly string[], kind: InvalidationKind): Promise<InvalidationReceipt> {
    this.#refuseClosed();
    // What was set before must be hit, although it travels apart.
    const hit = new Set(names);
    const all = this.#scopeNames.some((name) => hit.has(name));
    const isHit = ({ id, tags }: EntryWrite): boolean =>
      all || hit.has(keyName(id)) || tags.some((tag) => hit.has(tagName(tag)));
    const before = [this.#sets.settled(isHit), this.#setsIfAbsent.settled(isHit)].filter((one) => one !== undefined);
    return this.#invalidations.call({ names, kind }, before.length === 0 ? undefined : Promise.all(before)).result;
  }

  touch(id: string): Promise<Remaining | undefined> {
    if (this.#status === 'closed') return this.#refused();
    return this.#touches.call(id, id);
  }

  async postpone(id: string, ms: number, token: LoadToken, what: Postponed): Promise<void> {
    this.#refuseClosed();
    return this.#postpones.call(id, { id, ms, token, what });
  }

  async publish(messages: readonly string[]): Promise<void> {
    this.#refuseClosed();
    const { executor, eventChannel } = this.#connections;
    await executor.run(this.#publishing, [eventChannel, textArray(messages)]);
  }

  async sweep(): Promise<SweepReport> {
    this.#refuseClosed();
    return this.#sweeper.sweep();
  }

  async runAsText(sql: string, params: readonly string[]): Promise<readonly Row[]> {
    return await this.#connections.executor.run(readingStatement(sql), params);
  }

  createBus({ listenConnection, onError, ...settings }: BusOptions): Bus {
    const connections = this.#connections;
    const { channel, eventChannel, tables } = connections;
    const { place, config } = connections.separate(listenConnection);
    const connect = () => new pg.Client({ ...config, fallback_application_name: 'keepsake-listen', keepAlive: true });
    const options = { ...settings, connect, delta: deltaStatement(tables), channel, eventChannel };
    const echo = echoStatement();
    return new PostgresBus({
      stream: () => sharedStream(place, options),
      echo: async (payload) => {
        await connections.executor.run(echo, [channel, payload]);
      },
      onError,
    });
  }

  createPolicySource(clock: Clock): PolicySource {
    return new PolicyTable(this.#connections, clock);
  }

  async #drain(): Promise<void> {
    await this.#sweeper.stop();
    for (const batcher of this.#batchers) await batcher.idle();
    await this.#alone.idle();
    await this.#connections.close();
  }

  #refuseClosed(): void {
    if (this.#status === 'closed') throw closed();
  }

  /** For the calls that are made most: without a promise of their own. */
  #refused(): Promise<never> {
    return Promise.reject(closed());
  }
}

function closed(): StoreError {
  return new StoreError('The Postgres store is closed', { outcome: 'failed' });
}

function sizeOf({ encoded }: EntryWrite): number {
  return encoded.body.length;
}
