/**
 * Parameter names of a function, read from its source text, so that `{id}` in a key template can mean an argument.
 *
 * Minified builds rename parameters and some targets drop them; there `params: ['id']` names them. Nothing is guessed: what cannot be
 * read with certainty has no names, and a placeholder without a name is an error where the class is defined.
 */
import { ConfigurationError } from '../errors.js';
import { SourceScanner, Unreadable } from './source-scanner.js';

/** Any function, whatever it takes. */
export type AnyFunction = (...args: never[]) => unknown;

/** The parameters of a function, in order. */
export interface ParameterNames {
  /** Undefined for a parameter that has a position only: a destructured one, or one whose name is written with escapes. */
  readonly names: readonly (string | undefined)[];
  /** What comes after: nothing, the last name collects all further arguments, or it is not known (the function reads `arguments`). */
  readonly tail: 'none' | 'rest' | 'open';
}

/**
 * The parameters of `fn` as its source text shows them; undefined when that cannot be trusted: native code, bound functions, classes.
 *
 * @example parameterNames((id, { page } = {}, ...tags) => 0) // { names: ['id', undefined, 'tags'], tail: 'rest' }
 */
export function parameterNames(fn: AnyFunction): ParameterNames | undefined {
  const source = Function.prototype.toString.call(fn);
  if (NATIVE.test(source)) return undefined;
  try {
    return readFunction(new SourceScanner(source));
  } catch (error) {
    if (error instanceof Unreadable) return undefined;
    throw error;
  }
}

/**
 * The parameters of `fn` with the first of them renamed by the option `params`; `'...ids'` names a rest parameter.
 *
 * @throws ConfigurationError `INVALID_POLICY` when `params` is not a list of distinct identifiers.
 */
export function namedParameters(
  fn: AnyFunction | undefined,
  params: readonly string[] | undefined,
  subject: string,
): ParameterNames | undefined {
  const read = fn === undefined ? undefined : parameterNames(fn);
  if (params === undefined) return read;
  requireNames(params, subject);
  const last = params.at(-1);
  if (last?.startsWith('...') === true) return { names: [...params.slice(0, -1), last.slice(3)], tail: 'rest' };
  if (read === undefined) return { names: params, tail: 'open' };
  const further = read.names
    .slice(params.length)
    .map((name) => (name === undefined || params.includes(name) ? undefined : name));
  const names = [...params, ...further];
  // More names than the source shows: it was compiled so that it does not show them, so their number is not known either.
  if (params.length > read.names.length) return { names, tail: 'open' };
  // A plain name where the source collects all arguments: a wrapper stands before the method, and `params` knows better.
  return { names, tail: params.length === read.names.length && read.tail === 'rest' ? 'open' : read.tail };
}

function requireNames(params: readonly string[], subject: string): void {
  const list: readonly unknown[] = Array.isArray(params) ? params : [params];
  for (const [index, param] of list.entries()) {
    const isRest = index === list.length - 1 && typeof param === 'string' && param.startsWith('...');
    const isName = typeof param === 'string' && IDENTIFIER.test(isRest ? param.slice(3) : param);
    if (isName && Array.isArray(params) && list.indexOf(param) === index) continue;
    const expected = 'to be a list of distinct parameter names, the last one perhaps a rest parameter such as `...ids`';
    throw new ConfigurationError(
      'INVALID_POLICY',
      `Expected \`params\` of ${subject} ${expected}, got \`${String(param)}\` (${typeof param})`,
    );
  }
}

const NATIVE = /\{\s*\[native code\]\s*\}\s*$/;
const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;

/**
 * How compilers write an async function with default parameters for targets without `async`: the named parameters move into a
 * generator, as in `f(id_1) { return __awaiter(this, arguments, void 0, function* (id, page = 1) {` (TypeScript) and
 * `(..._0) => __async(null, [..._0], function* (id, page = 1) {` (esbuild).
 */
const MOVED_PARAMETERS =
  /^\s*(?:\{\s*return\s+)?(?:[\w$.]+|\(0,\s*[\w$.]+\))\(\s*(?:_?this|void 0|null),\s*(?:arguments|\[[\w$.,\s]*\]),[^(){}]*?function\s*\*\s*\(/;

function readFunction(scanner: SourceScanner): ParameterNames | undefined {
  const head = readHead(scanner);
  if (head === 'none') return undefined;
  if (head !== 'list') return { names: [head.only], tail: 'none' };
  const parameters = readList(scanner);
  scanner.take('=>');
  const body = scanner.rest();
  const moved = MOVED_PARAMETERS.exec(body)?.[0];
  if (moved !== undefined) return readList(new SourceScanner(body.slice(moved.length)));
  return parameters.tail === 'none' && /\barguments\b/.test(body) ? { ...parameters, tail: 'open' } : parameters;
}

/** Reads to where the parameters begin: after the `(` of a list, or after the `=>` of an arrow function's only parameter. */
function readHead(scanner: SourceScanner): 'list' | 'none' | { readonly only: string | undefined } {
  let word: string | undefined;
  for (let tokens = 0; tokens < MOST_HEAD_TOKENS; tokens++) {
    if (scanner.take('(')) return 'list';
    if (scanner.take('=>')) return word === undefined ? 'none' : { only: plainName(word) };
    if (word === 'class') return 'none';
    if (scanner.take('*') || scanner.takeString()) continue;
    if (scanner.take('[')) {
      scanner.skipExpression();
      if (!scanner.take(']')) return 'none';
      continue;
    }
    word = scanner.takeWord();
    if (word === undefined) return 'none';
  }
  return 'none';
}

/** `static async * name` is the longest there is. */
const MOST_HEAD_TOKENS = 6;

function readList(scanner: SourceScanner): ParameterNames {
  const names: (string | undefined)[] = [];
  while (!scanner.take(')')) {
    const isRest = scanner.take('...');
    names.push(plainName(scanner.takeWord()));
    scanner.skipExpression();
    if (isRest) {
      if (!scanner.take(')')) throw new Unreadable();
      return { names, tail: 'rest' };
    }
    if (scanner.take(',')) continue;
    if (!scanner.take(')')) throw new Unreadable();
    break;
  }
  return { names, tail: 'none' };
}

function plainName(word: string | undefined): string | undefined {
  return word !== undefined && IDENTIFIER.test(word) ? word : undefined;
}
