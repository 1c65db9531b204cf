/** `@InvalidateTags`: a method that changes data says what it makes invalid. */
import { refuse } from '../kernel/expectation.js';
import { checkTags, checkText } from '../kernel/tags.js';
import { decorationBelow } from './decorations.js';
import { InvalidatingMethod, type InvalidationOptions } from './invalidating-method.js';
import { type AsyncMethodDecorator, methodDecorator, requireParentheses } from './method-decorator.js';

export type { InvalidationOptions };

const KNOWN = [
  'tags',
  'stale',
  'cache',
  'params',
  'args',
  'useCase',
] as const satisfies readonly (keyof InvalidationOptions)[];

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
  requireParentheses('@InvalidateTags', given);
  const options = checked(given);
  return methodDecorator('@InvalidateTags', (decorated) => {
    const below = decorationBelow('@InvalidateTags', 'invalidates', decorated);
    return new InvalidatingMethod(decorated, options, below).replacement;
  });
}

function checked(given: readonly (string | InvalidationOptions)[]): InvalidationOptions {
  const subject = '@InvalidateTags';
  const [first] = given;
  const options: InvalidationOptions = isOptions(first) ? first : { tags: given as readonly string[] };
  const known: readonly string[] = KNOWN;
  for (const option of Object.keys(options)) {
    if (!known.includes(option)) throw refuse({ option, expected: `one of ${KNOWN.join(', ')}`, got: option, subject });
  }
  const { stale, cache, useCase } = options;
  if (stale !== undefined && typeof stale !== 'boolean') {
    throw refuse({ option: 'stale', expected: 'true or false', got: stale, subject });
  }
  if (cache !== undefined) checkText(cache, 'cache', subject);
  if (useCase !== undefined) checkText(useCase, 'useCase', subject);
  const tags = checkTags(options.tags, subject);
  if (tags.length === 0) throw refuse({ option: 'tags', expected: 'at least one tag', got: options.tags, subject });
  return { ...options, tags };
}

function isOptions(first: unknown): first is InvalidationOptions {
  return typeof first === 'object' && first !== null;
}
