/**
 * Counters over PostgreSQL. Of one counter at most one statement is under way; the calls that come meanwhile gather, and become one addition
 * (addition.ts).
 */
import { StoreError } from '../errors.js';
import { keyName } from '../kernel/names.js';
import type { Counters, Increment, IncrementResult } from '../ports/counters.js';
import { type Addition, additionOf, countedOf, refusedOf } from './addition.js';
import { numberArray, textArray } from './arrays.js';
import { Batcher, MAX_WAITING } from './batcher.js';
import type { Connections } from './connections.js';
import { CountingOn } from './counting-on.js';
import { type KeyOrder, Lane } from './key-order.js';
import { hashTexts } from './notification.js';
import { incrementStatement } from './queries/increment.js';
import { type Header, parseAnswer } from './rows.js';
import type { Row } from './statement.js';

/** Attempts at one addition: each fails only because another life of the counter began or ended meanwhile. */
const MAX_TRIES = 20;

export interface PostgresCountersOptions {
  readonly timeout: number;
  readonly maxBatch: number;
  readonly scopeNames: readonly string[];
}

type Results = readonly IncrementResult[];

/** The calls on one counter that travel together, in their order. They share the deadline of the first. */
class Gathering {
  readonly id: string;
  readonly increments: Increment[] = [];
  /** Of all of them. */
  results: Promise<Results> = NONE;

  constructor(id: string) {
    this.id = id;
  }

  join(increment: Increment): Promise<IncrementResult> {
    const at = this.increments.push(increment) - 1;
    return this.results.then((results) => {
      const result = results[at];
      if (result === undefined) throw new TypeError('An increment has no result');
      return result;
    });
  }
}

const NONE: Promise<Results> = Promise.resolve([]);

export class PostgresCounters implements Counters {
  readonly #connections: Connections;
  readonly #statement;
  readonly #scopeNames: string;
  readonly #maxGathered: number;
  readonly #countingOn: CountingOn;
  /** Each call settles by itself: what some were counted for must not be lost, nor tried again, when others fail. */
  readonly #batcher: Batcher<Gathering, PromiseSettledResult<Results>>;
  /** What is left to the whole rule. */
  readonly #whole: Batcher<Addition, Results | Addition>;
  readonly #lane: Lane<Gathering, PromiseSettledResult<Results>>;
  /** Calls without an answer. */
  #unanswered = 0;

  constructor(connections: Connections, order: KeyOrder, { scopeNames, timeout, maxBatch }: PostgresCountersOptions) {
    this.#connections = connections;
    this.#statement = incrementStatement(connections.tables);
    this.#countingOn = new CountingOn(connections);
    this.#scopeNames = textArray(scopeNames);
    this.#maxGathered = maxBatch;
    const batching = { timeout, maxBatch, slots: 2 };
    this.#batcher = new Batcher({
      ...batching,
      maxWeight: maxBatch,
      weigh: ({ increments }) => increments.length,
      run: (gatherings) => this.#count(gatherings),
    });
    this.#whole = new Batcher({ ...batching, run: (additions) => this.#add(additions) });
    this.#lane = new Lane(order, this.#batcher, 'queue');
  }

  increment(id: string, increment: Increment): Promise<IncrementResult> {
    if (this.#unanswered >= MAX_WAITING) {
      const message = `More than ${MAX_WAITING} increments wait for PostgreSQL`;
      return Promise.reject(new StoreError(message, { outcome: 'failed' }));
    }
    this.#unanswered += 1;
    const unsent = this.#lane.unsent(id);
    const gathering = unsent !== undefined && unsent.increments.length < this.#maxGathered ? unsent : this.#gather(id);
    return gathering.join(increment);
  }

  /** Resolves when no call is under way. */
  idle(): Promise<void> {
    return this.#batcher.idle();
  }

  #gather(id: string): Gathering {
    const gathering = new Gathering(id);
    const ended = (): void => {
      this.#unanswered -= gathering.increments.length;
    };
    gathering.results = this.#lane.call(id, gathering).then(
      (settled) => {
        ended();
        if (settled.status === 'fulfilled') return settled.value;
        const reason: unknown = settled.reason;
        throw reason;
      },
      (error: unknown) => {
        ended();
        throw error;
      },
    );
    return gathering;
  }

  async #count(gatherings: readonly Gathering[]): Promise<readonly PromiseSettledResult<Results>[]> {
    const additions = gatherings.map(({ id, increments }) => additionOf(id, increments));
    const counted = await this.#countingOn.add(additions);
    const settling = additions.map(async (addition, i) => counted[i] ?? (await this.#carryOut(addition)));
    return await Promise.allSettled(settling);
  }

  async #carryOut(addition: Addition): Promise<Results> {
    let left = addition;
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const next = await this.#whole.call(left).result;
      if (!isAddition(next)) return next;
      left = next;
    }
    throw new StoreError(`A counter changed ${MAX_TRIES} times under an increment`, { outcome: 'failed' });
  }

  /** Carries out additions under the whole rule: the results of each, or what must be tried then. */
  async #add(additions: readonly Addition[]): Promise<readonly (Results | Addition)[]> {
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
    this.#countingOn.note(answer.header.token.snapshot);
    return additions.map((one, i) => outcomeOf(one, answer.header, answer.rows[i]));
  }
}

function isAddition(outcome: Results | Addition): outcome is Addition {
  return 'increments' in outcome;
}

/** What became of an addition: the results, or what is still to be done. */
function outcomeOf(addition: Addition, { xid }: Header, row: Row | undefined): Results | Addition {
  const { id, increments } = addition;
  const [, outcome, number] = row ?? [];
  if (outcome === 'counted') return countedOf(addition, BigInt(number ?? 0), xid);
  if (outcome === 'again') return additionOf(id, increments);
  if (outcome !== 'overflow') return refusedOf(addition, 'not-a-number');
  const rest = additionOf(id, increments, BigInt(number ?? 0));
  return rest.sums.some((one) => one !== undefined) ? rest : refusedOf(addition, 'overflow');
}
