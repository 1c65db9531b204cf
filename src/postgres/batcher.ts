/**
 * The batcher: calls that come close together share a statement.
 *
 * There is no timer. A call waits for the end of the current turn of the event loop (`setImmediate`), then goes out
 * with all others that came meanwhile, if one of the few slots is free; else with all that come until one is. So an
 * idle cache adds no latency, and the busier it is the larger its batches grow by themselves.
 *
 * A crowd is divided among the slots that are free. Callers who were answered together come back together: in one batch they would all
 * wait while PostgreSQL works, and PostgreSQL while they do. In two, one half works while the other waits. And a large crowd goes at the end
 * of the callback it came in, not of the turn, in which the answer to the other half may be waiting to be read.
 *
 * Every call is answered by its deadline, counted from the call, also while its batch still waits for PostgreSQL.
 */
import { StoreError } from '../errors.js';
import { Chain, Link } from './chain.js';
import { isDataError } from './sqlstate.js';

export interface BatcherOptions<Input, Output> {
  /** Carries out a batch: one output for each input, in their order. Inputs are never empty. */
  readonly run: (inputs: readonly Input[]) => Promise<readonly Output[]>;
  /** Milliseconds until a call is rejected. */
  readonly timeout: number;
  /** Batches under way at one time. */
  readonly slots: number;
  /** Most calls in a batch. */
  readonly maxBatch: number;
  /** Most weight in a batch (one call may exceed it alone); what a call weighs, in bytes or whatever `weigh` counts. */
  readonly maxWeight?: number;
  readonly weigh?: (input: Input) => number;
}

/** So many calls are a crowd: fewer are answered sooner by one statement than its halves by two. Measured with 2 to 100 callers; see docs/performance.md. */
const CROWD = 4;

/** So many gain nothing by waiting for a few more. Measured likewise: with 100 callers a seventh more gets, with 20 none. */
const LARGE_CROWD = 16;

/** Most calls that may wait; more are rejected at once rather than kept in memory. */
export const MAX_WAITING = 100_000;

/** A call under way. */
export interface Call<Input, Output> {
  readonly result: Promise<Output>;
  /** Still to be sent, so that it can be changed or shared. */
  readonly isUnsent: boolean;
  /** Changes what will be sent; only while `isUnsent`. */
  replace(input: Input): void;
}

export class Batcher<Input, Output> {
  readonly #options: BatcherOptions<Input, Output>;
  #queue: Pending<Input, Output>[] = [];
  /** Calls without an answer, oldest first: the order of their deadlines, since all have the same timeout. */
  readonly #unanswered = new Chain<Pending<Input, Output>>();
  #busy = 0;
  #flushing: NodeJS.Immediate | undefined;
  #alarm: NodeJS.Timeout | undefined;
  #idle: (() => void)[] = [];

  constructor(options: BatcherOptions<Input, Output>) {
    this.#options = options;
  }

  /** Adds a call. With `after` it is sent only when that has settled, however it did. */
  call(input: Input, after?: Promise<unknown>): Call<Input, Output> {
    const pending = new Pending<Input, Output>(input);
    if (this.#unanswered.size >= MAX_WAITING) {
      pending.reject(new StoreError(`More than ${MAX_WAITING} calls wait for PostgreSQL`, { outcome: 'failed' }));
      return pending;
    }
    this.#unanswered.append(pending);
    this.#setAlarm();
    if (after === undefined) this.#enqueue(pending);
    else {
      const enqueue = () => this.#enqueue(pending);
      after.then(enqueue, enqueue);
    }
    return pending;
  }

  /** Resolves when no call is under way. */
  idle(): Promise<void> {
    if (this.#unanswered.size === 0 && this.#busy === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #enqueue(pending: Pending<Input, Output>): void {
    if (pending.state !== 'waiting') return;
    this.#queue.push(pending);
    this.#flushSoon();
  }

  #flushSoon(): void {
    if (this.#busy >= this.#options.slots || this.#queue.length === 0) return;
    this.#flushing ??= setImmediate(() => {
      this.#flushing = undefined;
      this.#flush();
    });
    if (this.#queue.length === LARGE_CROWD) process.nextTick(() => this.#flush());
  }

  #flush(): void {
    if (this.#busy >= this.#options.slots) return;
    const batch = this.#takeBatch();
    if (batch.length > 0) void this.#carryOut(batch);
    this.#flushSoon();
  }

  #takeBatch(): Pending<Input, Output>[] {
    const { maxWeight = Number.POSITIVE_INFINITY, weigh = () => 0 } = this.#options;
    const maxBatch = Math.min(this.#options.maxBatch, this.#share());
    const batch: Pending<Input, Output>[] = [];
    let weight = 0;
    let taken = 0;
    for (const pending of this.#queue) {
      if (batch.length === maxBatch) break;
      if (pending.state === 'waiting') {
        weight += weigh(pending.input);
        if (weight > maxWeight && batch.length > 0) break;
        pending.state = 'sent';
        batch.push(pending);
      }
      taken += 1;
    }
    this.#queue = this.#queue.slice(taken);
    return batch;
  }

  /** How many of the waiting calls the next batch may have. */
  #share(): number {
    const waiting = this.#queue.length;
    return waiting < CROWD ? waiting : Math.ceil(waiting / (this.#options.slots - this.#busy));
  }

  async #carryOut(batch: readonly Pending<Input, Output>[]): Promise<void> {
    this.#busy += 1;
    await this.#send(batch);
    this.#busy -= 1;
    this.#flushSoon();
    this.#tellIdle();
  }

  /** Sends a batch; when the data of some call is at fault, its halves apart, until only that call fails. */
  async #send(batch: readonly Pending<Input, Output>[]): Promise<void> {
    let outputs: readonly Output[];
    try {
      outputs = await this.#options.run(batch.map((pending) => pending.input));
    } catch (error) {
      if (batch.length === 1 || !isDataError(error)) {
        for (const pending of batch) this.#settle(pending, () => pending.reject(error));
        return;
      }
      const half = Math.ceil(batch.length / 2);
      await this.#send(batch.slice(0, half));
      await this.#send(batch.slice(half));
      return;
    }
    for (const [i, output] of outputs.entries()) {
      const pending = batch[i];
      if (pending !== undefined) this.#settle(pending, () => pending.resolve(output));
    }
  }

  #settle(pending: Pending<Input, Output>, answer: () => void): void {
    if (pending.state === 'answered') return;
    this.#unanswered.remove(pending);
    pending.state = 'answered';
    answer();
    this.#tellIdle();
  }

  #tellIdle(): void {
    if (this.#unanswered.size > 0 || this.#busy > 0) return;
    clearTimeout(this.#alarm);
    this.#alarm = undefined;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** One timer for all calls, set for the oldest. */
  #setAlarm(): void {
    if (this.#alarm !== undefined) return;
    const oldest = this.#unanswered.first;
    if (oldest === undefined) return;
    const due = oldest.began + this.#options.timeout - performance.now();
    // Decided after one more turn: after a pause of this process, answers may be waiting to be read.
    this.#alarm = setTimeout(() => setImmediate(() => this.#rejectLate()), Math.max(0, due));
  }

  #rejectLate(): void {
    this.#alarm = undefined;
    const late = performance.now() - this.#options.timeout;
    for (let pending = this.#unanswered.first; pending !== undefined; pending = this.#unanswered.first) {
      if (pending.began > late) break;
      const outcome = pending.state === 'sent' ? 'unknown' : 'failed';
      const error = new StoreError(`PostgreSQL did not answer within ${this.#options.timeout} ms`, { outcome });
      this.#settle(pending, () => pending.reject(error));
    }
    this.#setAlarm();
  }
}

class Pending<Input, Output> extends Link<Pending<Input, Output>> implements Call<Input, Output> {
  input: Input;
  state: 'waiting' | 'sent' | 'answered' = 'waiting';
  readonly began = performance.now();
  readonly result: Promise<Output>;
  resolve: (output: Output) => void = () => undefined;
  reject: (error: unknown) => void = () => undefined;

  constructor(input: Input) {
    super();
    this.input = input;
    this.result = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  get isUnsent(): boolean {
    return this.state === 'waiting';
  }

  replace(input: Input): void {
    this.input = input;
  }
}
