/** Decorators as users' compilers compile them: the same source in both modes, by the TypeScript compiler and by esbuild. */
import { afterAll, describe, expect, it } from 'vitest';
import {
  type Compiled,
  compileWithEsbuild,
  compileWithSwc,
  compileWithTsc,
  findMistakes,
  type Mode,
} from './fixtures.js';

/** Projects of users, compiled when first asked for. */
class Builds {
  readonly #compiled = new Map<string, Promise<Compiled>>();

  of(title: string, compile: () => Promise<Compiled>): () => Promise<Compiled> {
    return () => {
      const compiled = this.#compiled.get(title) ?? compile();
      this.#compiled.set(title, compiled);
      return compiled;
    };
  }

  async remove(): Promise<void> {
    for (const compiled of this.#compiled.values()) await (await compiled).remove();
  }
}

const builds = new Builds();
afterAll(() => builds.remove());

const TSC_LEGACY = builds.of('tsc, legacy', () => compileWithTsc('legacy'));
const TSC_STANDARD = builds.of('tsc, standard', () => compileWithTsc('standard'));
// No private names, no class fields: all that can be lowered beside top-level `await` is.
const TSC_STANDARD_2017 = builds.of('tsc, standard, es2017', () =>
  compileWithTsc('standard', ['--target', 'es2017', '--skipLibCheck']),
);
const TSC_6_LEGACY = builds.of('tsc 6, legacy', () => compileWithTsc('legacy', [], 'typescript-6'));
const TSC_6_STANDARD = builds.of('tsc 6, standard', () => compileWithTsc('standard', [], 'typescript-6'));
const TSC_7_LEGACY = builds.of('tsc 7, legacy', () => compileWithTsc('legacy', [], 'typescript-7'));
const TSC_7_STANDARD = builds.of('tsc 7, standard', () => compileWithTsc('standard', [], 'typescript-7'));
const ESBUILD_LEGACY = builds.of('esbuild, legacy', () => compileWithEsbuild('legacy', 'readable'));
const ESBUILD_STANDARD = builds.of('esbuild, standard', () => compileWithEsbuild('standard', 'readable'));
const SWC_LEGACY = builds.of('SWC, legacy', () => compileWithSwc('legacy', 'readable'));
const SWC_STANDARD = builds.of('SWC, standard', () => compileWithSwc('standard', 'readable'));

/** Two calls of which the first ran the method. */
function once<Value>(value: Value): { readonly values: Value[]; readonly calls: number } {
  return { values: [value, value], calls: 1 };
}

describe.each<[title: string, mode: Mode, build: () => Promise<Compiled>]>([
  ['tsc, legacy', 'legacy', TSC_LEGACY],
  ['tsc, standard', 'standard', TSC_STANDARD],
  ['tsc, standard, target es2017', 'standard', TSC_STANDARD_2017],
  ['esbuild, legacy', 'legacy', ESBUILD_LEGACY],
  ['tsc 6, legacy', 'legacy', TSC_6_LEGACY],
  ['tsc 6, standard', 'standard', TSC_6_STANDARD],
  ['tsc 7, legacy', 'legacy', TSC_7_LEGACY],
  ['tsc 7, standard', 'standard', TSC_7_STANDARD],
  ['esbuild, standard', 'standard', ESBUILD_STANDARD],
  ['SWC, legacy', 'legacy', SWC_LEGACY],
  ['SWC, standard', 'standard', SWC_STANDARD],
])('%s', (_title, mode, build) => {
  /** How a method is called in messages while its class is defined: only legacy decorators know the class. */
  const member = (owner: string, method: string): string => (mode === 'legacy' ? `${owner}.${method}` : method);

  it('every kind of method is cached under keys of its own', async () => {
    const { of } = await (await build()).run('both/methods');
    expect(of('instance')).toEqual(once({ id: 1, tenant: 'acme', more: 1 }));
    expect(of('this')).toEqual({ ...once({ id: 1, tenant: 'other', more: 1 }), calls: 0 });
    expect(of('instance without a key')).toEqual(once('instance 1'));
    expect(of('static of the same name')).toEqual(once('static 1 of 1 in its class'));
    expect(of('symbol')).toEqual(once('symbol 1'));
    expect(of('generic')).toEqual(once('a'));
    expect(of('overloaded')).toEqual({ number: once(1), text: once('1') });
    expect(of('inherited')).toEqual(once('base 1'));
    expect(of('overridden without a decorator')).toEqual({ ...once('sub over base 1'), calls: 3 });
    expect(of('overridden with one')).toEqual({ ...once('sub over base 1'), calls: 2 });
    expect(of('overridden without super')).toEqual({ ...once('sub 1'), calls: 2 });
    expect(of('base after sub')).toEqual({ values: ['base 1', 'base 1'] });
    expect(of('names of inherited methods')).toEqual({
      plain: 'Base.plain',
      base: 'Base.redecorated',
      sub: 'Sub.redecorated',
    });
  });

  it('cacheEntry() is the context of the load; rejections pass unchanged; invalidation and closing take effect', async () => {
    const { of } = await (await build()).run('both/methods');
    expect(of('context')).toEqual({ value: '7 context:7 miss', outside: 'uncached' });
    expect(of('rejection')).toEqual({ same: true });
    expect(of('invalidation')).toEqual({ saved: 'saved 1', again: { id: 1, tenant: 'acme', more: 1 }, calls: 1 });
    expect(of('closed')).toEqual({ ...once({ id: 99, tenant: 'acme', more: 1 }), calls: 2 });
  });

  it('a decorated method looks like the method, and publishes what it is', async () => {
    const { of } = await (await build()).run('both/methods');
    expect(of('looks')).toEqual({ product: ['product', 1], find: ['find', 1], symbol: '[find]', prototype: false });
    const common = { placement: 'instance', cache: 'default' };
    expect(of('published')).toEqual({
      product: {
        ...common,
        role: 'cached',
        name: 'product',
        useCase: 'Products.product',
        key: 'product:{this.tenant}:{id}',
        tags: ['products', 'product:{id}'],
      },
      static: {
        ...common,
        role: 'cached',
        name: 'find',
        placement: 'static',
        useCase: 'static Products.find',
        key: 'static Products.find(…)',
        tags: [],
      },
      symbol: {
        ...common,
        role: 'cached',
        name: 'a symbol',
        useCase: 'Products.[find]',
        key: 'Products.[find](…)',
        tags: [],
      },
      save: {
        ...common,
        role: 'invalidates',
        name: 'save',
        useCase: 'Products.save',
        tags: ['product:{product.id}'],
      },
    });
  });

  it('stacked decorators are one policy, above and below decorators of others too', async () => {
    const { of } = await (await build()).run('both/stacks');
    expect(of('all')).toEqual({ ...once(1), logged: [] });
    expect(of('above')).toEqual({ ...once(1), logged: ['above', 'above'] });
    expect(of('below')).toEqual({ ...once(1), logged: ['below'] });
    expect(of('keyless')).toEqual({ ...once(1), logged: ['above without a key', 'above without a key'] });
    expect(of('info')).toMatchObject({
      all: { role: 'cached', useCase: 'Stacked.all', key: 'stack:{id}', tags: ['stack'] },
      save: { role: 'invalidates', tags: ['one:{id}', 'two:{id}'] },
    });
    expect(of('both invalidations')).toEqual({ left: [false, false] });
  });

  it('what cannot work is refused where the class is defined', async () => {
    const { of } = await (await build()).run('both/stacks');
    const code = 'INVALID_DECORATION';
    const contradiction = `ConfigurationError: @Cached and @Early on \`${member('Contradictory', 'find')}\` contradict each other in \`ttl\`: \`'5m'\` (string) and \`'10m'\` (string)`;
    expect(of('contradiction')).toEqual({ refused: { code, message: contradiction } });
    expect(of('cached and invalidating')).toEqual({
      above: { code, message: expect.stringContaining(`cannot both stand on \`${member('Above', 'find')}\``) },
      below: { code, message: expect.stringContaining(`cannot both stand on \`${member('Below', 'find')}\``) },
    });
    expect(of('unknown placeholder')).toMatchObject({ refused: { code: 'INVALID_KEY_TEMPLATE' } });
  });

  it('a class without a name works with a warning, a chosen use case without', async () => {
    const { of, all } = await (await build()).run('both/names');
    expect(of('unnamed')).toEqual(once(1));
    expect(of('chosen')).toEqual({ ...once(1), useCase: 'a stable name' });
    const warnings = all.filter(({ name }) => name === 'warning');
    expect(warnings).toMatchObject([{ code: 'KEEPSAKE_DOUBTFUL_NAME' }]);
  });
});

describe('legacy mode only', () => {
  const build = TSC_LEGACY;

  it('with reflect-metadata, metadata of the method is kept and ours is added', async () => {
    const { of } = await (await build()).run('legacy/metadata');
    for (const name of ['above', 'below'] as const) {
      expect(of(name)).toEqual({
        onFunction: name,
        marked: name,
        onMember: name,
        parameters: ['Number'],
        returns: 'Promise',
        ours: expect.objectContaining({ role: 'cached', useCase: `Products.${name}`, name }),
        oursOnMember: true,
      });
    }
    expect(of('save')).toMatchObject({
      onFunction: 'invalidating',
      ours: { role: 'invalidates', placement: 'static', useCase: 'static Products.save' },
      oursOnMember: true,
    });
    expect(of('synchronous')).toEqual({
      message: 'ConfigurationError: @Cached decorates asynchronous methods, not a synchronous one (`find`)',
    });
  });

  it('a decorator of others between ours is refused where the class is defined', async () => {
    const { of } = await (await build()).run('legacy/separated');
    expect(of('separated')['message']).toContain('@Early and @Cached on `Separated.find` are separated');
    expect(of('mixed')['message']).toContain('cannot both stand on `Mixed.find`');
  });
});

describe.each([
  ['', TSC_STANDARD],
  [', target es2017', TSC_STANDARD_2017],
] as const)('standard mode only%s', (_target, build) => {
  it('private methods are cached, static ones too', async () => {
    const { of, all } = await (await build()).run('standard/private');
    expect(of('private')).toEqual(once('secret 1'));
    expect(of('private without a key')).toEqual({ ...once('instance 1'), calls: 2 });
    expect(of('private invalidation')).toEqual({ value: 'secret 1', calls: 3 });
    expect(of('looks')).toEqual({ method: '#secret', length: 1 });
    expect(of('private static')).toEqual(once('static 1'));
    const warnings = all.filter(({ name }) => name === 'warning');
    expect(warnings).toMatchObject([
      { code: 'KEEPSAKE_DOUBTFUL_NAME', message: expect.stringContaining('`Sub.#hidden`') },
    ]);
  });

  it('with Symbol.metadata, ours are listed in the metadata of the class', async () => {
    const { of } = await (await build()).run('standard/metadata');
    expect(of('listed')).toEqual({
      products: [
        { role: 'cached', placement: 'static', name: 'find', useCase: 'static Products.find' },
        { role: 'cached', placement: 'instance', name: 'find', useCase: 'find' },
        { role: 'invalidates', placement: 'instance', name: 'save', useCase: 'save' },
        // Called on an object of a class that extends this one.
        { role: 'cached', placement: 'instance', name: '#hidden', useCase: 'Products.#hidden' },
      ],
      books: [{ role: 'cached', placement: 'instance', name: 'book', useCase: 'book' }],
    });
    expect(of('separated')['message']).toContain('@Early and @Cached on `find` are separated');
  });

  it('without Symbol.metadata, a decorator of others between ours is warned of', async () => {
    const { of, all } = await (await build()).run('standard/separated');
    expect(of('separated')).toEqual(once(1));
    expect(all.filter(({ name }) => name === 'warning')).toMatchObject([{ code: 'KEEPSAKE_SEPARATED' }]);
  });
});

describe.each<[title: string, compile: () => Promise<Compiled>]>([
  ['esbuild, legacy', () => compileWithEsbuild('legacy', 'minified')],
  ['esbuild, standard', () => compileWithEsbuild('standard', 'minified')],
  ['SWC, legacy', () => compileWithSwc('legacy', 'minified')],
  ['SWC, standard', () => compileWithSwc('standard', 'minified')],
])('minified by %s', (title, compile) => {
  const build = builds.of(`minified by ${title}`, compile);

  it('`params` and `useCase` make methods independent of the names a minifier changes', async () => {
    const { of } = await (await build()).run('both/minified');
    expect(of('template')).toEqual(once(1));
    expect(of('invalidated')).toEqual({ value: 1, calls: 2 });
    expect(of('without a key')).toEqual({ ...once(1), calls: 3 });
    expect(of('names')).toEqual({ product: 'products.product', find: 'products.find' });
  });

  it('nothing else depends on them silently: a lost parameter is an error, a lost class name a warning', async () => {
    const { of, all } = await (await build()).run('both/minified');
    expect(of('renamed parameter')['message']).toContain('name the parameters with `params`');
    expect(of('doubtful')).toEqual({ ...once(1), calls: 4 });
    expect(all.filter(({ name }) => name === 'warning')).toMatchObject([{ code: 'KEEPSAKE_DOUBTFUL_NAME' }]);
  });
});

describe.each(['legacy', 'standard'] as const)('mistakes, %s', (mode) => {
  it('are refused by the compiler, on their lines and nowhere else', async () => {
    const { found, marked } = await findMistakes(mode);
    expect(marked.length).toBeGreaterThan(15);
    expect(found).toEqual(marked);
  });
});
