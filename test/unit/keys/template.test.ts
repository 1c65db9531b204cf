import { createContext, runInContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { ConfigurationError, KeyError } from '../../../src/errors.js';
import { escapeKeyPart } from '../../../src/keys/escape.js';
import type { ParameterNames } from '../../../src/keys/parameters.js';
import { compileTemplate } from '../../../src/keys/template.js';

const parameters: ParameterNames = { names: ['id', 'user', undefined, 'page'], tail: 'none' };

function compile(template: string, names: ParameterNames | undefined = parameters) {
  return compileTemplate(template, names, 'key of Users.find');
}

function render(template: string, args: readonly unknown[], self?: unknown): string {
  return compile(template).render(self, args);
}

function errorOf(act: () => unknown): { name: string; code: string; message: string; cause: unknown } {
  try {
    act();
  } catch (error) {
    if (error instanceof ConfigurationError || error instanceof KeyError) {
      return { name: error.name, code: error.code, message: error.message, cause: error.cause };
    }
    throw error;
  }
  throw new Error('Expected an error');
}

describe('placeholders', () => {
  it('take parameters by name and by position', () => {
    expect(render('user:{id}', [42])).toBe('user:42');
    expect(render('user:{0}:{3}', [42, 1, 2, 3])).toBe('user:42:3');
  });

  it('walk paths from a parameter, a position and this', () => {
    expect(render('{user.address.city}', [1, { address: { city: 'Ulm' } }])).toBe('Ulm');
    expect(render('{1.tags.0}', [1, { tags: ['x'] }])).toBe('x');
    expect(render('{1.accept-language}', [1, { 'accept-language': 'de' }])).toBe('de');
    expect(render('{this.tenant}:{id}', [7], { tenant: 'acme' })).toBe('acme:7');
  });

  it('take all further arguments for a rest parameter, and single ones by position', () => {
    const rest: ParameterNames = { names: ['first', 'ids'], tail: 'rest' };
    const template = compile('{ids.length}:{ids.1}:{5=none}', rest);
    expect(template.render(undefined, ['a', 'b', 'c'])).toBe('2:c:none');
    expect(compile('{ids:hash}', rest).render(undefined, ['a', 'b'])).not.toBe(
      compile('{ids:hash}', rest).render(undefined, ['a', 'b', 'c']),
    );
  });

  it('use the default for undefined and null, at any step of a path', () => {
    expect(render('list:{page=1}', [])).toBe('list:1');
    expect(render('list:{page=1}', [0, 0, 0, null])).toBe('list:1');
    expect(render('list:{page=1}', [0, 0, 0, 2])).toBe('list:2');
    expect(render('list:{page=1}', [0, 0, 0, 0])).toBe('list:0');
    expect(render('{user.address.city=nowhere}', [0, { address: null }])).toBe('nowhere');
    expect(render('q:{id=}', [])).toBe('q:');
    expect(render('at:{id=12:30}', [])).toBe('at:12%3A30');
  });

  it('are listed with the template', () => {
    const template = compile('{{x}}:{id}:{user.name:lower=anon}');
    expect(template.placeholders).toEqual(['id', 'user.name:lower=anon']);
    expect(template.source).toBe('{{x}}:{id}:{user.name:lower=anon}');
    expect(compile('all').render(undefined, [])).toBe('all');
  });

  it('leave doubled braces as literal ones', () => {
    expect(render('{{{id}}}:{{id}}', [1])).toBe('{1}:{id}');
    expect(render('{id}}}', [1])).toBe('1}');
  });
});

describe('formatters', () => {
  it('hash any encodable value canonically, in 43 characters', () => {
    const one = render('{id:hash}', [{ b: 1, a: new Set([1, 2]) }]);
    expect(one).toMatch(/^[\w-]{43}$/);
    expect(render('{id:hash}', [{ a: new Set([2, 1]), b: 1 }])).toBe(one);
    expect(render('{id:hash}', [{ a: new Set([2, 1]), b: '1' }])).not.toBe(one);
    expect(render('{id:hash}', [-0])).not.toBe(render('{id:hash}', [0]));
  });

  it('change the case of the text, not of the default', () => {
    expect(render('{id:lower}:{3:upper=None}', ['ÄB'])).toBe('äb:None');
    expect(render('{id:lower}:{3:upper=None}', ['ÄB', 0, 0, 'x'])).toBe('äb:X');
  });

  it('escape what they return', () => {
    expect(render('{id:upper}A{page}', ['a:', 0, 0, 1])).toBe('%41%3AA1');
  });
});

describe('texts of values', () => {
  it.each([
    [1, '1'],
    [-0, '0'],
    [1e21, '1e+21'],
    [Number.NaN, 'NaN'],
    [Number.POSITIVE_INFINITY, 'Infinity'],
    [10n, '10'],
    [true, 'true'],
    ['', ''],
    ['naïve 😀', 'naïve 😀'],
    [new Date(0), '1970-01-01T00%3A00%3A00.000Z'],
    [{ toCacheKey: () => 'EUR:12' }, 'EUR%3A12'],
  ])('%s reads %s', (value, text) => {
    expect(render('{id}', [value])).toBe(text);
  });

  it('dates of another realm read like ours', () => {
    expect(render('{id}', [runInContext('new Date(0)', createContext())])).toBe('1970-01-01T00%3A00%3A00.000Z');
  });

  it.each([
    ['a plain object', {}],
    ['an array', [1]],
    ['a Map', new Map()],
    ['a function', () => 1],
    ['a symbol', Symbol('x')],
    ['an instance', new (class Money {})()],
    ['a boxed string', Object('x')],
    ['an invalid date', new Date(Number.NaN)],
    ['toCacheKey() that returns no string', { toCacheKey: () => 1 }],
  ])('%s has none: UNSUPPORTED_ARGUMENT', (_kind, value) => {
    const error = errorOf(() => render('user:{id}', [value]));
    expect(error).toMatchObject({ name: 'KeyError', code: 'UNSUPPORTED_ARGUMENT' });
    expect(error.message).toContain('`{id}` of `user:{id}` (key of Users.find)');
  });

  it('the error of an object says what to do', () => {
    const { message } = errorOf(() => render('{id}', [new (class Money {})()]));
    expect(message).toContain('got an instance of Money');
    for (const remedy of ['path', ':hash', 'toCacheKey', 'args', 'ignoreArgs']) expect(message).toContain(remedy);
  });

  it('a throwing toCacheKey() is kept as the cause', () => {
    const cause = new Error('boom');
    const value = {
      toCacheKey() {
        throw cause;
      },
    };
    expect(errorOf(() => render('{id}', [value])).cause).toBe(cause);
  });
});

describe('missing values', () => {
  it.each([
    ['{id}', []],
    ['{id}', [null]],
    ['{id:hash}', [undefined]],
    ['{user.name}', [1]],
    ['{user.name}', [1, {}]],
    ['{user.address.city}', [1, { address: null }]],
    ['{this.tenant}', []],
    ['{this}', []],
  ])('%s of %j throws MISSING_KEY_VALUE and never writes a text', (template, args) => {
    const error = errorOf(() => render(`x:${template}`, args));
    expect(error).toMatchObject({ name: 'KeyError', code: 'MISSING_KEY_VALUE' });
    expect(error.message).toContain(`\`${template}\` of \`x:${template}\` (key of Users.find)`);
  });

  it('a getter that throws is a KeyError with its cause', () => {
    const cause = new Error('not loaded');
    const user = {
      get name() {
        throw cause;
      },
    };
    expect(errorOf(() => render('{user.name}', [1, user]))).toMatchObject({ name: 'KeyError', cause });
  });
});

describe('properties', () => {
  class Base {
    get tenant() {
      return this.#tenant;
    }
    readonly #tenant = 'acme';
    method() {}
  }
  class Service extends Base {
    static region = 'eu';
    own = 1;
  }
  class Special extends Service {}

  it('are own ones, accessors of classes and inherited data', () => {
    expect(render('{this.tenant}:{this.own}', [], new Service())).toBe('acme:1');
    expect(render('{this.region}', [], Special)).toBe('eu');
    expect(render('{this.tenant}', [], Object.create({ tenant: 'x' }))).toBe('x');
    expect(render('{0.size}:{1.length}', [new Map([[1, 1]]), 'abc'])).toBe('1:3');
  });

  it.each(['constructor', '__proto__', 'toString', 'hasOwnProperty', 'method', 'constructor.name', '__proto__.tenant'])(
    '%s is found only where an object owns it',
    (path) => {
      expect(errorOf(() => render(`{this.${path}}`, [], new Service())).code).toBe('MISSING_KEY_VALUE');
    },
  );

  it('INVARIANT 22: own properties called __proto__ and constructor are data', () => {
    const value: unknown = JSON.parse('{"__proto__":"p","constructor":"c"}');
    expect(render('{0.__proto__}:{0.constructor}', [value])).toBe('p:c');
    expect(errorOf(() => render('{0.__proto__}', [Object.create(null)])).code).toBe('MISSING_KEY_VALUE');
  });
});

describe('bad templates are refused at definition', () => {
  it.each([
    ['', 'non-empty'],
    ['user:{id', 'balanced braces'],
    ['user:id}', 'balanced braces'],
    ['user:{{id}', 'balanced braces'],
    ['{a{id}}', 'balanced braces'],
    ['user:{}', '`{}`'],
    ['user:{ id }', '`{ id }`'],
    ['{user..id}', '`{user..id}`'],
    ['{user.#id}', '`{user.#id}`'],
    ['{user[0]}', '`{user[0]}`'],
    ['{id:}', 'among `hash`, `lower`, `upper`'],
    ['{id:sha1}', 'got `sha1`'],
    ['{page=1:lower}', '{page:lower=…}'],
    ['{id}{page}', 'text between `{id}` and `{page}`'],
    ['{id}%{page}', 'does not begin with `%`'],
    ['a\0{id}', 'NUL'],
    ['a\uD800{id}', 'well-formed'],
    ['{idd}', 'the parameters `id`, `user`, `page` or positions 0 to 3'],
    ['{4}', 'positions 0 to 3'],
  ])('%j', (template, part) => {
    const error = errorOf(() => compile(template));
    expect(error).toMatchObject({ name: 'ConfigurationError', code: 'INVALID_KEY_TEMPLATE' });
    expect(error.message).toContain('(key of Users.find)');
    expect(error.message).toContain(part);
  });

  it('positions are checked only where the number of parameters is known', () => {
    expect(compile('{9}', { names: ['a'], tail: 'rest' }).render(undefined, [...'abcdefghij'])).toBe('j');
    expect(compile('{1}', { names: ['a'], tail: 'open' }).render(undefined, ['a', 'b'])).toBe('b');
    expect(errorOf(() => compile('{0}', { names: [], tail: 'none' })).message).toContain('there are no parameters');
  });

  it('names are refused where none can be read, with the way out', () => {
    const { message } = errorOf(() => compileTemplate('{id}', undefined, 'key of X'));
    expect(message).toContain('`{0}`');
    expect(message).toContain('`params`');
    expect(compileTemplate('{0}', undefined, 'key of X').render(undefined, [1])).toBe('1');
  });
});

describe('INVARIANT 22: escaping', () => {
  it('keeps boundaries that no value can forge', () => {
    expect(render('{id}:{page}', ['a:b', 0, 0, 'c'])).not.toBe(render('{id}:{page}', ['a', 0, 0, 'b:c']));
    expect(render('{id}-{page}', ['a-b', 0, 0, 'c'])).toBe('a%2Db-c');
    expect(render('{id}-{page}', ['a', 0, 0, 'b-c'])).toBe('a-b-c');
    expect(render('{id}3{page}', [':', 0, 0, ''])).not.toBe(render('{id}3{page}', ['%', 0, 0, 'A3']));
    expect(render('{id}😀{page}', ['a😀b😁', 0, 0, 'c'])).toBe('a%uD83D%uDE00b😁😀c');
  });

  it('leaves no NUL, control character or lone surrogate in a key', () => {
    const key = render('{id}', ['\0\n\x7f\x85\uD800x\uDC00😀']);
    expect(key).toBe('%00%0A%7F%85%uD800x%uDC00😀');
    expect(key.isWellFormed()).toBe(true);
  });

  it.each(Array.from({ length: 0x100 }, (_, unit) => String.fromCharCode(unit)))(
    '%j alone is escaped or stays',
    (character) => {
      const isReserved = /[%:(\p{Cc}]/u.test(character);
      const code = character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0');
      expect(render('{id}', [character])).toBe(isReserved ? `%${code}` : character);
    },
  );

  it('leaves everything else readable', () => {
    expect(render('file:{id}', ['/home/Ünal/a b_c,d;e=f{g}.txt'])).toBe('file:/home/Ünal/a b_c,d;e=f{g}.txt');
    expect(render('{id}', ["'\\_%"])).toBe("'\\_%25");
  });

  it('takes values of one megabyte', () => {
    const long = 'ab:%'.repeat(262_144);
    expect(render('x:{id}', [long])).toHaveLength(2 + 262_144 * 8);
  });

  it('is the same for parts of keys written by hand', () => {
    const value = 'a:b-c%(\0';
    expect(`product:${escapeKeyPart(value)}`).toBe(render('product:{id}', [value]));
    expect(`${escapeKeyPart(value, '-')}-${escapeKeyPart(2)}`).toBe(render('{id}-{page}', [value, 0, 0, 2]));
    expect(errorOf(() => escapeKeyPart(undefined)).code).toBe('MISSING_KEY_VALUE');
    expect(errorOf(() => escapeKeyPart({})).code).toBe('UNSUPPORTED_ARGUMENT');
  });
});
