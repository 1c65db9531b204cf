import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AnyFunction, parameterNames } from '../../src/keys/parameters.js';

const RUNS = Math.ceil(Number(process.env['KEEPSAKE_PROPERTY_RUNS'] ?? 50_000) / 10);

/** Expressions that are hard to find the end of. */
const DEFAULTS = [
  '1',
  '","',
  "')'",
  '"\\""',
  '/[/,)]/g',
  '/\\//.source',
  '4 / 2 / 1',
  '(1, 2)',
  '[1, [2, ")"]]',
  '{ a: 1, "b,": [2], m(x, y) { return x / y } }',
  '`,)`',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: source text to scan.
  '`a${[1, `${"}"},`]})`',
  '(x, y) => ({ x, y })',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: source text to scan.
  'async function (x, y = ")") { return `${x}` }',
  'class { static m(x, y) {} get z() { return /,/ } }',
  'typeof /,/',
  'void 0',
  '1 /* , */ + /* ) */ 2',
  '1 // ,)\n',
  'a => a > 1 ? /,/ : 2',
  '[1][0] / 2',
  '(() => { if (1) { return /,/ } })()',
  'x => { if (x) /[,)]/.test(x); }',
  'x => { x++ / 2 }',
  'new Map([[1, 2]]).size / 2',
];

const GAPS = ['', ' ', '\n', '/* , */', '// )\n', ' /* ( */ '];

interface Parameter {
  readonly source: string;
  readonly name: string | undefined;
}

const gap = fc.constantFrom(...GAPS);
const parameter = fc
  .record({
    pattern: fc.constantFrom<string | undefined>(
      undefined,
      undefined,
      undefined,
      '{ p }',
      '[q]',
      '{ r: { s } = { s: "," }, ...t }',
    ),
    value: fc.option(fc.constantFrom(...DEFAULTS), { nil: undefined, freq: 2 }),
    before: gap,
    after: gap,
  })
  .map(({ pattern, value, before, after }) => (index: number): Parameter => {
    const isPattern = pattern !== undefined;
    // Bound names of patterns are numbered, so that no two parameters share one.
    const target = isPattern ? pattern.replace(/\b[pqst]\b(?!:)/g, `$&${index}`) : `name${index}`;
    return {
      source: `${before}${target}${after}${value === undefined ? '' : `= ${value}`}${after}`,
      name: isPattern ? undefined : target,
    };
  });

const FORMS: readonly ((list: string) => string)[] = [
  (list) => `function (${list}) {}`,
  (list) => `async function* named /* ( */ (${list}) { return "(" }`,
  (list) => `(${list}) => 1`,
  (list) => `async (${list}) => { return ")" }`,
  (list) => `({ async find(${list}) {} }).find`,
  (list) => `({ *["a(" + ")"](${list}) {} })["a()"]`,
  (list) => `(class { static #find(${list}) {} static get() { return this.#find } }).get()`,
];

function evaluate(source: string): AnyFunction {
  return new Function(`return (${source})`)() as AnyFunction;
}

describe('parameter names', () => {
  it(`are those of the function, or none: never wrong ones (${RUNS} functions)`, () => {
    let read = 0;
    const functions = fc.tuple(
      fc.array(parameter, { maxLength: 4 }),
      fc.option(fc.constantFrom('rest', '[u, v]'), { nil: undefined }),
      fc.constantFrom(...FORMS),
      gap,
    );
    fc.assert(
      fc.property(functions, ([makers, rest, form, space]) => {
        const parameters = makers.map((make, index) => make(index));
        const sources = parameters.map(({ source }) => source);
        if (rest !== undefined) sources.push(`${space}...${space}${rest}${space}`);
        const found = parameterNames(evaluate(form(sources.join(','))));
        if (found === undefined) return;
        read++;
        const names = parameters.map(({ name }) => name);
        if (rest !== undefined) names.push(rest === 'rest' ? rest : undefined);
        expect(found).toEqual({ names, tail: rest === undefined ? 'none' : 'rest' });
      }),
      { numRuns: RUNS },
    );
    expect(read).toBeGreaterThan(RUNS * 0.6);
  }, 60_000);
});
