/**
 * The contract suite: what every store promises, whatever it is made of. A store that passes it fits the engine.
 *
 * @example describeStoreContract('my store', async () => ({ store, options, advance, close }))
 */
import { afterEach, beforeEach, describe } from 'vitest';
import { describeConcurrency } from './concurrency-contract.js';
import { describeCounters } from './counters-contract.js';
import { describeExtensions } from './extensions-contract.js';
import { describeFills } from './fills-contract.js';
import { describeInvalidation } from './invalidation-contract.js';
import { describeLifecycle } from './lifecycle-contract.js';
import { describeLifetimes } from './lifetimes-contract.js';
import { describeListing } from './listing-contract.js';
import { describeLocks } from './locks-contract.js';
import { describePuts } from './puts-contract.js';
import { describeScopes } from './scopes-contract.js';
import { describeSetIfAbsent } from './set-if-absent-contract.js';
import type { StoreUnderTest } from './store-under-test.js';
import { describeUpkeep } from './upkeep-contract.js';
import { describeValues } from './values-contract.js';

export type { StoreUnderTest } from './store-under-test.js';

/** Runs the whole suite; `factory` is called before every test and what it made is closed after it. */
export function describeStoreContract(name: string, factory: () => Promise<StoreUnderTest>): void {
  describe(`${name}: store contract`, () => {
    let current: StoreUnderTest | undefined;

    beforeEach(async () => {
      current = await factory();
    });

    afterEach(async () => {
      const used = current;
      current = undefined;
      await used?.close();
    });

    const subject = (): StoreUnderTest => {
      if (current === undefined) throw new Error('The store under test exists only while a test runs');
      return current;
    };

    describeValues(subject);
    describeLifetimes(subject);
    describeFills(subject);
    describePuts(subject);
    describeExtensions(subject);
    describeInvalidation(subject);
    describeSetIfAbsent(subject);
    describeListing(subject);
    describeScopes(subject);
    describeUpkeep(subject);
    describeConcurrency(subject);
    describeCounters(subject);
    describeLocks(subject);
    describeLifecycle(subject);
  });
}
