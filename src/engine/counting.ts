/** Counting: numbers in the shared tier, changed by many processes in one step each. No local tier ever holds one. */
import { CounterError } from '../errors.js';
import { COUNTER_BOUNDS } from '../kernel/counter.js';
import { parseDuration } from '../kernel/duration.js';
import { refuse } from '../kernel/expectation.js';
import type { Duration } from '../kernel/policy.js';
import type { Increment, IncrementResult } from '../ports/counters.js';
import { type Engine, identify } from './call.js';

/** What `incr` and `decr` take. */
export interface CountOptions<Amount extends number | bigint = number> {
  /** How much to add, or to take away: a whole number, negative too. With a bigint the answer is one. Default 1. */
  readonly by?: Amount | undefined;
  /** How long a counter lives that begins with this call; one that is there keeps its own time. Default: until it is deleted. */
  readonly ttl?: Duration | undefined;
}

const KNOWN: readonly string[] = ['by', 'ttl'] satisfies readonly (keyof CountOptions)[];

/** Where results must stay for a caller who gets numbers: beyond these they would not be exact. */
const NUMBER_BOUNDS = {
  least: BigInt(Number.MIN_SAFE_INTEGER),
  most: BigInt(Number.MAX_SAFE_INTEGER),
} as const;

/**
 * Adds to a counter; the result in the kind that `by` has.
 *
 * @throws ConfigurationError for bad options, at once; rejects with CounterError; StoreError
 */
export function count(
  engine: Engine,
  key: string,
  direction: 'up' | 'down',
  options: CountOptions<number | bigint> | undefined,
): Promise<number | bigint> {
  const increment = options === undefined ? BY_ONE[direction] : incrementOf(key, direction, options);
  const { id, keyName } = identify(engine, key);
  const counted = (result: IncrementResult): number | bigint => {
    engine.ledger.learn([keyName], result.status === 'counted' ? result.xid : undefined);
    engine.local.remove(key);
    if (result.status === 'refused') throw refusal(key, result.reason, increment);
    return typeof options?.by === 'bigint' ? result.value : Number(result.value);
  };
  const failed = (error: unknown): never => {
    // It may have been carried out, over a value that somebody had set.
    engine.ledger.learn([keyName], undefined);
    engine.local.remove(key);
    engine.reporter.error({ key }, 'write', error);
    throw error;
  };
  try {
    return engine.store.increment(id, increment, counted, failed);
  } catch (error) {
    return failed(error);
  }
}

/** What calls without options add: most are such, and need no objects of their own. */
const BY_ONE: Readonly<Record<'up' | 'down', Increment>> = {
  up: { by: 1n, ttl: undefined, ...NUMBER_BOUNDS },
  down: { by: -1n, ttl: undefined, ...NUMBER_BOUNDS },
};

function incrementOf(key: string, direction: 'up' | 'down', options: CountOptions<number | bigint>): Increment {
  const subject = `${direction === 'up' ? 'incr' : 'decr'}(\`${key}\`)`;
  if (Object(options) !== options) {
    throw refuse({ option: 'options', expected: "an object such as { by: 2, ttl: '1m' }", got: options, subject });
  }
  for (const option of Object.keys(options)) {
    if (!KNOWN.includes(option)) throw refuse({ option, expected: `one of ${KNOWN.join(', ')}`, got: option, subject });
  }
  const { by = 1, ttl } = options;
  const isWhole = typeof by === 'bigint' ? isWithin(by) : Number.isSafeInteger(by);
  if (!isWhole) {
    const expected = 'a whole number: a safe integer, or a bigint of at most 64 bits';
    throw refuse({ option: 'by', expected, got: by, subject });
  }
  const life = ttl === undefined ? Infinity : parseDuration(ttl, 'ttl', { never: 'allowed', subject });
  const amount = BigInt(by);
  return {
    by: direction === 'up' ? amount : -amount,
    ttl: life === Infinity ? undefined : life,
    ...(typeof by === 'bigint' ? COUNTER_BOUNDS : NUMBER_BOUNDS),
  };
}

function isWithin(by: bigint): boolean {
  // Its opposite must be one, too.
  return by > COUNTER_BOUNDS.least && by <= COUNTER_BOUNDS.most;
}

function refusal(key: string, reason: 'not-a-number' | 'overflow', { most }: Increment): CounterError {
  if (reason === 'not-a-number') {
    return new CounterError('NOT_A_COUNTER', `\`${key}\` holds no whole number, so nothing can be added to it`);
  }
  const hint = most === NUMBER_BOUNDS.most ? ' that a number holds exactly: give `by` as a bigint' : ' of 64 bits';
  return new CounterError('COUNTER_OVERFLOW', `The counter \`${key}\` would leave the whole numbers${hint}`);
}
