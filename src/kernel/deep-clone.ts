/**
 * Deep clones of everything the codecs bring back. `structuredClone` would not do: it turns a Buffer into a Uint8Array, loses the
 * classes and properties of errors, refuses a URL, and took six times as long for a thousand rows with dates.
 */

/**
 * A copy that shares nothing with `value` that could be changed: Map, Set, Date, RegExp, URL, Error, Buffer, typed arrays, DataView,
 * ArrayBuffer, arrays (holes stay holes) and plain objects. Instances of other classes keep their class and get copies of their own
 * enumerable properties; functions, and what a class hides in private fields, cannot be copied, unless {@link copyBy} said how. A
 * container that stands in two places stays one, so cycles end.
 *
 * @example deepClone(new Map([['at', new Date(0)]])) // an equal Map with another Date
 */
export function deepClone(value: unknown): unknown {
  return clone(value, new Map());
}

/** The copies of containers made so far, by their originals. Leaves (dates, bytes) are not in it: they cannot be part of a cycle. */
type Copies = Map<object, unknown>;

/** How to copy single instances, each for as long as it lives. */
const copiers = new WeakMap<object, () => object>();

/** From now on copies of `instance` are made by `copy`: for classes that keep what they hold out of sight. */
export function copyBy(instance: object, copy: () => object): void {
  copiers.set(instance, copy);
}

function clone(value: unknown, copies: Copies): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const known = copies.get(value);
  if (known !== undefined) return known;
  if (Array.isArray(value)) return cloneArray(value, copies);
  const prototype = prototypeOf(value);
  if (prototype === Object.prototype) return cloneProperties(value, {}, copies);
  const copier = copiers.get(value);
  if (copier !== undefined) return cloneBy(copier, value, copies);
  return cloneLeaf(value) ?? cloneContainer(value, copies) ?? cloneProperties(value, Object.create(prototype), copies);
}

function cloneBy(copier: () => object, value: object, copies: Copies): object {
  const copy = copier();
  copies.set(value, copy);
  return copy;
}

function prototypeOf(value: object): object | null {
  return Object.getPrototypeOf(value);
}

/** The copy of a built-in that contains no other values; undefined for anything else. */
function cloneLeaf(value: object): object | undefined {
  if (value instanceof Date) return new Date(value.getTime());
  if (value instanceof URL) return new URL(value.href);
  if (value instanceof RegExp) return cloneRegExp(value);
  if (value instanceof ArrayBuffer) return value.slice(0);
  return ArrayBuffer.isView(value) ? cloneView(value) : undefined;
}

/** The copy of a built-in that contains other values; undefined for anything else. */
function cloneContainer(value: object, copies: Copies): object | undefined {
  if (value instanceof Map) return cloneMap(value, copies);
  if (value instanceof Set) return cloneSet(value, copies);
  return value instanceof Error ? cloneError(value, copies) : undefined;
}

function cloneRegExp(expression: RegExp): RegExp {
  const copy = new RegExp(expression.source, expression.flags);
  copy.lastIndex = expression.lastIndex;
  return copy;
}

function cloneView(view: ArrayBufferView): object {
  if (Buffer.isBuffer(view)) return Buffer.from(view);
  if (view instanceof DataView)
    return new DataView(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
  // Every typed array has it, and it keeps the class; the interfaces share no name of their own.
  return isSliceable(view) ? view.slice() : view;
}

function isSliceable(view: ArrayBufferView): view is ArrayBufferView & { slice(): object } {
  return 'slice' in view && typeof view.slice === 'function';
}

function cloneArray(array: readonly unknown[], copies: Copies): unknown[] {
  const copy: unknown[] = new Array(array.length);
  copies.set(array, copy);
  for (let index = 0; index < array.length; index++) {
    const element = array[index];
    if (element !== undefined || index in array) copy[index] = clone(element, copies);
  }
  return copy;
}

function cloneProperties(source: object, copy: Record<string, unknown>, copies: Copies): object {
  copies.set(source, copy);
  for (const [key, value] of Object.entries(source) as readonly [string, unknown][]) {
    // Assigning to `__proto__` would change the prototype instead of adding the property.
    if (key === '__proto__') define(copy, key, clone(value, copies), 'listed');
    else copy[key] = clone(value, copies);
  }
  return copy;
}

function cloneMap(map: ReadonlyMap<unknown, unknown>, copies: Copies): object {
  const copy = new Map<unknown, unknown>();
  copies.set(map, copy);
  for (const [key, value] of map) copy.set(clone(key, copies), clone(value, copies));
  return copy;
}

function cloneSet(set: ReadonlySet<unknown>, copies: Copies): object {
  const copy = new Set<unknown>();
  copies.set(set, copy);
  for (const member of set) copy.add(clone(member, copies));
  return copy;
}

function cloneError(error: Error, copies: Copies): object {
  // Made by the constructor, because only that gives what inspectors recognise errors by.
  const copy: Error = Object.setPrototypeOf(new Error(error.message), prototypeOf(error));
  copies.set(error, copy);
  define(copy, 'stack', error.stack, 'unlisted');
  for (const key of Object.getOwnPropertyNames(error)) {
    if (key === 'stack') continue;
    const listed = Object.prototype.propertyIsEnumerable.call(error, key) ? 'listed' : 'unlisted';
    define(copy, key, clone(Reflect.get(error, key), copies), listed);
  }
  return copy;
}

function define(target: object, key: string, value: unknown, listing: 'listed' | 'unlisted'): void {
  Object.defineProperty(target, key, { value, writable: true, enumerable: listing === 'listed', configurable: true });
}
