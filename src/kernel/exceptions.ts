/** Exceptions: which errors of a loader may be answered with a stale value (the policy's `exceptions`). */
import { KeepsakeError, LoadTimeoutError } from '../errors.js';
import { refuse } from './expectation.js';
import type { ErrorClass } from './policy.js';

const EXPECTED = 'an array of error classes such as [FetchError], or a predicate (error) => boolean';

/**
 * The predicate a user's filter means. It never throws: a predicate of theirs that throws, or answers anything but `true` (a promise,
 * for one), does not accept, so that the loader's own error is what callers get.
 *
 * @throws ConfigurationError `INVALID_POLICY` for anything but an array of error classes or a function that is not itself one
 */
export function parseExceptions(input: unknown, subject: string): (error: unknown) => boolean {
  if (Array.isArray(input)) {
    const classes = input.map((item, index) => checkClass(item, `exceptions[${index}]`, subject));
    return (error) => classes.some((errorClass) => error instanceof errorClass);
  }
  // A class alone would be called without `new`, throw, and silently accept nothing.
  if (!isFunction(input) || isErrorClass(input))
    throw refuse({ option: 'exceptions', expected: EXPECTED, got: input, subject });
  return (error) => {
    try {
      return input(error) === true;
    } catch {
      return false;
    }
  };
}

/**
 * The default: any error but those that say the program is wrong. Those are our own (but not a loader's timeout), ReferenceError,
 * SyntaxError, and a TypeError without `cause`; `fetch` fails with one that has it.
 */
export function isAcceptedByDefault(error: unknown): boolean {
  if (error instanceof KeepsakeError) return error instanceof LoadTimeoutError;
  return !isProgrammingError(error);
}

/** Whether an error says that the program is wrong, so that trying again is in vain: see {@link isAcceptedByDefault}. */
export function isProgrammingError(error: unknown): boolean {
  if (error instanceof TypeError) return error.cause === undefined;
  return error instanceof ReferenceError || error instanceof SyntaxError;
}

function checkClass(input: unknown, option: string, subject: string): ErrorClass {
  if (!isErrorClass(input)) throw refuse({ option, expected: 'an error class', got: input, subject });
  return input;
}

function isFunction(input: unknown): input is (error: unknown) => unknown {
  return typeof input === 'function';
}

function isErrorClass(input: unknown): input is ErrorClass {
  if (typeof input !== 'function') return false;
  const prototype: unknown = input.prototype;
  return prototype === Error.prototype || prototype instanceof Error;
}
