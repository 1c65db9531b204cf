/** `@CachedMany`: a method that takes many ids, cached by id; `cachedMany`, the same for functions. */
import { ConfigurationError } from '../errors.js';
import { decoratedFunction } from './cached-function.js';
import { CachedManyMethod } from './cached-many-method.js';
import { type CachedManyOptions, planMany } from './cached-many-options.js';
import { decorationBelow } from './decorations.js';
import { type ManyHandleOf, manyHandleOf, type Positions } from './many-handle.js';
import { type AsyncMethod, methodDecorator, requireParentheses } from './method-decorator.js';

/** A method of many ids that returns an array: rows, or a value for each id. */
export type ArrayMethod = (...args: never[]) => Promise<readonly unknown[]>;

/** A method of many ids that returns a Map of values by their ids. */
export type MapMethod = (...args: never[]) => Promise<ReadonlyMap<unknown, unknown>>;

/** A decorator for such methods, in both modes. */
export interface ManyMethodDecorator<Many extends AsyncMethod> {
  <This, Method extends Many>(method: Method, context: ClassMethodDecoratorContext<This>): Method;
  <Method extends Many>(
    target: object,
    name: string | symbol,
    descriptor: TypedPropertyDescriptor<Method>,
  ): TypedPropertyDescriptor<Method>;
}

type ReturningMap = CachedManyOptions & { readonly returns: 'map' };
type ReturningRows = ReturningArray & { readonly id: NonNullable<CachedManyOptions['id']> };
type ReturningArray = CachedManyOptions & { readonly returns?: 'array' | undefined };

/**
 * Caches a method that takes many ids, one entry for each id: what is there is read at once, and the method is called once, with only the
 * ids that are missing. Order and repetitions are kept; ids for which there is nothing are left out of rows and Maps. Every id has its own flight, lease, early
 * refresh and stale answer, as if a method of one id were called for each; entries are those of `@Cached` with the same `key`.
 *
 * @throws ConfigurationError where the class is defined, as `@Cached`; LoadResultError (a call of the method) when what it returns
 *   does not fit the ids it was given
 * @example
 * class Users {
 *   @CachedMany({ key: 'user:{id}', each: 'ids', id: 'id', ttl: '10m', tags: ['users', 'user:{id}'] })
 *   async users(ids: readonly number[]): Promise<User[]> { … }
 * }
 */
export function CachedMany(options: ReturningMap): ManyMethodDecorator<MapMethod>;
export function CachedMany(options: ReturningArray): ManyMethodDecorator<ArrayMethod>;
export function CachedMany(options: CachedManyOptions): unknown {
  requireParentheses('@CachedMany', [options]);
  return methodDecorator('@CachedMany', (decorated) => {
    const below = decorationBelow('@CachedMany', 'cached', decorated);
    if (below !== undefined) {
      const where = `\`${below.member}\`: write @CachedMany next to the method, below the others`;
      throw new ConfigurationError('INVALID_DECORATION', `@CachedMany stands above ${below.decorators} on ${where}`);
    }
    return new CachedManyMethod('@CachedMany', decorated, planMany('@CachedMany', options, decorated.method))
      .replacement;
  });
}

/** A cached function of many ids: the function, called as before, and its handle. */
export type CachedManyFunction<Fn extends AsyncMethod, Peeked = Awaited<ReturnType<Fn>>> = Fn &
  ManyHandleOf<Fn, Peeked>;

/**
 * The same for a function of many ids. What it returns is called like the function, and has `key` (of one id), `peek`, `refresh` and
 * `invalidate` (of many).
 *
 * @throws ConfigurationError where it is called
 * @example
 * const users = cachedMany(async (ids: readonly number[]) => await findUsers(ids), { key: 'user:{id}', id: 'id', ttl: '10m' })
 * await users([1, 2, 3])
 * await users.invalidate([1, 2])
 */
export function cachedMany<Fn extends MapMethod>(fn: Fn, options: ReturningMap): CachedManyFunction<Fn>;
export function cachedMany<Fn extends ArrayMethod>(fn: Fn, options: ReturningRows): CachedManyFunction<Fn>;
export function cachedMany<Fn extends ArrayMethod>(
  fn: Fn,
  options: ReturningArray,
): CachedManyFunction<Fn, Positions<Awaited<ReturnType<Fn>>>>;
export function cachedMany(fn: AsyncMethod, options: CachedManyOptions): unknown {
  const decorated = decoratedFunction('cachedMany()', fn, options);
  const made = new CachedManyMethod('cachedMany()', decorated, planMany('cachedMany()', options, decorated.method));
  return Object.assign(made.replacement, manyHandleOf(made, undefined));
}
