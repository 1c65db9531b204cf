import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeArguments } from '../../src/keys/encode.js';

/** A million on demand: KEEPSAKE_PROPERTY_RUNS=1000000. */
const RUNS = Number(process.env['KEEPSAKE_PROPERTY_RUNS'] ?? 50_000);

/** Two values built from the same parts: deeply equal, or nearly so. Never sharing an object, unless one side was replaced by the other. */
type Pair = readonly [unknown, unknown];

class Money {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
  toCacheKey(): string {
    return this.text;
  }
}

class Weight extends Money {}

const ADVERSARIAL = [
  '',
  '1',
  'a',
  'b',
  ',',
  '"',
  '\\',
  ':',
  '{',
  '}',
  '[',
  ']',
  '=>',
  '(',
  ')',
  '\0',
  '\uD800',
  '\uDC00',
  '\uFFFD',
  '__proto__',
  'constructor',
  'hole',
  'undefined',
  'null',
  'NaN',
  '1n',
  '@Money("a")',
  'Date(',
  '😀',
  'é',
];

const text = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...ADVERSARIAL) },
  { weight: 1, arbitrary: fc.array(fc.constantFrom(...ADVERSARIAL), { maxLength: 4 }).map((parts) => parts.join('')) },
);

/** Makes a fresh value at each call. */
const leaf: fc.Arbitrary<() => unknown> = fc.oneof(
  fc.constantFrom<() => unknown>(
    () => 0,
    () => -0,
    () => 1,
    () => 1n,
    () => Number.NaN,
    () => 1e21,
    () => undefined,
    () => null,
    () => true,
    () => new Date(0),
    () => new Date(1),
    () => /a/,
    () => /a/g,
    () => new Money('a'),
    () => new Weight('a'),
    () => new Uint8Array([1, 0]),
    () => new Uint16Array([1]),
    () => Buffer.from([1, 0]),
    () => new Uint8Array([1, 0]).buffer,
    () => new Float64Array([0]),
    () => new Float64Array([-0]),
    () => new URL('http://a/'),
    () => new URL('http://b/'),
    () => ({}),
    () => [],
    () => Object.create(null),
    () => new Map(),
    () => new Set(),
  ),
  text.map((value) => () => value),
);

const leafPair: fc.Arbitrary<Pair> = fc.oneof(
  { weight: 12, arbitrary: leaf.map((make): Pair => [make(), make()]) },
  { weight: 1, arbitrary: fc.tuple(leaf, leaf).map(([one, other]): Pair => [one(), other()]) },
);

const HOLE = Symbol('hole');
const asArray = (elements: readonly unknown[]): unknown[] => {
  const array = new Array<unknown>(elements.length);
  for (const [index, element] of elements.entries()) if (element !== HOLE) array[index] = element;
  return array;
};
const asObject = (prototype: object | null) => (properties: readonly (readonly [string, unknown])[]) => {
  const object: object = Object.create(prototype);
  // Defined, not assigned: `__proto__` shall be a property like any other.
  for (const [name, value] of properties)
    Object.defineProperty(object, name, { value, enumerable: true, configurable: true });
  return object;
};

/** Mostly the same container twice, sometimes two kinds of one. */
function sides<T>(usual: T, ...others: readonly T[]): fc.Arbitrary<readonly [T, T]> {
  const either = fc.oneof(
    { weight: 30, arbitrary: fc.constant(usual) },
    { weight: others.length, arbitrary: fc.constantFrom(...others) },
  );
  return fc.tuple(either, either);
}

const { value: valuePair } = fc.letrec<{ value: Pair }>((tie) => {
  const child = tie('value');
  const hole = fc.constantFrom<Pair>([HOLE, HOLE], [HOLE, undefined]);
  const children = fc.array(fc.oneof({ weight: 15, arbitrary: child }, { weight: 1, arbitrary: hole }), {
    maxLength: 4,
  });
  const elements = fc.array(child, { maxLength: 4 });
  const entries = fc.array(fc.tuple(child, child), { maxLength: 3 });
  const properties = fc.uniqueArray(fc.tuple(text, child), { maxLength: 4, selector: ([name]) => name });
  const firsts = (pairs: readonly Pair[]): unknown[] => pairs.map(([one]) => one);
  const seconds = (pairs: readonly Pair[]): unknown[] => pairs.map(([, other]) => other);
  const array = fc
    .tuple(
      children,
      sides<(list: readonly unknown[]) => unknown>(
        asArray,
        (list) => [...asArray(list), undefined],
        (list) => new Set(list.filter((element) => element !== HOLE)),
      ),
    )
    .map(([pairs, [one, other]]): Pair => [one(firsts(pairs)), other(seconds(pairs))]);
  const set = fc
    .tuple(
      elements,
      sides<(list: unknown[]) => unknown>(
        (list) => new Set(list),
        (list) => list,
      ),
    )
    .map(([pairs, [one, other]]): Pair => [one(firsts(pairs)), other(seconds(pairs).reverse())]);
  const map = entries.map((pairs): Pair => {
    const side = (index: 0 | 1) => pairs.map(([key, value]): [unknown, unknown] => [key[index], value[index]]);
    return [new Map(side(0)), new Map(side(1).reverse())];
  });
  const object = fc
    .tuple(
      properties,
      sides<(list: [string, unknown][]) => unknown>(
        asObject(Object.prototype),
        asObject(null),
        (list) => new Map(list),
        (list) => list,
      ),
    )
    .map(([list, [one, other]]): Pair => {
      const side = (index: 0 | 1) => list.map(([name, pair]): [string, unknown] => [name, pair[index]]);
      return [one(side(0)), other(side(1).reverse())];
    });
  return {
    value: fc.oneof({ maxDepth: 3, depthSize: 'small' }, { weight: 4, arbitrary: leafPair }, array, set, map, object),
  };
});

const argumentLists: fc.Arbitrary<readonly [unknown[], unknown[]]> = fc
  .tuple(fc.array(valuePair, { maxLength: 3 }), sides<readonly unknown[]>([], [undefined]))
  .map(([pairs, [more, others]]) => [
    [...pairs.map(([one]) => one), ...more],
    [...pairs.map(([, other]) => other), ...others],
  ]);

describe('canonical encoding', () => {
  it(
    `INVARIANT 21: encode(a) === encode(b) exactly when a deep-equals b (${RUNS} pairs of argument lists)`,
    () => {
      const seen = { equal: 0, different: 0 };
      fc.assert(
        fc.property(argumentLists, ([a, b]) => {
          const equal = isDeepStrictEqual(a, b);
          seen[equal ? 'equal' : 'different']++;
          const [one, other] = [encodeArguments(a, 'X.y'), encodeArguments(b, 'X.y')];
          expect(one === other, `${one} and ${other}`).toBe(equal);
          expect(one.isWellFormed() && !one.includes('\0')).toBe(true);
        }),
        { numRuns: RUNS },
      );
      // Both directions were really tested.
      expect(Math.min(seen.equal, seen.different)).toBeGreaterThan(RUNS / 10);
    },
    RUNS * 10,
  );

  it(
    'INVARIANT 21: no two different lists out of many share an encoding',
    () => {
      const byEncoding = new Map<string, unknown[]>();
      fc.assert(
        fc.property(argumentLists, ([args]) => {
          const encoded = encodeArguments(args, 'X.y');
          const earlier = byEncoding.get(encoded);
          if (earlier === undefined) byEncoding.set(encoded, args);
          else expect(isDeepStrictEqual(earlier, args), encoded).toBe(true);
        }),
        { numRuns: Math.ceil(RUNS / 5) },
      );
      expect(byEncoding.size).toBeGreaterThan(RUNS / 100);
    },
    RUNS * 10,
  );
});
