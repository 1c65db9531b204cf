/** Running a decorated method itself. */
import { ConfigurationError } from '../errors.js';
import type { Method } from './method-decorator.js';

/**
 * Runs a method that is asynchronous by contract, so whatever it throws reaches the caller as a rejection, cached or not. Its own
 * promise is returned as it is.
 *
 * @param useCase whose method it is, for the message
 * @returns a rejection with ConfigurationError `INVALID_DECORATION` when the method did not answer with a promise
 */
export function runMethod(
  method: Method,
  self: unknown,
  args: readonly unknown[],
  useCase: string,
): PromiseLike<unknown> {
  try {
    const answer: unknown = Reflect.apply(method, self, args);
    return isThenable(answer) ? answer : Promise.reject(synchronous(useCase));
  } catch (error) {
    return Promise.reject(error);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

/** Its callers expect a value and would get a promise, from the cache at the latest. */
function synchronous(useCase: string): ConfigurationError {
  return new ConfigurationError(
    'INVALID_DECORATION',
    `\`${useCase}\` is decorated, but did not return a promise: only asynchronous methods can be`,
  );
}
