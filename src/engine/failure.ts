/**
 * Kept failures: errors that a policy keeps like values (`cacheErrors`). In the store they are entries whose encoding begins with
 * `error+`, so that no reader takes one for a value: to those who did not ask for them they are misses.
 */

import { cachedClassOf } from '../kernel/cached-errors.js';
import type { Codec, Encoded } from '../kernel/codec.js';
import { deepClone } from '../kernel/deep-clone.js';
import type { ErrorClass, ParsedCachedErrors } from '../kernel/policy.js';

/** Stands where a value would: the error that a call is rejected with. */
export class KeptFailure {
  readonly #error: Error;

  constructor(error: Error) {
    this.#error = error;
  }

  /** An error for one caller: nobody can change what others get. */
  error(): unknown {
    return deepClone(this.#error);
  }

  /** Whether this policy keeps errors of that class. */
  isWantedBy(cacheErrors: ParsedCachedErrors | undefined): boolean {
    return cachedClassOf(this.#error, cacheErrors) !== undefined;
  }
}

const PREFIX = 'error+';

/** Whether an entry is a kept failure. */
export function isFailure({ encoding }: Encoded): boolean {
  return encoding?.startsWith(PREFIX) === true;
}

/** What is stored of an error. */
interface ErrorParts {
  /** The name of its class. */
  readonly class: string;
  readonly name: string;
  readonly message: string;
  /** Own properties that are primitives, `code` and the like. Objects are left out: those of real errors hold requests and credentials. */
  readonly properties: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** Causes of causes that are kept. */
const MOST_CAUSES = 5;

/**
 * Encodes an error of one of the classes that are kept.
 *
 * @throws what the codec throws
 */
export function encodeFailure(codec: Codec, error: Error, errorClass: ErrorClass): Encoded {
  const { encoding, body } = codec.encode(partsOf(error, errorClass.name, 0));
  return { encoding: `${PREFIX}${encoding ?? ''}`, body };
}

/**
 * Decodes a kept failure; undefined when its class is none of those listed.
 *
 * @throws what the codec throws
 */
export function decodeFailure(codec: Codec, encoded: Encoded, kept: ParsedCachedErrors): KeptFailure | undefined {
  const encoding = encoded.encoding?.slice(PREFIX.length) ?? '';
  const parts: unknown = codec.decode({ ...encoded, encoding: encoding === '' ? null : encoding });
  if (!isErrorParts(parts)) throw new TypeError('Damaged error: a part is missing');
  const errorClass = kept.classes.get(parts.class);
  return errorClass === undefined ? undefined : new KeptFailure(restore(parts, errorClass.prototype));
}

function partsOf(error: Error, className: string, depth: number): ErrorParts {
  const { cause } = error;
  const keepsCause =
    Object.hasOwn(error, 'cause') && depth < MOST_CAUSES && (isPrimitive(cause) || cause instanceof Error);
  return {
    class: className,
    name: String(error.name),
    message: String(error.message),
    properties: Object.fromEntries(
      Object.entries(error).filter(([key, value]) => !KEPT_ELSEWHERE.includes(key) && isPrimitive(value)),
    ),
    ...(keepsCause ? { cause: cause instanceof Error ? partsOf(cause, 'Error', depth + 1) : cause } : {}),
  };
}

const KEPT_ELSEWHERE = ['name', 'message', 'stack', 'cause'];

/** Never by its constructor, which may take anything and do anything. */
function restore({ name, message, properties, ...rest }: ErrorParts, prototype: unknown): Error {
  const error: Error = Object.setPrototypeOf(
    new Error(message),
    prototype instanceof Object ? prototype : Error.prototype,
  );
  if ('cause' in rest) {
    const { cause } = rest;
    define(error, 'cause', isErrorParts(cause) ? restore(cause, Error.prototype) : cause);
  }
  if (error.name !== name) define(error, 'name', name);
  // Not the place of decoding, which would mislead whoever reads it.
  define(error, 'stack', `${name}: ${message}\n    (kept by the cache; where it was thrown is not)`);
  return Object.assign(error, properties);
}

function define(error: Error, key: string, value: unknown): void {
  Object.defineProperty(error, key, { value, writable: true, enumerable: false, configurable: true });
}

function isErrorParts(parts: unknown): parts is ErrorParts {
  if (typeof parts !== 'object' || parts === null) return false;
  const { class: className, name, message, properties }: Partial<Record<keyof ErrorParts, unknown>> = parts;
  const areTexts = [className, name, message].every((part) => typeof part === 'string');
  return areTexts && typeof properties === 'object' && properties !== null;
}

function isPrimitive(value: unknown): boolean {
  return value === null || !['object', 'function', 'symbol'].includes(typeof value);
}
