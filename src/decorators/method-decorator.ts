/**
 * Method decorators in both modes from one function. TypeScript calls a standard (TC39) decorator with the method and a context
 * object, a legacy one (`experimentalDecorators`) with the target, the name and the property descriptor.
 */
import { ConfigurationError } from '../errors.js';

/** A method that can be cached: asynchronous, whatever it takes. */
// biome-ignore lint/suspicious/noExplicitAny: parameters are contravariant; only `any` accepts methods of every signature.
export type AsyncMethod = (...args: any[]) => Promise<unknown>;

/** A decorator for asynchronous methods; on accessors, fields and synchronous methods it is a compile error. */
export interface AsyncMethodDecorator {
  <Method extends AsyncMethod>(method: Method, context: ClassMethodDecoratorContext): Method;
  <Method extends AsyncMethod>(
    target: object,
    name: string | symbol,
    descriptor: TypedPropertyDescriptor<Method>,
  ): TypedPropertyDescriptor<Method>;
}

/** What is known about a method where it is decorated. */
export interface DecoratedMethod {
  /** The method below: as written, or what another decorator made of it. */
  readonly method: (this: unknown, ...args: unknown[]) => unknown;
  readonly name: string | symbol;
  readonly placement: 'instance' | 'static';
  /** The class, where the mode tells: legacy decorators know it, standard ones do not. */
  readonly owner: string | undefined;
  /** The class's metadata object, where the mode has one. */
  readonly metadata: object | undefined;
}

/** Makes a decorator of a function from a method to what replaces it. */
export function methodDecorator(label: string, replace: (decorated: DecoratedMethod) => unknown): AsyncMethodDecorator {
  const decorator = (...given: readonly unknown[]): unknown => {
    const [first, second, third] = given;
    if (isStandardContext(second)) {
      if (second.kind !== 'method' || !isMethod(first)) throw refused(label, `a ${second.kind}`, second.name);
      const placement = second.static ? 'static' : 'instance';
      return replace({ method: first, name: second.name, placement, owner: undefined, metadata: second.metadata });
    }
    const name = typeof second === 'string' || typeof second === 'symbol' ? second : undefined;
    const descriptor = third as PropertyDescriptor | undefined;
    const method: unknown = descriptor?.value;
    if (name === undefined || descriptor === undefined || !isMethod(method)) throw refused(label, 'something else', name);
    const placement = typeof first === 'function' ? 'static' : 'instance';
    return { ...descriptor, value: replace({ method, name, placement, owner: ownerOf(first), metadata: undefined }) };
  };
  // Overloads tell the compiler which mode it is in; at run time the arguments do.
  return decorator as AsyncMethodDecorator;
}

function isStandardContext(value: unknown): value is DecoratorContext {
  return typeof value === 'object' && value !== null && 'kind' in value && 'name' in value;
}

function isMethod(value: unknown): value is DecoratedMethod['method'] {
  return typeof value === 'function';
}

function ownerOf(target: unknown): string | undefined {
  if (typeof target === 'function') return target.name;
  if (typeof target !== 'object' || target === null) return undefined;
  return typeof target.constructor === 'function' ? target.constructor.name : undefined;
}

function refused(label: string, what: string, name: string | symbol | undefined): ConfigurationError {
  const where = name === undefined ? '' : ` (\`${String(name)}\`)`;
  return new ConfigurationError('INVALID_DECORATION', `${label} decorates asynchronous methods, not ${what}${where}`);
}
