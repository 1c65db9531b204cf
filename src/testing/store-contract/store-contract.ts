/** The contract suite: what every store promises, whatever it is made of. A store that passes it fits the engine. */
import assert from 'node:assert/strict';
import { CONCURRENCY } from './concurrency.js';
import { type Clause, type ContractPart, hasPart, type OptionalPart } from './contract.js';
import { COUNTERS } from './counters.js';
import { EXTENSIONS } from './extensions.js';
import { FILLS } from './fills.js';
import { INVALIDATION } from './invalidation.js';
import { LIFECYCLE } from './lifecycle.js';
import { LIFETIMES } from './lifetimes.js';
import { LISTING } from './listing.js';
import { LOCKS } from './locks.js';
import { PUTS } from './puts.js';
import { SCOPES } from './scopes.js';
import { SET_IF_ABSENT } from './set-if-absent.js';
import type { StoreUnderTest } from './store-under-test.js';
import { UPKEEP } from './upkeep.js';
import { VALUES } from './values.js';

/** The two functions of a test runner that the suite needs; `node:test`, Vitest and Jest have them under these names. */
export interface ContractRunner {
  /** Groups the tests that `define` defines. */
  readonly describe: (title: string, define: () => void) => unknown;
  /** Defines a test, which fails when its promise rejects. */
  readonly it: (title: string, test: () => Promise<void>) => unknown;
}

export interface StoreContractOptions extends ContractRunner {
  /**
   * Opens the store, called before each test. What it made is closed after the test, by its own `close`, however the test ended.
   * Tests share nothing, so that a runner may run them at once if `create` can bear it.
   */
  readonly create: () => Promise<StoreUnderTest>;
  /**
   * What the store does without. Tests that need it are left out; without a word here they fail. What is listed, and there all the
   * same, fails too. Default: nothing.
   */
  readonly lacks?: readonly OptionalPart[] | undefined;
}

const PARTS: readonly ContractPart[] = [
  ...VALUES,
  ...LIFETIMES,
  ...FILLS,
  ...PUTS,
  ...EXTENSIONS,
  ...INVALIDATION,
  ...SET_IF_ABSENT,
  ...LISTING,
  ...SCOPES,
  ...UPKEEP,
  ...CONCURRENCY,
  ...COUNTERS,
  ...LOCKS,
  ...LIFECYCLE,
];

/**
 * Defines the tests of the contract suite, under `name: store contract`. No test sleeps, but some write a thousand entries: give a store across a
 * network more than a few seconds a test.
 *
 * @example
 * import { describe, it } from 'node:test';
 *
 * describeStoreContract('my store', { describe, it, create: async () => ({ store, options, advance, close }), lacks: ['locks'] });
 */
export function describeStoreContract(name: string, options: StoreContractOptions): void {
  const { describe, it, create, lacks = [] } = options;
  const test = (title: string, run: Clause['run']): unknown => it(title, () => withStore(create, run));
  describe(`${name}: store contract`, () => {
    test('has what it is expected to have', async (subject) => {
      assert.deepEqual(
        lacks.filter((part) => hasPart(subject, part)),
        [],
        'Expected the store to lack what `lacks` lists',
      );
    });
    for (const { title, clauses } of PARTS) {
      const kept = clauses.filter(({ needs }) => !needs.some((need) => lacks.includes(need)));
      if (kept.length > 0) describe(title, () => void kept.map((clause) => test(clause.title, needing(clause))));
    }
  });
}

/** The test of a clause, which says so when the store has not what it needs. */
function needing({ needs, run }: Clause): Clause['run'] {
  return async (subject) => {
    const missing = needs.filter((need) => !hasPart(subject, need));
    assert.deepEqual(
      missing,
      [],
      `Expected the store to have ${missing.join(', ')}; if it is meant to do without, say \`lacks\``,
    );
    await run(subject);
  };
}

/** Runs a test over a store of its own. When it fails and closing fails too, the test's error is the one that tells why. */
async function withStore(create: () => Promise<StoreUnderTest>, run: Clause['run']): Promise<void> {
  const subject = await create();
  try {
    await run(subject);
  } catch (error) {
    await subject.close().catch(() => undefined);
    throw error;
  }
  await subject.close();
}
