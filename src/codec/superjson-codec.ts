/**
 * The default codec: text that keeps JavaScript's types.
 *
 * Two encodings are written. `json`: the value is plain JSON and stands as it is, readable by any program. `superjson`: SuperJSON's
 * `{ json, meta }`, after `storable` has given a form to what SuperJSON cannot carry. Both mean the same: a value is a tree, a part that
 * stands in two places comes back as two equal parts.
 *
 * SuperJSON's `referentialEqualities` are therefore neither written nor read. They are not safe either: applied to a Map or a Set
 * they reorder entries while these are addressed by position, and lose an entry whose key is NaN.
 */
import { isUtf8 } from 'node:buffer';
import { SuperJSON, type SuperJSONResult } from 'superjson';
import { CodecError } from '../errors.js';
import type { Codec, Encoded } from '../kernel/codec.js';
import { assertAnnotations } from './annotations.js';
import { storeBytes } from './bytes.js';
import { type ClassForms, ClassRegistry } from './class-forms.js';
import { type ClassListener, ClassNews } from './class-news.js';
import { isPlainJson, MAX_DEPTH, MAX_STORED_DEPTH, nestsDeeper } from './plain-json.js';
import { type Dialect, storable } from './storable.js';
import { Restorer, Tagged } from './tagged.js';

/** What {@link createSuperjsonCodec} takes; all of it optional. */
export interface SuperjsonCodecOptions {
  /**
   * Classes whose instances come back as instances, by name and version: `{ 'Money@1': Money }`. Default: none. An entry with a class or
   * version that the reader does not know is a miss for it.
   */
  readonly classes?: ClassForms | undefined;
  /**
   * Hears, once per class, that instances of it become plain data (own enumerable properties, or what `toJSON` returns), or an instance
   * of the built-in class it extends. Default: a process warning.
   */
  readonly onClass?: ClassListener | undefined;
}

/** What every part that SuperJSON cannot carry is annotated with. */
const CUSTOM_NAME = 'keepsake';

/** The version of SuperJSON's path syntax; its first one could not tell all paths apart. */
const PATH_VERSION = 1;

type Json = SuperJSONResult['json'];
type JsonArray = Extract<Json, readonly unknown[]>;

/**
 * Creates the default codec. It has a SuperJSON of its own: what an application registers elsewhere does not reach it.
 *
 * Kept: null, booleans, strings, numbers (NaN, -0, infinities), bigint, undefined, plain objects and arrays (holes too), Date (invalid
 * too), Map, Set, RegExp, URL, Error, Buffer, typed arrays, DataView, ArrayBuffer; nested at will, 500 levels at most.
 * Instances of registered classes come back as instances, all others as plain data.
 * Throws CodecError: `UNENCODABLE_VALUE` for functions, symbols, promises and cycles anywhere, `UNDECODABLE_VALUE` for anything it did not write.
 *
 * @throws ConfigurationError `INVALID_OPTION` for classes that cannot be registered
 * @example
 * const codec = createSuperjsonCodec();
 * codec.decode(codec.encode({ at: new Date(0) })) // { at: 1970-01-01T00:00:00.000Z }
 */
export function createSuperjsonCodec(options: SuperjsonCodecOptions = {}): Codec {
  return new SuperjsonCodec(new ClassRegistry(options.classes), new ClassNews(options.onClass));
}

/** Keys SuperJSON refuses, lest they pollute a prototype when they are read back. */
const REFUSED_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

const DIALECT: Dialect = {
  leaf: (value) => value,
  bytes: storeBytes,
  carriesKey: (key) => !REFUSED_KEYS.has(key),
};

/** A class and not a literal, so that what is under way dies young: see docs/design-decisions.md. */
class Text implements Encoded {
  readonly encoding: 'json' | 'superjson';
  readonly body: string;

  constructor(encoding: 'json' | 'superjson', body: string) {
    this.encoding = encoding;
    this.body = body;
  }
}

class SuperjsonCodec implements Codec {
  readonly name: string;
  readonly #superjson = new SuperJSON();
  readonly #classes: ClassRegistry;
  readonly #news: ClassNews;
  #restorer: Restorer;

  constructor(classes: ClassRegistry, news: ClassNews) {
    this.name = classes.names.length === 0 ? 'superjson' : `superjson(${classes.names.join(', ')})`;
    this.#classes = classes;
    this.#news = news;
    this.#restorer = new Restorer(classes);
    this.#superjson.registerCustom<unknown, JsonArray>(
      {
        isApplicable: (value): value is unknown => value instanceof Tagged,
        serialize: (value) => (isTagged(value) ? [...value] : []),
        deserialize: (pair) => this.#restorer.restore(pair),
      },
      CUSTOM_NAME,
    );
  }

  encode(value: unknown): Encoded {
    try {
      return isPlainJson(value) ? new Text('json', JSON.stringify(value)) : this.#encodeTypes(value);
    } catch (cause) {
      if (cause instanceof CodecError) throw cause;
      // A getter or toJSON that throws, or a text longer than the engine can hold.
      throw new CodecError('UNENCODABLE_VALUE', 'Expected a value that can be stored, but reading it failed', {
        cause,
      });
    }
  }

  decode({ encoding, body }: Encoded): unknown {
    if (encoding !== 'json' && encoding !== 'superjson') throw unknownEncoding(encoding);
    try {
      const text = typeof body === 'string' ? body : textOf(body);
      const payload: unknown = JSON.parse(text);
      if (encoding === 'superjson') return this.#decodeTypes(payload);
      // Every level takes two brackets, so a short text needs no look.
      return text.length <= 2 * MAX_DEPTH ? payload : shallow(payload, MAX_DEPTH);
    } catch (cause) {
      throw new CodecError('UNDECODABLE_VALUE', `Expected a body in the encoding \`${encoding}\`, but it is damaged`, {
        cause,
      });
    }
  }

  #encodeTypes(value: unknown): Encoded {
    const onInstance = (instance: object, name: string): void => this.#news.tell(instance, name);
    const tree = storable(value, { dialect: DIALECT, classes: this.#classes, onInstance });
    const { json, meta } = this.#superjson.serialize(tree);
    if (meta?.values === undefined) return new Text('json', JSON.stringify(json));
    return new Text('superjson', JSON.stringify({ json, meta: { values: meta.values, v: PATH_VERSION } }));
  }

  #decodeTypes(payload: unknown): unknown {
    const checked = checkedPayload(payload);
    shallow(checked.json, MAX_STORED_DEPTH);
    if (restoreDates(checked)) return checked.json;
    this.#restorer = new Restorer(this.#classes);
    return this.#superjson.deserialize(checked, { inPlace: true });
  }
}

/** The value itself, unless it is deeper than anything that was encoded: whoever copies it would run out of stack. */
function shallow(json: unknown, most: number): unknown {
  if (nestsDeeper(json, most)) throw new TypeError(`More than ${most} levels`);
  return json;
}

/** A tagged part as what SuperJSON declares that transformers return; it walks on into the content by itself. */
function isTagged(value: unknown): value is JsonArray {
  return value instanceof Tagged;
}

function textOf(body: Uint8Array): string {
  // Otherwise damaged bytes would silently become replacement characters inside texts.
  if (!isUtf8(body)) throw new TypeError('Not UTF-8');
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8');
}

function checkedPayload(payload: unknown): SuperJSONResult {
  if (!isPayload(payload)) throw new TypeError('Damaged SuperJSON: not as it was written');
  assertAnnotations(payload.meta?.values, CUSTOM_NAME);
  return payload;
}

/**
 * Puts dates where they belong, if there is nothing else to be put and they are properties of the value itself: most rows are such, and SuperJSON
 * takes four times as long. Whether it was so; else nothing has been changed.
 */
function restoreDates(payload: SuperJSONResult): boolean {
  const json: unknown = payload.json;
  const values: unknown = payload.meta?.values;
  if (!isRecord(json) || !isRecord(values)) return false;
  const paths = Object.keys(values);
  if (!paths.every((path) => isDate(values[path]) && isProperty(path) && typeof ownOf(json, path) === 'string'))
    return false;
  for (const path of paths) json[path] = new Date(String(json[path]));
  return true;
}

function isRecord(part: unknown): part is Record<string, unknown> {
  return typeof part === 'object' && part !== null && !Array.isArray(part);
}

function isDate(annotation: unknown): boolean {
  return Array.isArray(annotation) && annotation.length === 1 && annotation[0] === 'Date';
}

/** Whether a path leads to a property by its own name: it has nothing that is escaped, and nothing after it. */
function isProperty(path: string): boolean {
  return !path.includes('.') && !path.includes('\\') && !REFUSED_KEYS.has(path);
}

function ownOf(json: Readonly<Record<string, unknown>>, property: string): unknown {
  return Object.hasOwn(json, property) ? json[property] : undefined;
}

function isPayload(payload: unknown): payload is SuperJSONResult {
  if (typeof payload !== 'object' || payload === null || !('json' in payload) || !('meta' in payload)) return false;
  const { meta } = payload;
  if (typeof meta !== 'object' || meta === null || 'referentialEqualities' in meta) return false;
  return 'v' in meta && meta.v === PATH_VERSION && 'values' in meta;
}

function unknownEncoding(encoding: string | null): CodecError {
  const got = encoding === null ? 'raw bytes of a foreign writer' : `\`${encoding}\``;
  return new CodecError('UNDECODABLE_VALUE', `Expected the encoding \`json\` or \`superjson\`, got ${got}`);
}
