/**
 * Method decorators in both modes from one function. TypeScript calls a standard (TC39) decorator with the method and a context
 * object, a legacy one (`experimentalDecorators`) with the target, the name and the property descriptor.
 *
 * Sources: TC39 proposal "Decorators" (stage 3), TypeScript handbook "Decorators" (legacy).
 */
import { ConfigurationError } from '../errors.js';
import { writtenReturnType } from './reflect-metadata.js';

/** A method that can be cached: asynchronous, whatever it takes (parameters are contravariant, so `never` stands for all of them). */
export type AsyncMethod = (...args: never[]) => Promise<unknown>;

/** A decorator for asynchronous methods; on accessors, fields and synchronous methods it is a compile error. */
export interface AsyncMethodDecorator {
  <This, Method extends AsyncMethod>(method: Method, context: ClassMethodDecoratorContext<This>): Method;
  <Method extends AsyncMethod>(
    target: object,
    name: string | symbol,
    descriptor: TypedPropertyDescriptor<Method>,
  ): TypedPropertyDescriptor<Method>;
}

/** A method as it is called: with any `this`, any arguments. */
export type Method = (this: unknown, ...args: unknown[]) => unknown;

/** What is known about a method where it is decorated. */
export interface DecoratedMethod {
  /** The method below: as written, or what another decorator made of it. */
  readonly method: Method;
  readonly name: string | symbol;
  /** `function`: no method at all, but what `cached` was given. */
  readonly placement: 'instance' | 'static' | 'function';
  readonly visibility: 'public' | 'private';
  /** Legacy mode: the prototype, or the class of a static method. */
  readonly target: object | undefined;
  /** Standard mode: the class's metadata object, where the run time has `Symbol.metadata`. */
  readonly metadata: object | undefined;
  /**
   * Tells the class: at once in legacy mode, when the class is defined for static methods in standard mode, else never, because
   * a standard decorator is not told whose method it decorates.
   */
  readonly onClass: (listener: (owner: object) => void) => void;
}

/**
 * Makes a decorator of a function from a method to what replaces it.
 *
 * @throws ConfigurationError `INVALID_DECORATION` (the decorator, where it is applied) on anything but a method that may be asynchronous
 */
export function methodDecorator(label: string, replace: (decorated: DecoratedMethod) => Method): AsyncMethodDecorator {
  const decorator = (...given: readonly unknown[]): unknown => {
    const [first, second, third] = given;
    if (isStandardContext(second)) return replace(fromStandard(label, first, second));
    const descriptor = methodDescriptor(label, given);
    return { ...(third as PropertyDescriptor), value: replace(fromLegacy(label, first, second, descriptor)) };
  };
  // Overloads tell the compiler which mode it is in; at run time the arguments do.
  return decorator as AsyncMethodDecorator;
}

/**
 * Refuses a decorator that stands without parentheses: what it was given is then not options but what decorators are called with.
 *
 * @throws ConfigurationError `INVALID_DECORATION`
 */
export function requireParentheses(label: string, given: readonly unknown[]): void {
  const [, second, third] = given;
  const isLegacy = given.length === 3 && (typeof second === 'string' || typeof second === 'symbol') && isObject(third);
  if (!isStandardContext(second) && !isLegacy) return;
  throw new ConfigurationError('INVALID_DECORATION', `${label} is written with parentheses: \`${label}({ … })\``);
}

function fromStandard(label: string, method: unknown, context: DecoratorContext): DecoratedMethod {
  if (context.kind !== 'method') throw refused(label, `${article(context.kind)} ${context.kind}`, context.name);
  return {
    method: requireMethod(label, method, context.name),
    name: context.name,
    placement: context.static ? 'static' : 'instance',
    visibility: context.private ? 'private' : 'public',
    target: undefined,
    // Typed as always there; it is not where the run time has no `Symbol.metadata`.
    metadata: (context as { readonly metadata?: object }).metadata,
    onClass: (listener) => {
      if (!context.static) return;
      context.addInitializer(function (this: unknown) {
        if (isObject(this)) listener(this);
      });
    },
  };
}

/** Return types, as `emitDecoratorMetadata` writes them down, that are certainly no promises: of code compiled without type checks. */
const SYNCHRONOUS: readonly unknown[] = [String, Number, Boolean, BigInt, Symbol, Array, Function];

function fromLegacy(label: string, target: unknown, name: unknown, method: unknown): DecoratedMethod {
  if (!isObject(target) || !isName(name)) throw refused(label, 'something else', undefined);
  if (SYNCHRONOUS.includes(writtenReturnType(target, name))) throw refused(label, 'a synchronous one', name);
  const owner: unknown = typeof target === 'function' ? target : Reflect.get(target, 'constructor');
  return {
    method: requireMethod(label, method, name),
    name,
    placement: typeof target === 'function' ? 'static' : 'instance',
    visibility: 'public',
    target,
    metadata: undefined,
    onClass: (listener) => {
      if (isObject(owner)) listener(owner);
    },
  };
}

/** The method in the descriptor that a legacy decorator is given; what is no method has another one, or none. */
function methodDescriptor(label: string, given: readonly unknown[]): unknown {
  const [target, name, third] = given;
  const named = isName(name) ? name : undefined;
  if (given.length === 1 && typeof target === 'function') throw refused(label, 'a class', target.name);
  if (typeof third === 'number') throw refused(label, 'a parameter', named);
  if (!isObject(third)) throw refused(label, 'a field', named);
  if ('get' in third || 'set' in third) throw refused(label, 'an accessor', named);
  return (third as PropertyDescriptor).value;
}

/** A function that may answer with a promise. Whether it does is known only when it has been called, but a generator never does. */
function requireMethod(label: string, method: unknown, name: string | symbol): Method {
  if (!isMethod(method)) throw refused(label, 'a field', name);
  if (/Generator/.test(Object.prototype.toString.call(method))) throw refused(label, 'a generator', name);
  return method;
}

function isStandardContext(value: unknown): value is DecoratorContext {
  return (
    isObject(value) && typeof value !== 'function' && 'kind' in value && 'name' in value && 'addInitializer' in value
  );
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

function isName(value: unknown): value is string | symbol {
  return typeof value === 'string' || typeof value === 'symbol';
}

function isMethod(value: unknown): value is Method {
  return typeof value === 'function';
}

function article(noun: string): 'a' | 'an' {
  return /^[aeiou]/.test(noun) ? 'an' : 'a';
}

function refused(label: string, what: string, name: string | symbol | undefined): ConfigurationError {
  const where = name === undefined ? '' : ` (\`${String(name)}\`)`;
  return new ConfigurationError('INVALID_DECORATION', `${label} decorates asynchronous methods, not ${what}${where}`);
}
