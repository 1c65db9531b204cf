/** What `@CachedMany` and `cachedMany` take: a method's policy, and where its ids are. */
import { refuse } from '../kernel/expectation.js';
import { namedParameters } from '../keys/parameters.js';
import { compileTemplate } from '../keys/template.js';
import type { Method } from './method-decorator.js';
import { type MethodKey, type MethodPolicy, methodPolicy } from './options.js';

/**
 * Options of `@CachedMany` and `cachedMany`: those of `@Cached`, and these. In the key, the tags and `args` one id is called `{id}`, or as the
 * parameter that has them all; a method with another parameter of the name `id` has the second name only.
 */
export interface CachedManyOptions extends Omit<MethodPolicy, 'key' | 'ignoreArgs'> {
  /** The key of one id: a template such as `'user:{id}'`, or a function of the arguments in which one id stands for all. Required. */
  readonly key: MethodKey;
  /** The parameter that has the ids, an array or a Set, by its name or position. Default: the first one. */
  readonly each?: string | number | undefined;
  /**
   * What of a row says whose it is: a property, or a function of the row. The method then returns the rows there are, in any order.
   *
   * Default: none; then the method returns one value for each id, in their order, with `undefined` or `null` for what is not there.
   */
  readonly id?: string | ((row: never) => unknown) | undefined;
  /** `map`: the method returns a Map of values by their ids. Default `array`. Excludes `id`. */
  readonly returns?: 'array' | 'map' | undefined;
  /**
   * What becomes of ids for which the method returned nothing. `miss`: they are loaded again by the next call. `null`: null is stored for
   * them, for `nullTtl` if that is given. Default: `null` where `nullTtl` is given, else `miss`.
   */
  readonly absent?: 'miss' | 'null' | undefined;
}

/** The options, checked, for one method. */
export interface ManyPlan {
  /** The policy of the method that loads one id: its parameters are the method's, then the names that stand for an id. */
  readonly policy: MethodPolicy;
  /** The position of the ids. */
  readonly each: number;
  /** How many parameters the method has, and how many names of an id follow them. */
  readonly parameters: number;
  readonly names: number;
  readonly absent: 'miss' | 'null';
  readonly shape: ManyShape;
}

/** What the method returns: rows that say whose they are, a value for each id in their order, or a Map by ids. */
export type ManyShape =
  | { readonly kind: 'rows'; readonly idOf: (row: unknown) => unknown }
  | { readonly kind: 'positions' }
  | { readonly kind: 'map' };

/** Checks options against a method; throws ConfigurationError. */
export function planMany(label: string, given: CachedManyOptions, method: Method): ManyPlan {
  const {
    key,
    each = 0,
    id,
    returns = 'array',
    absent,
    ...rest
  } = methodPolicy(label, given, undefined) as Partial<CachedManyOptions>;
  if (key === undefined) throw wrong(label, 'key', "a template such as 'user:{id}', or a function of one id", key);
  if (Reflect.get(rest, 'ignoreArgs') !== undefined)
    throw wrong(label, 'ignoreArgs', 'left out, because the key takes what it names', Reflect.get(rest, 'ignoreArgs'));
  requireOneOf(label, 'returns', returns, ['array', 'map']);
  if (absent !== undefined) requireOneOf(label, 'absent', absent, ['miss', 'null']);
  if (absent === 'null' && rest.cacheNull === false)
    throw wrong(label, 'absent', "'miss' beside `cacheNull: false`", absent);
  if (returns === 'map' && id !== undefined)
    throw wrong(label, 'id', 'left out of a method that returns a Map by ids', id);
  const names = parameterNamesOf(label, rest, method);
  const at = positionOf(label, each, names);
  const aliases = ['id', ...(typeof id === 'string' && IDENTIFIER.test(id) ? [id] : [])];
  const own = [...new Set(aliases)].filter((name) => !names.includes(name));
  const policy: MethodPolicy = { ...rest, key, params: [...names, ...own], ...adapters(rest, names, at, own) };
  requireId(label, key, policy.params ?? [], [String(at), names[at] ?? '', ...own]);
  return {
    policy,
    each: at,
    parameters: names.length,
    names: own.length,
    absent: absent ?? (rest.nullTtl === undefined ? 'miss' : 'null'),
    shape: returns === 'map' ? { kind: 'map' } : id === undefined ? { kind: 'positions' } : rowsBy(label, id),
  };
}

const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;

function rowsBy(label: string, id: unknown): ManyShape {
  if (typeof id === 'function') return { kind: 'rows', idOf: (row) => Reflect.apply(id, undefined, [row]) as unknown };
  if (typeof id !== 'string' || id === '')
    throw wrong(label, 'id', 'the name of a property, or a function of a row', id);
  return { kind: 'rows', idOf: (row) => Reflect.get(Object(row), id) as unknown };
}

/** The names of all parameters; those without one get a name that says their position. */
function parameterNamesOf(label: string, { params }: MethodPolicy, method: Method): readonly string[] {
  const read = namedParameters(method, params, label);
  const names = read?.names ?? Array.from({ length: Math.max(1, method.length) }, () => undefined);
  return names.map((name, position) => name ?? `argument${position}`);
}

function positionOf(label: string, each: unknown, names: readonly string[]): number {
  if (typeof each === 'number' && Number.isSafeInteger(each) && each >= 0 && each < names.length) return each;
  const position = typeof each === 'string' ? names.indexOf(each) : -1;
  if (position >= 0) return position;
  throw wrong(label, 'each', `a parameter, by its position or name (${names.join(', ')})`, each);
}

/** An adapter of the ids' parameter is one for each id, whatever name it goes by. */
function adapters({ args }: MethodPolicy, names: readonly string[], at: number, own: readonly string[]): MethodPolicy {
  const adapter = args?.[names[at] ?? ''] ?? args?.[at];
  if (args === undefined || adapter === undefined) return {};
  return { args: { ...Object.fromEntries(own.map((name) => [name, adapter])), ...args } };
}

/** A template that names no id would keep all of them under one key. */
function requireId(label: string, key: MethodKey, params: readonly string[], names: readonly string[]): void {
  if (typeof key !== 'string') return;
  const { placeholders } = compileTemplate(key, { names: params, tail: 'open' }, `key of ${label}`);
  const roots = placeholders.map((source) => /^[^.:=]*/.exec(source)?.[0] ?? '');
  if (roots.some((root) => names.includes(root))) return;
  throw wrong(label, 'key', 'a template that names the id, such as `user:{id}`', key);
}

function requireOneOf(label: string, option: string, value: unknown, allowed: readonly string[]): void {
  if (!allowed.some((one) => one === value))
    throw wrong(label, option, allowed.map((one) => `'${one}'`).join(' or '), value);
}

function wrong(subject: string, option: string, expected: string, got: unknown): Error {
  return refuse({ option, expected, got, subject });
}
