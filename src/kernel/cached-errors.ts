/** Cached errors: which errors of a loader are kept like values, and for how long (the policy's `cacheErrors`). */
import { parseDuration } from './duration.js';
import { refuse } from './expectation.js';
import type { ErrorClass, ParsedCachedErrors } from './policy.js';

const EXPECTED = "classes of errors and a lifetime, such as { classes: [NotFoundError], ttl: '30s' }";

/**
 * Checks `cacheErrors`.
 *
 * @throws ConfigurationError `INVALID_POLICY` for anything but classes of errors with names of their own, and a finite ttl
 */
export function parseCachedErrors(input: unknown, subject: string): ParsedCachedErrors {
  const invalid = (option: string, expected: string, got: unknown): Error => refuse({ option, expected, got, subject });
  const { classes: given, ttl }: { readonly classes?: unknown; readonly ttl?: unknown } = Object(input);
  if (!Array.isArray(given)) throw invalid('cacheErrors', EXPECTED, input);
  const classes = new Map<string, ErrorClass>();
  for (const [index, item] of given.entries()) {
    const option = `cacheErrors.classes[${index}]`;
    if (!isErrorClass(item) || item.name === '') throw invalid(option, 'an error class with a name', item);
    if (classes.has(item.name))
      throw invalid(option, 'of a name that no other has: stored errors are found by it', item);
    classes.set(item.name, item);
  }
  if (classes.size === 0) throw invalid('cacheErrors.classes', 'at least one error class', given);
  return { classes, ttl: parseDuration(ttl, 'cacheErrors.ttl', { subject }) };
}

/** The listed class an error is an instance of, no subclass; undefined when it is none of them. */
export function cachedClassOf(error: unknown, cached: ParsedCachedErrors | undefined): ErrorClass | undefined {
  if (cached === undefined || !(error instanceof Error)) return undefined;
  const prototype: unknown = Object.getPrototypeOf(error);
  for (const errorClass of cached.classes.values()) if (errorClass.prototype === prototype) return errorClass;
  return undefined;
}

function isErrorClass(input: unknown): input is ErrorClass {
  if (typeof input !== 'function') return false;
  const prototype: unknown = input.prototype;
  return prototype === Error.prototype || prototype instanceof Error;
}
