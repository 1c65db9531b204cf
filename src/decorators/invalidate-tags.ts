/** `@InvalidateTags`: a method that changes data says what it makes invalid. */
import { DEFAULT_CACHE, findCache, isOpening } from '../engine/directory.js';
import { ConfigurationError } from '../errors.js';
import type { ArgumentAdapters } from '../keys/argument-selection.js';
import { createTagBuilder, type TagBuilder } from '../keys/key-builder.js';
import { refuse } from '../kernel/expectation.js';
import { checkTags } from '../kernel/tags.js';
import { cachedMethodOf } from './cache-method.js';
import { type AsyncMethodDecorator, type DecoratedMethod, methodDecorator } from './method-decorator.js';
import { impersonate } from './replacement.js';
import { warnUnconfigured } from './unconfigured.js';
import { methodName, UseCaseName } from './use-case-name.js';

/** Options of `@InvalidateTags`. */
export interface InvalidationOptions {
  /** Tag templates, with the placeholders of keys. At least one. */
  readonly tags: readonly string[];
  /** `true`: entries may still be served if loading them fails, within their grace. Default `false`: never again. */
  readonly stale?: boolean | undefined;
  /** Which cache; default `'default'`. */
  readonly cache?: string | undefined;
  /** Names of the method's parameters, first to last, for builds that rename them. */
  readonly params?: readonly string[] | undefined;
  /** What arguments become before they are used in a tag: `{ id: String }`. */
  readonly args?: ArgumentAdapters | undefined;
  /** Stable name for metrics and events; default `Class.method`. */
  readonly useCase?: string | undefined;
}

const KNOWN = ['tags', 'stale', 'cache', 'params', 'args', 'useCase'];

/**
 * Invalidates tags after the method has succeeded. Tags are made from the arguments as they were when it was called. A method that
 * throws invalidates nothing; an invalidation that fails is reported and never costs the method's result.
 *
 * @throws ConfigurationError where the class is defined: no tags, unknown placeholders, on a cached method
 * @example
 * class Products {
 *   @InvalidateTags('products', 'product:{product.id}')
 *   async save(product: Product): Promise<void> { … }
 * }
 */
export function InvalidateTags(...tags: [string, ...string[]]): AsyncMethodDecorator;
export function InvalidateTags(options: InvalidationOptions): AsyncMethodDecorator;
export function InvalidateTags(...given: readonly (string | InvalidationOptions)[]): AsyncMethodDecorator {
  return methodDecorator('@InvalidateTags', (decorated) => {
    const options = checked(given, methodName(decorated));
    if (cachedMethodOf(decorated.method) !== undefined) {
      throw new ConfigurationError(
        'INVALID_DECORATION',
        `@InvalidateTags on \`${methodName(decorated)}\`: a cached method is not called on every hit, so it cannot invalidate`,
      );
    }
    return replace(decorated, options);
  });
}

function replace(decorated: DecoratedMethod, options: InvalidationOptions): unknown {
  const { method } = decorated;
  const name = new UseCaseName(decorated);
  if (options.useCase !== undefined) name.choose(options.useCase);
  const { params, args } = options;
  // One builder a tag, so that a tag that cannot be made keeps no other from being invalidated.
  const builders = options.tags.map((tag) => createTagBuilder([tag], { params, args, useCase: name.text, fn: method }));
  const cacheName = options.cache ?? DEFAULT_CACHE;
  const replacement = async function (this: unknown, ...given: unknown[]): Promise<unknown> {
    name.learn(this);
    const made = makeTags(builders, this, given);
    const result = await method.apply(this, given);
    await invalidate(cacheName, name.text, made, options.stale);
    return result;
  };
  impersonate(replacement, method, {
    role: 'invalidates',
    get useCase() {
      return name.text;
    },
    cache: cacheName,
    key: undefined,
    tags: options.tags,
  });
  return replacement;
}

interface MadeTags {
  readonly tags: readonly string[];
  readonly errors: readonly unknown[];
}

function makeTags(builders: readonly TagBuilder[], self: unknown, args: readonly unknown[]): MadeTags {
  const tags: string[] = [];
  const errors: unknown[] = [];
  for (const builder of builders) {
    try {
      tags.push(...builder.build(self, args));
    } catch (error) {
      errors.push(error);
    }
  }
  return { tags, errors };
}

async function invalidate(cacheName: string, useCase: string, made: MadeTags, stale: boolean | undefined): Promise<void> {
  const cache = findCache(cacheName);
  if (cache === undefined) {
    if (!isOpening(cacheName)) warnUnconfigured(cacheName);
    return;
  }
  for (const error of made.errors) cache.reportInvalidationError({ key: undefined, useCase }, error);
  if (made.tags.length === 0) return;
  try {
    await cache.invalidateTags(made.tags, { stale });
  } catch {
    // Reported where it failed, and hidden from this process's local tier; the method has done its work and its result counts.
  }
}

function checked(given: readonly (string | InvalidationOptions)[], subject: string): InvalidationOptions {
  const [first] = given;
  const options: InvalidationOptions = typeof first === 'object' ? first : { tags: given as readonly string[] };
  for (const option of Object.keys(options)) {
    if (!KNOWN.includes(option)) throw refuse({ option, expected: `one of ${KNOWN.join(', ')}`, got: option, subject });
  }
  const tags = checkTags(options.tags, subject);
  if (tags.length === 0) throw refuse({ option: 'tags', expected: 'at least one tag', got: options.tags, subject });
  return { ...options, tags };
}
