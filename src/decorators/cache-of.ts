/** `cacheOf`: the handle of a decorated method. */
import { ConfigurationError } from '../errors.js';
import { shown } from '../kernel/expectation.js';
import type { ArrayMethod, MapMethod } from './cached-many.js';
import { CachedManyMethod } from './cached-many-method.js';
import { CachedMethod } from './cached-method.js';
import { type Decoration, decorationOn } from './decorations.js';
import { type CacheHandle, type HandleOf, handleOf } from './handle.js';
import { manyHandleOf, type Positions, type WithOneId } from './many-handle.js';
import type { AsyncMethod } from './method-decorator.js';

/** The names of an object's asynchronous methods. */
export type AsyncMethodName<T> = { [Name in keyof T]-?: T[Name] extends AsyncMethod ? Name : never }[keyof T];

/**
 * The handle of a method that takes a collection and returns one. Its type does not tell whether it is cached by the call (`@Cached`) or
 * by id (`@CachedMany`), so `key` takes the arguments of either: the method's own, or those with one id in the place of the ids; and an
 * array that `peek` answers may have `undefined` in it: in the places of ids that are not there, where the method returns a value for each.
 */
export interface CollectionHandle<Args extends readonly unknown[], Value>
  extends Omit<CacheHandle<Args, Value>, 'key' | 'peek'> {
  key(...call: Args | WithOneId<Args>): string;
  peek(...args: Args): Promise<Positions<Value> | undefined>;
}

/** The handle of an object's method. */
export type MethodHandle<T, Name extends keyof T> = T[Name] extends AsyncMethod
  ? T[Name] extends ArrayMethod | MapMethod
    ? CollectionHandle<Parameters<T[Name]>, Awaited<ReturnType<T[Name]>>>
    : HandleOf<T[Name]>
  : never;

/**
 * The handle of a method that `@Cached`, `@Early`, `@Failover` or `@CachedMany` caches: the key of a call, what is stored under it, without calling
 * it. That of `@CachedMany` deals with the entries of all ids it is given, and its `key` takes one id.
 * For static methods give the class. Inherited methods and those named by a symbol work too; private ones have no name to give.
 *
 * @param object the object the method would be called on: keys may depend on it (`{this.tenant}`)
 * @throws ConfigurationError `INVALID_DECORATION` when there is no such method, or it is not cached
 * @example
 * await cacheOf(products, 'product').invalidate(42)
 * const known = await cacheOf(products, 'product').peek(42)
 * await cacheOf(users, 'users').invalidate([1, 2])
 */
export function cacheOf<T extends object, Name extends AsyncMethodName<T>>(
  object: T,
  name: Name,
): MethodHandle<T, Name> {
  requireObject(object);
  const member: string | symbol = typeof name === 'number' ? String(name) : name;
  const decoration = decorationOn(object, member);
  if (!(decoration instanceof CachedMethod) || decoration.role !== 'cached')
    throw notCached(object, member, decoration);
  const isMany = decoration instanceof CachedManyMethod;
  // Made of unknown arguments; their types are those of the method, which the compiler has checked.
  return (isMany ? manyHandleOf(decoration, object) : handleOf(decoration, object)) as MethodHandle<T, Name>;
}

/** What untyped code may give. */
function requireObject(object: unknown): void {
  if ((typeof object === 'object' && object !== null) || typeof object === 'function') return;
  throw new ConfigurationError('INVALID_DECORATION', `Expected an object with a cached method, got ${shown(object)}`);
}

function notCached(object: object, name: string | symbol, decoration: Decoration | undefined): ConfigurationError {
  const what = decoration === undefined ? plainMember(object, name) : `one with ${decoration.decorators}`;
  return new ConfigurationError(
    'INVALID_DECORATION',
    `Expected \`${nameOf(object)}.${String(name)}\` to be a cached method, got ${what}`,
  );
}

function plainMember(object: object, name: string | symbol): string {
  const value: unknown = Reflect.get(object, name);
  if (value === undefined) return 'nothing of that name';
  return typeof value === 'function' ? 'a method without @Cached, @Early, @Failover or @CachedMany' : shown(value);
}

function nameOf(object: object): string {
  if (typeof object === 'function') return object.name;
  const builder: unknown = Reflect.get(object, 'constructor');
  return typeof builder === 'function' ? builder.name : 'object';
}
