/**
 * Counters over PostgreSQL. Calls on one counter that travel together become one addition, and each gets its own place in it: a busy counter
 * costs a row version a batch.
 */
import { StoreError } from '../errors.js';
import { COUNTER_BOUNDS } from '../kernel/counter.js';
import { keyName } from '../kernel/names.js';
import type { Counters, Increment, IncrementResult } from '../ports/counters.js';
import { numberArray, textArray } from './arrays.js';
import { Batcher } from './batcher.js';
import type { Connections } from './connections.js';
import { type KeyOrder, Lane } from './key-order.js';
import { hashTexts } from './notification.js';
import { incrementStatement } from './queries/increment.js';
import { type Header, parseAnswer } from './rows.js';
import type { Row } from './statement.js';

/** One call. */
interface Input extends Increment {
  readonly id: string;
}

/** The calls on one counter, in their order, as one addition. */
interface Addition {
  readonly id: string;
  readonly inputs: readonly Input[];
  /** What each result is above the number that was there; undefined for one that would leave its bounds. */
  readonly sums: readonly (bigint | undefined)[];
  readonly sum: bigint;
  /** Of the first that is carried out. */
  readonly ttl: number | undefined;
  /** Where that number must be, for all results to stay within their bounds. */
  readonly least: bigint;
  readonly most: bigint;
}

/** Attempts at one addition: each fails only because another life of the counter began or ended meanwhile. */
const MAX_TRIES = 20;

export interface PostgresCountersOptions {
  readonly timeout: number;
  readonly maxBatch: number;
  readonly scopeNames: readonly string[];
}

export class PostgresCounters implements Counters {
  readonly #connections: Connections;
  readonly #statement;
  readonly #scopeNames: string;
  readonly #batcher: Batcher<Input, IncrementResult>;
  readonly #lane: Lane<Input, IncrementResult>;

  constructor(connections: Connections, order: KeyOrder, { scopeNames, ...batching }: PostgresCountersOptions) {
    this.#connections = connections;
    this.#statement = incrementStatement(connections.tables);
    this.#scopeNames = textArray(scopeNames);
    this.#batcher = new Batcher({ ...batching, slots: 1, run: (inputs) => this.#count(inputs) });
    this.#lane = new Lane(order, this.#batcher, 'gather');
  }

  async increment(id: string, increment: Increment): Promise<IncrementResult> {
    return await this.#lane.call(id, { id, ...increment });
  }

  /** Resolves when no call is under way. */
  idle(): Promise<void> {
    return this.#batcher.idle();
  }

  async #count(inputs: readonly Input[]): Promise<readonly IncrementResult[]> {
    const results = new Map<Input, IncrementResult>();
    let left = additionsOf(inputs);
    for (let tries = 0; left.length > 0; tries += 1) {
      if (tries === MAX_TRIES) {
        throw new StoreError(`A counter changed ${MAX_TRIES} times under an increment`, { outcome: 'failed' });
      }
      left = await this.#add(left, results);
    }
    return inputs.map((input) => resultOf(results, input));
  }

  /** Carries out additions; answers those that must be tried again. */
  async #add(additions: readonly Addition[], results: Map<Input, IncrementResult>): Promise<readonly Addition[]> {
    const rows = await this.#connections.executor.run(this.#statement, [
      textArray(additions.map(({ id }) => id)),
      textArray(additions.map(({ sum }) => String(sum))),
      textArray(additions.map(({ least }) => String(least))),
      textArray(additions.map(({ most }) => String(most))),
      numberArray(additions.map(({ ttl }) => ttl)),
      this.#scopeNames,
      this.#connections.channel,
      textArray(additions.map(({ id }) => hashTexts([keyName(id)])[0])),
    ]);
    const answer = parseAnswer(rows, additions.length);
    return additions.flatMap((one, i) => settle(one, answer.header, answer.rows[i], results) ?? []);
  }
}

function additionsOf(inputs: readonly Input[]): readonly Addition[] {
  const byId = new Map<string, Input[]>();
  for (const input of inputs) {
    const same = byId.get(input.id);
    if (same === undefined) byId.set(input.id, [input]);
    else same.push(input);
  }
  return [...byId].map(([id, same]) => addition(id, same));
}

/** With `from`, the number that is there as far as is known, calls that would leave their bounds are left out. */
function addition(id: string, inputs: readonly Input[], from?: bigint): Addition {
  let [sum, least, most] = [0n, COUNTER_BOUNDS.least, COUNTER_BOUNDS.most];
  let ttl: number | undefined;
  let first: Input | undefined;
  const sums = inputs.map((input) => {
    const next = sum + input.by;
    if (from !== undefined && (from + next < input.least || from + next > input.most)) return undefined;
    first ??= input;
    ttl = first.ttl;
    sum = next;
    if (input.least - sum > least) least = input.least - sum;
    if (input.most - sum < most) most = input.most - sum;
    return sum;
  });
  return { id, inputs, sums, sum, ttl, least, most };
}

/** Writes down what became of an addition; answers what is still to be done, if anything. */
function settle(
  { id, inputs, sums, sum }: Addition,
  { xid }: Header,
  row: Row | undefined,
  results: Map<Input, IncrementResult>,
): Addition | undefined {
  const [, outcome, number] = row ?? [];
  if (outcome === 'again') return addition(id, inputs);
  if (outcome === 'overflow') {
    const rest = addition(id, inputs, BigInt(number ?? 0));
    if (rest.sums.some((one) => one !== undefined)) return rest;
  }
  const before = outcome === 'counted' ? BigInt(number ?? 0) - sum : undefined;
  const reason = outcome === 'not-a-number' ? outcome : 'overflow';
  for (const [i, input] of inputs.entries()) {
    const above = sums[i];
    const isCounted = before !== undefined && above !== undefined;
    results.set(input, isCounted ? { status: 'counted', value: before + above, xid } : { status: 'refused', reason });
  }
  return undefined;
}

function resultOf(results: ReadonlyMap<Input, IncrementResult>, input: Input): IncrementResult {
  const result = results.get(input);
  if (result === undefined) throw new TypeError('An increment has no result');
  return result;
}
