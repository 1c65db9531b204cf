/**
 * The canonical encoding of arguments: one text for each list of arguments, the same text exactly for lists that are deeply equal
 * (`util.isDeepStrictEqual`): 1, 1n and '1' stay apart, so do 0 and -0, undefined and null, a hole and undefined, an object without
 * prototype and a plain one; the order of properties, and of the elements of Map and Set, does not count.
 *
 * It reads like the source text of the values: `42,"x",{page:1,tags:["a"]}`, with a tag before what has no literal:
 * `Date("2026-01-01T00:00:00.000Z")`, `Map{"a"=>1}`, `@Money("12 EUR")`. Every text can be taken apart in only one way, so no two
 * values share one. Lone surrogates and control characters are escaped: the text is well-formed and holds no NUL.
 *
 * What has no canonical form is refused: functions, symbols, cycles, promises, errors, boxed primitives, and instances of classes
 * without a `toCacheKey()`. Two deliberate differences from `isDeepStrictEqual`: plain objects and arrays of another realm count as
 * plain, and extra properties on typed arrays are ignored (finding them would cost more than reading the bytes).
 */
import { types } from 'node:util';
import { KeepsakeError, KeyError } from '../errors.js';
import { cacheKeyOf, classNameOf, describeKind, isoText, type Refuse, remedyFor } from './text.js';

/** Deepest nesting of an argument that is encoded. */
export const MAX_DEPTH = 100;

/** Most values, nested ones counted, that are encoded: bounds the time of objects that repeat the same parts over and over. */
export const MAX_VALUES = 100_000;

/**
 * The canonical text of an argument list. `f(1)` and `f(1, undefined)` are different lists: a method can tell them apart.
 *
 * @param subject whose arguments these are, for messages.
 * @throws KeyError `UNSUPPORTED_ARGUMENT`, naming the argument's position and the path inside it.
 * @example encodeArguments([42, { b: 1, a: [] }], 'Users.find') // '42,{a:[],b:1}'
 */
export function encodeArguments(args: readonly unknown[], subject: string): string {
  let encoded = '';
  for (let index = 0; index < args.length; index++) {
    const one = encodePrimitive(args[index]) ?? encodeValue(args[index], `argument ${index} of ${subject}`);
    encoded = index === 0 ? one : `${encoded},${one}`;
  }
  return encoded;
}

/** The canonical text of one value; `subject` says which, for messages. */
export function encodeValue(value: unknown, subject: string): string {
  const encoder = new Encoder(subject);
  try {
    return encoder.encode(value, 0);
  } catch (cause) {
    if (cause instanceof KeepsakeError) throw cause;
    // A getter or a proxy inside the value threw.
    throw new KeyError('UNSUPPORTED_ARGUMENT', `Expected ${subject} to be readable, but reading it threw`, { cause });
  }
}

/** The text of what is no object; undefined for objects, functions and symbols. */
function encodePrimitive(value: unknown): string | undefined {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value);
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value);
    case 'bigint':
      return `${value}n`;
    case 'boolean':
    case 'undefined':
      return String(value);
    default:
      return value === null ? 'null' : undefined;
  }
}

const BARE_NAME = /^[A-Za-z_$][\w$]*$/;

function encodeName(name: string): string {
  return BARE_NAME.test(name) ? name : JSON.stringify(name);
}

/** One value's way through the encoding: what it is inside of, and how much it has seen. */
class Encoder {
  readonly #subject: string;
  /** The objects around the value at hand, outermost first. */
  readonly #around: object[] = [];
  /** The way to the value at hand: property names, indices, `<key>` for keys of a Map. */
  readonly #path: (string | number)[] = [];
  #values = 0;

  constructor(subject: string) {
    this.#subject = subject;
  }

  encode(value: unknown, step: string | number): string {
    if (++this.#values > MAX_VALUES) throw this.#refuse(`hold at most ${MAX_VALUES} values, got more`);
    const primitive = encodePrimitive(value);
    if (primitive !== undefined) return primitive;
    this.#path.push(step);
    if (typeof value !== 'object' || value === null) throw this.#unsupported(value);
    const encoded = this.#encodeObject(value);
    this.#path.pop();
    return encoded;
  }

  #encodeObject(value: object): string {
    if (this.#around.includes(value)) throw this.#refuse('contain no cycle, got a reference to what it is inside of');
    if (this.#around.length >= MAX_DEPTH) throw this.#refuse(`be nested at most ${MAX_DEPTH} deep, got more`);
    const refuse: Refuse = (expectation, cause) => this.#refuse(expectation, cause);
    const own = cacheKeyOf(value, refuse);
    if (own !== undefined) return `@${encodeName(classNameOf(value) ?? '')}(${JSON.stringify(own)})`;
    this.#around.push(value);
    const encoded = this.#encodeContents(value, refuse);
    this.#around.pop();
    return encoded;
  }

  #encodeContents(value: object, refuse: Refuse): string {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (Array.isArray(value) && Array.isArray(prototype)) return this.#encodeArray(value);
    if (prototype === null || Object.hasOwn(Object(prototype), 'isPrototypeOf')) {
      return `${prototype === null ? 'null' : ''}{${this.#encodeProperties(value)}}`;
    }
    const bytes = encodeBytes(value, prototype);
    if (bytes !== undefined) return bytes;
    const builtIn = this.#encodeBuiltIn(value, prototype, refuse);
    if (builtIn === undefined) throw this.#unsupported(value);
    if (Object.keys(value).length > 0 || hasSymbols(value)) {
      throw this.#refuse(`be without properties of its own, got ${describeKind(value)} that has some`);
    }
    return builtIn;
  }

  #encodeArray(array: readonly unknown[]): string {
    if (array.length > MAX_VALUES)
      throw this.#refuse(`hold at most ${MAX_VALUES} values, got an array of ${array.length}`);
    let encoded = '';
    let elements = 0;
    for (let index = 0; index < array.length; index++) {
      const isThere = array[index] !== undefined || Object.hasOwn(array, index);
      if (isThere) elements++;
      const element = isThere ? this.encode(array[index], index) : 'hole';
      encoded = index === 0 ? element : `${encoded},${element}`;
    }
    if (Object.keys(array).length !== elements || hasSymbols(array)) {
      throw this.#refuse('hold elements only, got an array with further properties');
    }
    return `[${encoded}]`;
  }

  #encodeProperties(object: object): string {
    if (Object.prototype.toString.call(object) !== '[object Object]') throw this.#unsupported(object);
    if (hasSymbols(object)) throw this.#refuse('have no symbols as property names, got one');
    const properties: string[] = [];
    for (const name of Object.keys(object).sort()) {
      properties.push(`${encodeName(name)}:${this.encode(Reflect.get(object, name), name)}`);
    }
    return properties.join();
  }

  #encodeBuiltIn(value: object, prototype: unknown, refuse: Refuse): string | undefined {
    if (types.isDate(value) && prototype === Date.prototype) return `Date(${JSON.stringify(isoText(value, refuse))})`;
    if (types.isMap(value) && prototype === Map.prototype) return `Map{${this.#encodeMap(value)}}`;
    if (types.isSet(value) && prototype === Set.prototype) {
      return `Set{${Array.from(value, (element, index) => this.encode(element, index))
        .sort()
        .join()}}`;
    }
    if (types.isRegExp(value) && prototype === RegExp.prototype) {
      return `RegExp(${JSON.stringify(value.source)},${JSON.stringify(value.flags)},${value.lastIndex})`;
    }
    return prototype === URL.prototype && value instanceof URL ? `URL(${JSON.stringify(value.href)})` : undefined;
  }

  #encodeMap(map: ReadonlyMap<unknown, unknown>): string {
    const pairs = Array.from(map, ([key, value]) => {
      const encodedKey = this.encode(key, '<key>');
      return `${encodedKey}=>${this.encode(value, typeof key === 'string' ? key : '<value>')}`;
    });
    return pairs.sort().join();
  }

  #unsupported(value: unknown): KeyError {
    return this.#refuse(`have a canonical form, got ${describeKind(value)}; ${remedyFor(value)}`);
  }

  #refuse(expectation: string, cause?: { readonly cause: unknown }): KeyError {
    const inside = this.#path.slice(1).join('.');
    const place = inside === '' ? this.#subject : `\`${inside}\` in ${this.#subject}`;
    return new KeyError('UNSUPPORTED_ARGUMENT', `Expected ${place} to ${expectation}`, cause);
  }
}

/** Symbols nobody sees in an enumeration are no data, as for `isDeepStrictEqual`. */
function hasSymbols(object: object): boolean {
  return Object.getOwnPropertySymbols(object).some((symbol) =>
    Object.prototype.propertyIsEnumerable.call(object, symbol),
  );
}

/** Typed arrays, Buffer, DataView and ArrayBuffer: their kind and their bytes, so NaN, -0 and 0 stay apart as their bytes do. */
function encodeBytes(value: object, prototype: unknown): string | undefined {
  if (types.isArrayBuffer(value) && prototype === ArrayBuffer.prototype)
    return bytesText('ArrayBuffer', Buffer.from(value));
  if (!ArrayBuffer.isView(value)) return undefined;
  const kind = Object.prototype.toString.call(value).slice('[object '.length, -1);
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (prototype === Buffer.prototype) return bytesText('Buffer', bytes);
  const builtIn: unknown = Reflect.get(globalThis, kind);
  const isOwnClass = typeof builtIn === 'function' && builtIn.prototype === prototype;
  return isOwnClass ? bytesText(kind, bytes) : undefined;
}

function bytesText(kind: string, bytes: Buffer): string {
  return `${kind}(${bytes.toString('base64url')})`;
}
