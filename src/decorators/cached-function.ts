/** `cached`: what `@Cached` is for methods, for plain functions. */
import { ConfigurationError } from '../errors.js';
import { refuse } from '../kernel/expectation.js';
import { CachedMethod } from './cached-method.js';
import { decorationOf } from './decorations.js';
import { type HandleOf, handleOf } from './handle.js';
import type { AsyncMethod, DecoratedMethod, Method } from './method-decorator.js';
import { type MethodPolicy, methodPolicy } from './options.js';

/** A cached function: the function, called as before, and its handle. */
export type CachedFunction<Fn extends AsyncMethod> = Fn & HandleOf<Fn>;

/**
 * Caches what an asynchronous function returns. The options are those of `@Cached`, `@Early` and `@Failover` in one: `grace`, `earlyTtl`
 * and the rest. What it returns is called like the function, and has `key`, `peek`, `refresh` and `invalidate` for its arguments.
 *
 * The use case is `useCase`, else the function's name, else the key template.
 *
 * @throws ConfigurationError where it is called: bad options, unknown placeholders, a function that is cached already, or one without a
 *   name, a `key` and a `useCase`
 * @example
 * const report = cached(async (day: string) => await makeReport(day), { key: 'report:{day}', ttl: '10m' })
 * await report('2025-01-15')
 * await report.invalidate('2025-01-15')
 */
export function cached<Fn extends AsyncMethod>(fn: Fn, policy?: MethodPolicy): CachedFunction<Fn>;
export function cached(fn: AsyncMethod, policy: MethodPolicy = {}): unknown {
  const checked = methodPolicy('cached()', policy, undefined);
  const decorated = decoratedFunction('cached()', fn, checked);
  const made = new CachedMethod(decorated, { decorator: 'cached()', policy: checked, beneath: {} });
  return Object.assign(made.replacement, handleOf(made, undefined));
}

/** A function as what decorators are applied to. */
export function decoratedFunction(label: string, fn: unknown, policy: MethodPolicy): DecoratedMethod {
  const method = requireFunction(label, fn);
  return {
    method,
    name: method.name === '' ? (nameByKey(policy) ?? refuseNameless(label)) : method.name,
    placement: 'function',
    visibility: 'public',
    target: undefined,
    metadata: undefined,
    onClass: () => undefined,
  };
}

function requireFunction(label: string, fn: unknown): Method {
  const isPlain = typeof fn === 'function' && !/Generator/.test(Object.prototype.toString.call(fn));
  if (!isPlain) throw refuse({ option: 'fn', expected: 'an asynchronous function', got: fn, subject: label });
  if (decorationOf(fn) !== undefined)
    throw new ConfigurationError('INVALID_DECORATION', `\`${fn.name}\` is cached already: a function has one cache`);
  return fn as Method;
}

/** A text that lasts from build to build, where there is one. */
function nameByKey({ key, useCase }: MethodPolicy): string | undefined {
  if (useCase !== undefined) return useCase;
  return typeof key === 'string' ? key : undefined;
}

function refuseNameless(label: string): never {
  throw new ConfigurationError(
    'INVALID_DECORATION',
    `Expected a function without a name to be given a \`key\` template or a \`useCase\`, in ${label}`,
  );
}
