/** What `@Cached`, `@Early` and `@Failover` have in common: they differ only in the defaults they bring. */
import type { Policy } from '../kernel/policy.js';
import { CachedMethod } from './cached-method.js';
import { type AsyncMethodDecorator, type DecoratedMethod, methodDecorator } from './method-decorator.js';
import { type MethodPolicy, methodPolicy } from './options.js';
import { impersonate, KEEPSAKE } from './replacement.js';

/** Replacements and what they stand for: a decorator above finds the method that one below it has made. */
const cachedMethods = new WeakMap<object, CachedMethod>();

/** The cached method a function stands for. */
export function cachedMethodOf(replacement: object): CachedMethod | undefined {
  return cachedMethods.get(replacement);
}

/** A decorator that caches a method by `policy`, over the defaults of its kind. */
export function cacheMethod(
  decorator: string,
  beneath: Policy,
  first: MethodPolicy['key'] | MethodPolicy,
  second: MethodPolicy | undefined,
): AsyncMethodDecorator {
  const policy = methodPolicy(first, second);
  return methodDecorator(decorator, (decorated) => {
    const below = cachedMethods.get(decorated.method);
    if (below !== undefined) {
      below.add({ decorator, policy, beneath });
      return decorated.method;
    }
    return replace(decorated, decorator, policy, beneath);
  });
}

function replace(decorated: DecoratedMethod, decorator: string, policy: MethodPolicy, beneath: Policy): unknown {
  const cached = new CachedMethod(decorated);
  cached.add({ decorator, policy, beneath });
  const replacement = function (this: unknown, ...args: unknown[]): unknown {
    return cached.call(this, args);
  };
  const info = cached.info();
  impersonate(replacement, decorated.method, info);
  publishInMetadata(decorated, info);
  cachedMethods.set(replacement, cached);
  return replacement;
}

/** Standard decorators have a metadata object per class, where the run time has `Symbol.metadata`. */
function publishInMetadata(decorated: DecoratedMethod, info: unknown): void {
  const { metadata, name } = decorated;
  if (metadata === undefined) return;
  const own = Object.hasOwn(metadata, KEEPSAKE) ? (Reflect.get(metadata, KEEPSAKE) as Map<string | symbol, unknown>) : new Map();
  own.set(name, info);
  Reflect.set(metadata, KEEPSAKE, own);
}
