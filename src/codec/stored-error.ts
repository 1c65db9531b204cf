/**
 * Stored errors: what is kept of an Error, and the Error made of it.
 *
 * Kept: the nearest native class, name, message, cause, the errors of an AggregateError, and own properties that are primitives
 * (`code`, `status`, ...). Left out: the stack, which belongs to another process, and properties that are objects, because
 * those of real errors (requests, sockets, configurations with credentials) must not be cached.
 */

type NativeClass = new (message: string) => Error;

const NATIVE_CLASSES: ReadonlyMap<string, NativeClass> = new Map<string, NativeClass>([
  ['Error', Error],
  ['EvalError', EvalError],
  ['RangeError', RangeError],
  ['ReferenceError', ReferenceError],
  ['SyntaxError', SyntaxError],
  ['TypeError', TypeError],
  ['URIError', URIError],
]);

/** The parts of an Error that are stored. `cause` and `errors` are absent when the error has none. */
export interface ErrorParts {
  readonly class: string;
  readonly name: string;
  readonly message: string;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
  readonly errors?: readonly unknown[];
}

/** Own properties that have a place of their own, or none. */
const KEPT_ELSEWHERE: ReadonlySet<string> = new Set(['name', 'message', 'stack', 'cause', 'errors']);

/** Takes an Error apart. */
export function errorParts(error: Error): ErrorParts {
  const native = nativeClass(error);
  return {
    class: native,
    name: String(error.name),
    message: String(error.message),
    properties: Object.fromEntries(
      Object.entries(error).filter(([key, value]: [string, unknown]) => !KEPT_ELSEWHERE.has(key) && isPrimitive(value)),
    ),
    ...(Object.hasOwn(error, 'cause') ? { cause: error.cause } : {}),
    ...(native === 'AggregateError' && 'errors' in error && Array.isArray(error.errors)
      ? { errors: error.errors }
      : {}),
  };
}

/** By name along the prototypes, so that an error of another realm is found too. */
function nativeClass(error: Error): string {
  let prototype: unknown = Object.getPrototypeOf(error);
  while (typeof prototype === 'object' && prototype !== null) {
    const owner: unknown = Object.hasOwn(prototype, 'constructor') ? prototype.constructor : undefined;
    const name = typeof owner === 'function' ? owner.name : '';
    if (name === 'AggregateError' || NATIVE_CLASSES.has(name)) return name;
    prototype = Object.getPrototypeOf(prototype);
  }
  return 'Error';
}

function isPrimitive(value: unknown): boolean {
  return value === null || !['object', 'function', 'symbol'].includes(typeof value);
}

/** Puts an Error together again. Throws when the parts are damaged. */
export function restoreError(parts: unknown): Error {
  if (!isRecord(parts)) throw new TypeError('Damaged error');
  const { class: className, name, message, properties, errors } = parts;
  if (
    typeof className !== 'string' ||
    typeof name !== 'string' ||
    typeof message !== 'string' ||
    !isRecord(properties)
  ) {
    throw new TypeError('Damaged error: a part is missing');
  }
  const error = className === 'AggregateError' ? restoreAggregate(errors, message) : restoreNative(className, message);
  if (Object.hasOwn(parts, 'cause')) define(error, 'cause', parts['cause']);
  if (error.name !== name) define(error, 'name', name);
  // Not the place of decoding, which would mislead whoever reads it.
  define(error, 'stack', message === '' ? name : `${name}: ${message}`);
  for (const [key, value] of Object.entries(properties)) {
    Object.defineProperty(error, key, { value, writable: true, enumerable: true, configurable: true });
  }
  return error;
}

function restoreAggregate(errors: unknown, message: string): Error {
  if (!Array.isArray(errors)) throw new TypeError('Damaged error: no errors');
  return new AggregateError(errors, message);
}

function restoreNative(className: string, message: string): Error {
  const NativeError = NATIVE_CLASSES.get(className);
  if (NativeError === undefined) throw new TypeError('Damaged error: unknown class');
  return new NativeError(message);
}

/** As the language does it for errors: there, but not listed. */
function define(error: Error, key: string, value: unknown): void {
  Object.defineProperty(error, key, { value, writable: true, enumerable: false, configurable: true });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
