/** Plain JSON: the values for which `JSON.stringify` alone keeps everything, and how to recognise them cheaply. */

/** Deepest nesting of a value that is stored; deeper ones are refused (a stack overflow could not be told from a cycle). */
export const MAX_DEPTH = 500;

/**
 * Deepest nesting of what is stored for a value. A level of a value becomes at most four: an array with holes is a pair of its tag and a
 * pair of its length and a list of pairs.
 */
export const MAX_STORED_DEPTH = 4 * MAX_DEPTH;

/**
 * Most objects and arrays in a value that is stored. Shared parts count once for each place they stand in, so that a small
 * graph whose tree is exponential is refused instead of keeping the process busy for hours.
 */
export const MAX_PARTS = 1_000_000;

interface Budget {
  parts: number;
}

/**
 * Whether `JSON.parse(JSON.stringify(value))` equals `value`: null, booleans, strings, finite numbers but -0, arrays without holes
 * and plain objects of these. One pass that ends at the first part that is anything else; never throws for a cycle.
 *
 * @example isPlainJson({ id: 1, tags: ['a'] }) // true
 * @example isPlainJson({ at: new Date() }) // false
 */
export function isPlainJson(value: unknown): boolean {
  return isPlain(value, 0, { parts: MAX_PARTS });
}

function isPlain(value: unknown, depth: number, budget: Budget): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true;
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0);
    case 'object':
      if (value === null) return true;
      if (depth >= MAX_DEPTH || budget.parts-- <= 0) return false;
      return Array.isArray(value) ? isPlainArray(value, depth, budget) : isPlainObject(value, depth, budget);
    default:
      return false;
  }
}

function isPlainArray(array: readonly unknown[], depth: number, budget: Budget): boolean {
  // JSON.stringify would ask a toJSON; the other path never does for arrays.
  if ('toJSON' in array || Object.getPrototypeOf(array) !== Array.prototype) return false;
  // By index, because holes must be seen: they read as undefined, which is not plain.
  for (let index = 0; index < array.length; index++) {
    if (!isPlain(array[index], depth + 1, budget)) return false;
  }
  return true;
}

function isPlainObject(object: object, depth: number, budget: Budget): boolean {
  if (!hasPlainPrototype(object)) return false;
  // for-in is the quickest way through an object, and a plain prototype has nothing enumerable to add.
  for (const key in object) {
    if (!isPlain(object[key], depth + 1, budget)) return false;
  }
  return true;
}

/** Whether an object is a plain one: made by `{}`, or without a prototype. */
export function hasPlainPrototype(object: object): object is Readonly<Record<string, unknown>> {
  const prototype: unknown = Object.getPrototypeOf(object);
  return prototype === Object.prototype || prototype === null;
}

/**
 * Whether parsed JSON has more than `most` levels of objects and arrays. Costs about 7 % of parsing it.
 *
 * @example nestsDeeper([[]], 1) // true
 */
export function nestsDeeper(json: unknown, most: number): boolean {
  if (typeof json !== 'object' || json === null) return false;
  if (most === 0) return true;
  if (Array.isArray(json)) return json.some((element) => nestsDeeper(element, most - 1));
  for (const key in json) {
    if (nestsDeeper(Reflect.get(json, key), most - 1)) return true;
  }
  return false;
}
