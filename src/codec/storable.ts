/**
 * Storable values: any value as a tree that SuperJSON writes and reads back faithfully, or a refusal that names the place.
 *
 * SuperJSON alone loses or changes, without a word: functions, symbols and promises (dropped), cycles (null), invalid dates (null), holes
 * (null), NaN and -0 in typed arrays (0), dates inside class instances (text), properties of arrays. It throws for `constructor`
 * as a key and for BigInt64Array, and cannot read back a Buffer. Here each of these is refused or given a form that survives.
 */
import { types } from 'node:util';
import { CodecError } from '../errors.js';
import { bytesType } from './bytes.js';
import type { ClassRegistry } from './class-forms.js';
import { hasPlainPrototype, MAX_DEPTH, MAX_PARTS } from './plain-json.js';
import { errorParts } from './stored-error.js';
import { tagged } from './tagged.js';
import { formatTrail, type Step } from './trail.js';

/** What formats differ in: what stands for the parts that only some of them carry as they are. */
export interface Dialect {
  /** What stands for a text, number, bigint, boolean, undefined or null. */
  leaf(value: unknown): unknown;
  /** What stands for bytes, inside of a part tagged `bytes`; `type` is their built-in class. */
  bytes(type: string, value: ArrayBuffer | ArrayBufferView): unknown;
  /** Whether an object may have this key; one that has another is tagged `object`. Never true for `__proto__`. */
  carriesKey(key: string): boolean;
}

/** What else a walk needs. */
export interface StorableOptions {
  readonly dialect: Dialect;
  readonly classes: ClassRegistry;
  /** Hears of an instance that becomes plain data, or an instance of the built-in class it extends. */
  readonly onInstance: (instance: object, className: string) => void;
}

/**
 * The tree that stands for `value`: parts that need no change are the value's own, so nothing of it is ever written to.
 * Throws CodecError (`UNENCODABLE_VALUE`) for a function, symbol, promise, weak collection or cycle anywhere in it.
 */
export function storable(value: unknown, options: StorableOptions): unknown {
  return new StorableWalk(options).visit(value);
}

class StorableWalk {
  readonly #dialect: Dialect;
  readonly #classes: ClassRegistry;
  readonly #onInstance: StorableOptions['onInstance'];
  readonly #ancestors = new Set<object>();
  readonly #trail: Step[] = [];
  #parts = 0;

  constructor({ dialect, classes, onInstance }: StorableOptions) {
    this.#dialect = dialect;
    this.#classes = classes;
    this.#onInstance = onInstance;
  }

  visit(value: unknown): unknown {
    if (typeof value === 'function') throw this.#refusal('a function');
    if (typeof value === 'symbol') throw this.#refusal('a symbol');
    if (typeof value !== 'object' || value === null) return this.#dialect.leaf(value);
    if (this.#ancestors.has(value)) throw this.#refusal('a cycle');
    if (this.#ancestors.size >= MAX_DEPTH) throw this.#refusal(`more than ${MAX_DEPTH} levels`);
    if (++this.#parts > MAX_PARTS) throw this.#refusal(`more than ${MAX_PARTS} parts`);
    this.#ancestors.add(value);
    const converted = this.#convert(value);
    this.#ancestors.delete(value);
    return converted;
  }

  #at(step: Step, value: unknown): unknown {
    // Most values are texts and numbers, which cannot be refused.
    if (typeof value === 'string' || typeof value === 'number') return this.#dialect.leaf(value);
    this.#trail.push(step);
    const converted = this.visit(value);
    this.#trail.pop();
    return converted;
  }

  #convert(part: object): unknown {
    if (Array.isArray(part) && Object.getPrototypeOf(part) === Array.prototype) return this.#array(part);
    if (hasPlainPrototype(part)) return hasToJson(part) ? this.#replaced(part) : this.#object(part);
    const data = this.#classes.dataOf(part);
    if (data !== undefined)
      return tagged('class', [data.name, data.of === 'properties' ? this.#object(part) : this.visit(data.data)]);
    if (Array.isArray(part)) return this.#array(part);
    const builtIn = this.#builtIn(part);
    if (builtIn !== undefined) return builtIn;
    if (hasToJson(part)) return this.#replaced(part);
    if (isOpaque(part)) throw this.#refusal(`a ${classOf(part)}`);
    return this.#known(part, 'Object', this.#object(part));
  }

  /** What stands for an instance of a built-in class; undefined when it is not one. */
  #builtIn(part: object): object | undefined {
    // `instanceof` is quicker, the rest finds those of another realm; dates come first because most values here have them.
    if (part instanceof Date || types.isDate(part)) return this.#date(part);
    if (types.isMap(part)) return this.#map(part);
    if (types.isSet(part)) return this.#set(part);
    if (types.isRegExp(part)) return this.#known(part, 'RegExp', new RegExp(part.source, part.flags));
    if (part instanceof URL) return this.#known(part, 'URL', part);
    if (types.isArrayBuffer(part) || ArrayBuffer.isView(part)) return this.#bytes(part);
    if (types.isNativeError(part) || part instanceof Error) return this.#error(part);
    return undefined;
  }

  /** `form`, after telling that an instance of another class than `base` comes back as one of `base`. */
  #known<Form>(part: object, base: string, form: Form): Form {
    if (hasPlainPrototype(part)) return form;
    const name = classOf(part);
    if (name !== base) this.#onInstance(part, name);
    return form;
  }

  #date(date: Date): object {
    // The usual one, as it is: an object around it then needs no copy.
    if (Object.getPrototypeOf(date) === Date.prototype && !Number.isNaN(date.getTime())) return date;
    const time = Date.prototype.getTime.call(date);
    return this.#known(date, 'Date', Number.isNaN(time) ? tagged('date', null) : new Date(time));
  }

  #map(map: ReadonlyMap<unknown, unknown>): object {
    const copy = new Map<unknown, unknown>();
    let index = 0;
    for (const [key, value] of map) {
      copy.set(this.#at({ of: 'key', index }, key), this.#at({ of: 'value', index }, value));
      index++;
    }
    if (copy.size !== map.size) throw this.#refusal('a Map with keys that become equal');
    return this.#known(map, 'Map', copy);
  }

  #set(set: ReadonlySet<unknown>): object {
    const copy = new Set<unknown>();
    let index = 0;
    for (const member of set) copy.add(this.#at({ of: 'member', index: index++ }, member));
    if (copy.size !== set.size) throw this.#refusal('a Set with members that become equal');
    return this.#known(set, 'Set', copy);
  }

  #bytes(bytes: ArrayBuffer | ArrayBufferView): object {
    const type = bytesType(bytes);
    if (type === undefined) throw this.#refusal(`a ${classOf(bytes)}`);
    return this.#known(bytes, type, tagged('bytes', this.#dialect.bytes(type, bytes)));
  }

  #error(error: Error): object {
    const parts = errorParts(error);
    return this.#known(error, parts.class, tagged('error', this.#object(parts)));
  }

  #array(array: readonly unknown[]): unknown {
    const copy: unknown[] = [];
    for (let index = 0; index < array.length; index++) {
      if (!(index in array)) return this.#sparseArray(array);
      copy.push(this.#at(index, array[index]));
    }
    return this.#known(array, 'Array', copy);
  }

  #sparseArray(array: readonly unknown[]): unknown {
    // Whoever copies it counts through the holes.
    this.#parts += array.length;
    if (this.#parts > MAX_PARTS) throw this.#refusal(`more than ${MAX_PARTS} holes in arrays`);
    const entries: [string, unknown][] = [];
    for (const key of Object.keys(array)) {
      // What is not a position is a property of the array; plain JSON has no place for it either.
      const index = Number(key);
      if (String(index >>> 0) === key && index < array.length) entries.push([key, this.#at(index, array[index])]);
    }
    return this.#known(array, 'Array', tagged('array', [array.length, entries]));
  }

  #object(object: object): unknown {
    const keys = Object.keys(object);
    const values: unknown[] = [];
    let form: 'same' | 'changed' | 'tagged' = hasPlainPrototype(object) ? 'same' : 'changed';
    for (const key of keys) {
      const value = (object as Readonly<Record<string, unknown>>)[key];
      const converted = this.#at(key, value);
      if (!this.#dialect.carriesKey(key)) form = 'tagged';
      else if (form === 'same' && !Object.is(converted, value)) form = 'changed';
      values.push(converted);
    }
    if (form === 'same') return object;
    return form === 'changed' ? objectOf(keys, values) : tagged('object', this.#entries(keys, values));
  }

  #entries(keys: readonly string[], values: readonly unknown[]): [unknown, unknown][] {
    return keys.map((key, index) => [this.#dialect.leaf(key), values[index]]);
  }

  /** What the `toJSON` of an object puts in its place. As in JSON it is asked once, so it may answer with the object itself. */
  #replaced(part: object & { toJSON(key: string): unknown }): unknown {
    const replacement = part.toJSON('');
    return this.#known(part, 'Object', replacement === part ? this.#object(part) : this.visit(replacement));
  }

  #refusal(what: string): CodecError {
    const place = this.#trail.length === 0 ? '' : ` at \`${formatTrail(this.#trail)}\``;
    return new CodecError('UNENCODABLE_VALUE', `Expected a value that can be stored, got ${what}${place}`);
  }
}

/** Assigns, which takes a tenth of the time of Object.fromEntries: `__proto__`, which must not be assigned, is a key no dialect carries. */
function objectOf(keys: readonly string[], values: readonly unknown[]): object {
  const object: Record<string, unknown> = {};
  for (const [index, key] of keys.entries()) object[key] = values[index];
  return object;
}

function hasToJson(part: object): part is object & { toJSON(key: string): unknown } {
  return 'toJSON' in part && typeof part.toJSON === 'function';
}

/** The name of the class an object is an instance of. */
function classOf(part: object): string {
  // The prototype's: an own property of that name is data.
  const prototype: unknown = Object.getPrototypeOf(part);
  if (typeof prototype !== 'object' || prototype === null) return 'Object';
  const owner: unknown = Reflect.get(prototype, 'constructor');
  return typeof owner === 'function' && owner.name !== '' ? owner.name : 'anonymous class';
}

/**
 * Whether an object's content is not in its properties, so that plain data would be an empty shell: promises and other thenables, weak
 * collections, iterators, boxed primitives, and objects of the platform (Headers, Blob, Intl.NumberFormat) that list nothing.
 */
function isOpaque(part: object): boolean {
  if ('then' in part && typeof part.then === 'function') return true;
  if (types.isBoxedPrimitive(part) || types.isExternal(part)) return true;
  return Object.prototype.toString.call(part) !== '[object Object]' && Object.keys(part).length === 0;
}
