/** What a contract is made of: clauses, each a promise of every store and the test that it is kept; parts, which group them. */
import assert from 'node:assert/strict';
import type { Store } from '../../ports/store.js';
import type { StoreUnderTest } from './store-under-test.js';

/** What a store, or whoever tests it, may do without: optional members of the port, and other stores over the same data. */
export type OptionalPart = 'counters' | 'locks' | 'put' | 'extend' | 'readMany' | 'second' | 'neighbour';

/** A promise, as its title says it, and its test. */
export interface Clause {
  readonly title: string;
  readonly needs: readonly OptionalPart[];
  readonly run: (subject: StoreUnderTest) => Promise<void>;
}

export interface ContractPart {
  readonly title: string;
  readonly clauses: readonly Clause[];
}

export function clause(
  title: string,
  run: (subject: StoreUnderTest) => Promise<void>,
  ...needs: readonly OptionalPart[]
): Clause {
  return { title, needs, run };
}

/** Clauses about one thing, all of which need the same. */
export function part(title: string, clauses: readonly Clause[], ...needs: readonly OptionalPart[]): ContractPart {
  return { title, clauses: clauses.map((each) => ({ ...each, needs: [...needs, ...each.needs] })) };
}

/** Whether the store, or its test, has an optional part. */
export function hasPart(subject: StoreUnderTest, name: OptionalPart): boolean {
  if (name === 'second' || name === 'neighbour') return subject[name] !== undefined;
  return subject.store[name] !== undefined;
}

/** An optional member of the store; a clause that uses one says that it needs it. */
export function member<Name extends keyof Store & OptionalPart>(store: Store, name: Name): NonNullable<Store[Name]> {
  const found = store[name];
  if (found === undefined) throw new Error(`Expected the store under test to have \`${name}\``);
  return typeof found === 'function' ? (found.bind(store) as NonNullable<Store[Name]>) : found;
}

type Order = '<' | '<=' | '>' | '>=';

/** Asserts that there is a number, and that it stands in an order to another. */
export function compare(actual: number | undefined, order: Order, bound: number): void {
  assert.notEqual(actual, undefined, `Expected a number ${order} ${bound}, got undefined`);
  if (actual === undefined) return;
  const orders = {
    '<': actual < bound,
    '<=': actual <= bound,
    '>': actual > bound,
    '>=': actual >= bound,
  };
  assert.ok(orders[order], `Expected ${actual} to be ${order} ${bound}`);
}

/** Asserts that everything `expected` has is the same in `actual`, at any depth; `actual` may have more properties. */
export function matches(actual: unknown, expected: unknown): void {
  assert.deepEqual(asFarAs(expected, actual), expected);
}

/** As much of `actual` as `expected` speaks of. */
function asFarAs(expected: unknown, actual: unknown): unknown {
  if (typeof expected !== 'object' || expected === null || typeof actual !== 'object' || actual === null) return actual;
  if (Array.isArray(actual)) {
    const items: readonly unknown[] = actual;
    return items.map((item, index) => asFarAs(Array.isArray(expected) ? expected[index] : undefined, item));
  }
  const names = Object.keys(expected).filter((name) => name in actual);
  return Object.fromEntries(
    names.map((name) => [name, asFarAs(Reflect.get(expected, name), Reflect.get(actual, name))]),
  );
}
