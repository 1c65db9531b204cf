import ts from 'typescript';
import { transformWithEsbuild } from 'vite';
import { describe, expect, it } from 'vitest';
import { ConfigurationError } from '../../../src/errors.js';
import {
  type AnyFunction,
  namedParameters,
  type ParameterNames,
  parameterNames,
} from '../../../src/keys/parameters.js';

/** Evaluates source text, so that no compiler of the test changes what is scanned. */
function evaluate(source: string): AnyFunction {
  const value: unknown = new Function(`return (${source})`)();
  if (typeof value !== 'function') throw new Error('Expected a function');
  return value as AnyFunction;
}

function names(source: string): ParameterNames | undefined {
  return parameterNames(evaluate(source));
}

/** The first method of the class in this source text. */
function method(source: string): AnyFunction {
  const text = /\bclass A\b/.test(source) ? `(() => { ${source}; return A })()` : `class { ${source} }`;
  const holder = evaluate(text);
  for (const owner of [Object(holder.prototype), holder]) {
    for (const key of Reflect.ownKeys(owner)) {
      const value: unknown = Object.getOwnPropertyDescriptor(owner, key)?.value;
      const isOwn = key !== 'constructor' && key !== 'prototype';
      if (isOwn && typeof value === 'function') return value as AnyFunction;
    }
  }
  throw new Error('Expected a method');
}

const none = (...list: (string | undefined)[]): ParameterNames => ({ names: list, tail: 'none' });
const rest = (...list: (string | undefined)[]): ParameterNames => ({ names: list, tail: 'rest' });

describe('forms of functions', () => {
  it.each([
    ['function () {}', none()],
    ['function named(a, b) {}', none('a', 'b')],
    ['async function (a) {}', none('a')],
    ['function* (a) {}', none('a')],
    ['async function* named(a) {}', none('a')],
    ['() => 1', none()],
    ['a => a', none('a')],
    ['async a => a', none('a')],
    ['async (a, b) => a', none('a', 'b')],
    ['(a, b,) => a', none('a', 'b')],
    ['(...all) => all', rest('all')],
    ['(a, ...[b, c]) => b', rest('a', undefined)],
    ['async => async', none('async')],
    ['async (async) => async', none('async')],
    ['$ => $', none('$')],
    ['(_, été, \u0061b) => 1', none('_', 'été', 'ab')],
    ['(\\u0061b, c) => 1', none(undefined, 'c')],
  ])('%s', (source, expected) => {
    expect(names(source)).toEqual(expected);
  });

  it.each([
    ['find(a, b) {}'],
    ['async find(a, b) {}'],
    ['*find(a, b) {}'],
    ['async *find(a, b) {}'],
    ['static find(a, b) {}'],
    ['static async find(a, b) {}'],
    ['async(a, b) {}'],
    ['get(a, b) {}'],
    ['static(a, b) {}'],
    ['function(a, b) {}'],
    ['class(a, b) {}'],
    ['async class(a, b) {}'],
    ['"a(b, c" (a, b) {}'],
    ["'it\\'s('(a, b) {}"],
    ['42(a, b) {}'],
    ['[Symbol.iterator](a, b) {}'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: source text to scan.
    ['async [`x${"(" + `)`}`](a, b) {}'],
    ['["a" + ")("](a, b) {}'],
    ['[(() => "x")()](a, b) {}'],
    ['find /* (x, */ (a /* , c */, // d, e)\n b) {}'],
  ])('method %s', (source) => {
    expect(parameterNames(method(source))).toEqual(none('a', 'b'));
  });

  it('private methods', () => {
    const fn = evaluate(
      '(class { #find(a, b) {} static of() { return new this().get() } get() { return this.#find } }).of()',
    );
    expect(parameterNames(fn)).toEqual(none('a', 'b'));
  });
});

describe('parameters', () => {
  it.each([
    ['(a = 1, b = 2) => 1', none('a', 'b')],
    ['(a = ",)", b) => 1', none('a', 'b')],
    ["(a = 'x\\',', b) => 1", none('a', 'b')],
    ['(a = [1, 2], b = { c: 1, d: [2, 3] }) => 1', none('a', 'b')],
    ['(a = (1, 2), b) => 1', none('a', 'b')],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: source text to scan.
    ['(a = `x,${[1, `)${2},`].join(",")}),`, b) => 1', none('a', 'b')],
    ['(a = /[,)/]\\/\\(/.source, b) => 1', none('a', 'b')],
    ['(a = 4 / 2, b = 6 / 3) => 1', none('a', 'b')],
    ['(a = 1.5 / 2, b = 1. / 3, c) => 1', none('a', 'b', 'c')],
    ['(a = [1][0] / 2, b = 6 / 3) => 1', none('a', 'b')],
    ['(a = (1) / 2, b = "/") => 1', none('a', 'b')],
    ['(a = typeof /,/, b) => 1', none('a', 'b')],
    ['(a = { return: 1 }.return / 2, b = 4 / 2) => 1', none('a', 'b')],
    ['(a = function (x, y) { return /,/.test(x) }, b) => 1', none('a', 'b')],
    ['(a = (x, y) => x, b) => 1', none('a', 'b')],
    ['(a = class { m(x, y) {} }, b) => 1', none('a', 'b')],
    ['(a = 1 /* , c = ")" */, b) => 1', none('a', 'b')],
    ['(a // ) => {\n, b) => 1', none('a', 'b')],
    ['({ a, b }, c) => 1', none(undefined, 'c')],
    ['({ a = ",", b: { d } } = {}, [e, ...f] = [], c = 1) => 1', none(undefined, undefined, 'c')],
    ['(a, { b, ...c } = { b: [")"] }, ...d) => 1', rest('a', undefined, 'd')],
    ['(a = x => x > 1 ? /\\)/ : 2, b) => 1', none('a', 'b')],
    ['(a = 1 < 2, b = 3 > (4)) => 1', none('a', 'b')],
  ])('%s', (source, expected) => {
    expect(names(source)).toEqual(expected);
  });
});

describe('what cannot be trusted has no names', () => {
  it.each([
    ['native code', Array.prototype.map],
    ['a bound function', ((id: number) => id).bind(undefined)],
    ['a proxy', new Proxy((id: number) => id, {})],
    ['a class', evaluate('class A { constructor(id) {} }')],
    ['a class that extends a call', evaluate('class extends (Object) { constructor(id) { super() } }')],
    ['a slash that only a parser could read', evaluate('(a = () => { if (1) /[,)]/.test("") }, b) => 1')],
    [
      'a slash that hides quotes',
      evaluate(`(a = () => { if (1) /'/.test(1) }, b = "'" + '"', c = '}', // '\n d) => 1`),
    ],
    ['a word that may be an operator', evaluate('(of, a = of / 2, b = 4 / 2) => 1')],
    ['a division after ++', evaluate('(a, b = a++ / 2, c = 4 / 2) => 1')],
  ])('%s', (_kind, fn) => {
    expect(parameterNames(fn)).toBeUndefined();
  });
});

describe('compiled code', () => {
  it('minified sources keep their short names', () => {
    expect(names('async(e,{page:t=1}={},...n)=>[e,t,n]')).toEqual(rest('e', undefined, 'n'));
    expect(names('function(e,t){var n=/[)(]/;return n.test(e,t)}')).toEqual(none('e', 't'));
  });

  it('a function that reads `arguments` may take more than it names', () => {
    const source =
      'function (a) { var rest = []; for (var i = 1; i < arguments.length; i++) rest.push(arguments[i]); }';
    expect(names(source)).toEqual({ names: ['a'], tail: 'open' });
  });

  it.each([
    [
      'tsc',
      'function find(id_1) { return __awaiter(this, arguments, void 0, function* (id, page = 1) { yield 1; }); }',
    ],
    [
      'tsc, generators lowered',
      'function find() { return tslib_1.__awaiter(this, arguments, void 0, function* (id, page = [","]) {}); }',
    ],
    [
      'tsc, CommonJS helpers',
      'function find(id_1) { return (0, tslib_1.__awaiter)(this, arguments, void 0, function* (id, page) {}); }',
    ],
    ['tsc, ES5', 'function find(id_1) { return __awaiter(this, arguments, void 0, function (id, page) {}); }'],
    ['esbuild', 'function find(_0) { return __async(this, arguments, function* (id, page = 1) { yield 1; }); }'],
    ['esbuild, minified', 'function find(e){return t(this,arguments,function*(id,page=1){yield 1})}'],
  ])('finds the parameters that %s moved into a generator', (compiler, source) => {
    const expected = compiler === 'tsc, ES5' ? { names: ['id_1'], tail: 'open' } : none('id', 'page');
    expect(names(source)).toEqual(expected);
  });
});

describe('code written by real compilers', () => {
  const source =
    'class A { async find(id: number, page = "a,)b", { x } = { x: 1 }, ...tags: string[]) { return [id, page, x, tags] } }';

  it.each([
    ['ESNext', ts.ScriptTarget.ESNext],
    ['ES2017', ts.ScriptTarget.ES2017],
    ['ES2015', ts.ScriptTarget.ES2015],
  ])('tsc for %s keeps the names', (_name, target) => {
    const { outputText } = ts.transpileModule(source, { compilerOptions: { target, noEmitHelpers: true } });
    expect(parameterNames(method(outputText))).toEqual(rest('id', 'page', undefined, 'tags'));
  });

  it('arrow functions lowered by tsc and esbuild keep the names', async () => {
    const arrow = 'const fn = async (id: number, page = 1) => [id, page];';
    const { outputText } = ts.transpileModule(arrow, {
      compilerOptions: { target: ts.ScriptTarget.ES2015, noEmitHelpers: true, module: ts.ModuleKind.ESNext },
    });
    const { code } = await transformWithEsbuild(arrow, 'a.ts', { target: 'es2016' });
    for (const compiled of [outputText, code]) {
      expect(names(`(() => { ${compiled}; return fn })()`)).toEqual(none('id', 'page'));
    }
  });

  it.each(['es2022', 'es2016'])('esbuild for %s keeps the names', async (target) => {
    const { code } = await transformWithEsbuild(source, 'a.ts', { target });
    expect(parameterNames(method(code))).toEqual(rest('id', 'page', undefined, 'tags'));
  });

  it('minified names are seen as what they are: no placeholder fits them by accident', async () => {
    const { code } = await transformWithEsbuild(source, 'a.ts', { target: 'es2022', minify: true });
    expect(parameterNames(method(code))).toMatchObject({ tail: 'rest' });
    expect(parameterNames(method(code))?.names).not.toContain('id');
  });
});

describe('params', () => {
  const fn = evaluate('(e, t, n) => 1');

  it('names the first parameters, later ones keep their names', () => {
    expect(namedParameters(fn, ['id', 'page'], 'X.y')).toEqual(none('id', 'page', 'n'));
    expect(namedParameters(fn, ['n'], 'X.y')).toEqual(none('n', 't', undefined));
    expect(namedParameters(fn, undefined, 'X.y')).toEqual(none('e', 't', 'n'));
  });

  it('names a rest parameter', () => {
    expect(namedParameters(evaluate('function (e) { arguments }'), ['id', '...tags'], 'X.y')).toEqual(
      rest('id', 'tags'),
    );
  });

  it('leaves the number of parameters open where the source does not show it', () => {
    expect(namedParameters(undefined, ['id'], 'X.y')).toEqual({ names: ['id'], tail: 'open' });
    expect(namedParameters(evaluate('() => 1'), ['id'], 'X.y')).toEqual({ names: ['id'], tail: 'open' });
    expect(namedParameters(undefined, undefined, 'X.y')).toBeUndefined();
  });

  it.each([[['1a']], [['a', 'a']], [['']], [['...a', 'b']], [[1]], ['id']])('%j is refused', (params) => {
    const act = () => namedParameters(fn, params as string[], 'X.y');
    expect(act).toThrow(ConfigurationError);
    expect(act).toThrow(/Expected `params` of X\.y to be a list of distinct parameter names/);
  });
});
