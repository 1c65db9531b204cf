import { describe, expect, it } from 'vitest';
import { ConfigurationError, KeyError } from '../../../src/errors.js';
import {
  createKeyBuilder,
  createTagBuilder,
  type KeyOptions,
  MAX_READABLE_ARGUMENTS,
} from '../../../src/keys/key-builder.js';
import { validateKey } from '../../../src/keys/validate-key.js';

function find(id: unknown, page?: unknown, signal?: unknown): unknown {
  return [id, page, signal];
}

function collect(first: unknown, ...further: readonly unknown[]): unknown {
  return [first, further];
}

const useCase = 'Users.find';

function builder(options: Partial<KeyOptions> = {}) {
  return createKeyBuilder({ useCase, fn: find, ...options });
}

function build(options: Partial<KeyOptions>, ...args: readonly unknown[]): string {
  return builder(options).build({ tenant: 'acme' }, args);
}

function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof ConfigurationError || error instanceof KeyError) return `${error.name} ${error.code}`;
    throw error;
  }
  return 'no error';
}

describe('keys with a template', () => {
  it('render arguments and this', () => {
    expect(build({ key: '{this.tenant}:user:{id}:{page=1}' }, 7)).toBe('acme:user:7:1');
  });

  it('convert arguments by `args`, but never a missing one', () => {
    const args = { page: String, 0: (id: { n: number }) => id.n };
    expect(build({ key: 'u:{id}:{page=none}', args }, { n: 3 })).toBe('u:3:none');
    expect(codeOf(() => build({ key: 'u:{page}', args: { page: String } }, 1, undefined))).toBe(
      'KeyError MISSING_KEY_VALUE',
    );
  });

  it('leave the arguments themselves alone', () => {
    const args = Object.freeze([1, 2]);
    expect(builder({ key: 'u:{id}', args: { id: (id: number) => id + 1 } }).build(undefined, args)).toBe('u:2');
    expect(args).toEqual([1, 2]);
  });

  it('take names from `params`', () => {
    expect(build({ key: 'u:{user}', params: ['user'] }, 1)).toBe('u:1');
    expect(build({ key: 'u:{user}', params: ['user'], fn: undefined }, 1)).toBe('u:1');
  });

  it('are never empty', () => {
    expect(codeOf(() => build({ key: '{id}' }, ''))).toBe('KeyError INVALID_KEY');
  });

  it('have a source and an identity that only the same template shares', () => {
    const one = builder({ key: 'u:{id}' });
    expect(one.source).toBe('u:{id}');
    expect(createKeyBuilder({ key: 'u:{id}', useCase: 'B.c', fn: find }).identity).toBe(one.identity);
    const others = [
      builder({ key: 'u:{page}' }),
      builder(),
      builder({ key: () => 'x' }),
      builder({ useCase: 'u:{id}' }),
    ];
    expect(new Set([one, ...others].map(({ identity }) => identity)).size).toBe(5);
  });
});

describe('keys without a template', () => {
  it('are the use case and all arguments', () => {
    expect(build({}, 42, 'x')).toBe('Users.find(42,"x")');
    expect(build({})).toBe('Users.find()');
    expect(builder().source).toBe('Users.find(…)');
  });

  it('keep trailing undefined arguments apart: a method can tell them apart', () => {
    expect(build({}, 1)).not.toBe(build({}, 1, undefined));
  });

  it('hash arguments that are too long to read', () => {
    const fits = 'x'.repeat(MAX_READABLE_ARGUMENTS - 2);
    expect(build({}, fits)).toBe(`Users.find("${fits}")`);
    expect(build({}, `${fits}x`)).toMatch(/^Users\.find\(~[\w-]{43}\)$/);
    expect(build({}, `${fits}x`)).not.toBe(build({}, `${fits}y`));
  });

  it('INVARIANT 21: use cases never collide, whatever they are called', () => {
    const keys = ['A.b', 'A.b(', 'A.b(1', 'A.b%28', 'A:b', 'A%3Ab', 'A.b\0'].map((name) => build({ useCase: name }, 1));
    expect(new Set(keys).size).toBe(keys.length);
    expect(build({ useCase: 'A(1' }, 1)).toBe('A%281(1)');
  });

  it('INVARIANT 22: no value of a template can forge one', () => {
    const victim = build({}, 42);
    expect(build({ key: '{id}' }, victim)).not.toBe(victim);
    expect(build({ key: '{id}.{page}' }, 'Users', 'find(42)')).not.toBe(victim);
  });

  it('leave out ignored arguments, by name or position', () => {
    const signal = new AbortController().signal;
    expect(build({ ignoreArgs: ['signal'] }, 1, 2, signal)).toBe(build({ ignoreArgs: [2] }, 1, 2));
    expect(build({ ignoreArgs: ['id'] }, 1, 2)).toBe('Users.find(2)');
    expect(build({ fn: collect, ignoreArgs: ['further'] }, 1, 2, 3)).toBe('Users.find(1)');
    expect(build({ fn: collect, ignoreArgs: [1] }, 1, 2, 3)).toBe('Users.find(1,3)');
  });

  it('convert arguments by `args`', () => {
    expect(build({ args: { id: String } }, 1, 2)).toBe('Users.find("1",2)');
    expect(build({ args: { page: String } }, 1)).toBe('Users.find(1)');
    expect(build({ args: { id: String } }, undefined)).toBe('Users.find(undefined)');
  });

  it('name the argument that has no canonical form', () => {
    expect(() => build({}, 1, () => 1)).toThrow(/Expected argument 1 of Users\.find to have a canonical form/);
  });
});

describe('key functions', () => {
  it('get this and the arguments', () => {
    const key = function (this: { tenant: string }, id: number) {
      return `${this.tenant}/${id}`;
    };
    expect(build({ key }, 5)).toBe('acme/5');
  });

  it('get the arguments as they are: `args` and `params` are for tags', () => {
    expect(build({ key: (id: number) => typeof id, args: { id: String }, params: ['id'] }, 5)).toBe('number');
  });

  it.each([
    ['an empty key', () => ''],
    ['no string', () => undefined as unknown as string],
    ['NUL', () => 'a\0'],
    ['a lone surrogate', () => 'a\uD800'],
  ])('that return %s are refused', (_kind, key) => {
    expect(codeOf(() => build({ key }))).toBe('KeyError INVALID_KEY');
  });

  it('that throw keep the cause', () => {
    const cause = new Error('boom');
    const key = (): string => {
      throw cause;
    };
    expect(() => build({ key })).toThrow(expect.objectContaining({ code: 'INVALID_KEY', cause }));
  });
});

describe('bad options are refused at definition', () => {
  it.each([
    ['an unknown ignored name', { ignoreArgs: ['pages'] }],
    ['an ignored position that does not exist', { ignoreArgs: [3] }],
    ['a negative position', { ignoreArgs: [-1] }],
    ['ignoreArgs beside a key', { key: 'u:{id}', ignoreArgs: ['page'] }],
    ['an unknown adapter', { args: { pages: String } }],
    ['an adapter that is no function', { args: { page: 'String' as unknown as () => string } }],
    ['an adapter of a rest parameter', { fn: collect, args: { further: String } }],
    ['ignoreArgs that is no list', { ignoreArgs: 'page' as unknown as string[] }],
    ['params that are no names', { params: ['a b'] }],
  ] satisfies [string, Partial<KeyOptions>][])('%s', (_kind, options) => {
    expect(codeOf(() => builder(options))).toBe('ConfigurationError INVALID_POLICY');
  });

  it('naming the parameters that exist', () => {
    expect(() => builder({ ignoreArgs: ['pages'] })).toThrow(
      'Expected `ignoreArgs` of Users.find to name parameters (`id`, `page`, `signal`) or positions, got `pages`',
    );
  });

  it('with templates of keys and tags', () => {
    expect(codeOf(() => builder({ key: 'u:{ids}' }))).toBe('ConfigurationError INVALID_KEY_TEMPLATE');
    expect(codeOf(() => createTagBuilder(['u:{ids}'], { useCase, fn: find }))).toBe(
      'ConfigurationError INVALID_KEY_TEMPLATE',
    );
    expect(() => createTagBuilder([''], { useCase, fn: find })).toThrow(/tag of Users\.find/);
  });

  it('adapters that throw fail the call, not the definition', () => {
    const cause = new Error('boom');
    const args = {
      id: () => {
        throw cause;
      },
    };
    expect(() => build({ args }, 1)).toThrow(expect.objectContaining({ code: 'UNSUPPORTED_ARGUMENT', cause }));
  });
});

describe('tags', () => {
  const tags = (templates: readonly string[], ...args: readonly unknown[]): readonly string[] =>
    createTagBuilder(templates, { useCase, fn: find, args: { page: String } }).build({ tenant: 'a:b' }, args);

  it('render with the placeholders, adapters and escaping of keys', () => {
    expect(tags(['users', 'user:{id}', '{this.tenant}:{page}'], 1, 2)).toEqual(['users', 'user:1', 'a%3Ab:2']);
  });

  it('do not repeat', () => {
    expect(tags(['user:{id}', 'user:{page}'], '1', 1)).toEqual(['user:1']);
  });

  it('without placeholders are the same for every call', () => {
    const constant = createTagBuilder(['users', 'all'], { useCase, fn: undefined });
    expect(constant.build(undefined, [])).toEqual(['users', 'all']);
    expect(constant.sources).toEqual(['users', 'all']);
    expect(Object.isFrozen(constant.build(undefined, [1]))).toBe(true);
  });

  it('fail like keys when a value is missing or empty', () => {
    expect(codeOf(() => tags(['user:{id}']))).toBe('KeyError MISSING_KEY_VALUE');
    expect(codeOf(() => tags(['{id}'], ''))).toBe('KeyError INVALID_KEY');
  });
});

describe('INVARIANT 22: keys given by hand', () => {
  it.each(['a', "%_\\':{}", '__proto__', 'ünï😀', 'x'.repeat(1_048_576)])('%.20s is a key', (key) => {
    expect(() => validateKey(key)).not.toThrow();
  });

  it.each([
    ['', 'Expected `key` to be a non-empty string, got `` (string)'],
    [undefined, 'Expected `key` to be a non-empty string, got `undefined` (undefined)'],
    [42, 'Expected `key` to be a non-empty string, got `42` (number)'],
    [{}, 'Expected `key` to be a non-empty string, got an object'],
    ['a\0b', 'Expected `key` to be a string without NUL characters, got `a\\0b` (string)'],
    ['a\uDC00', 'Expected `key` to be well-formed text without lone surrogates, got `a\uFFFD` (string)'],
    [
      `${'k'.repeat(200)}\0`,
      `Expected \`key\` to be a string without NUL characters, got \`${'k'.repeat(80)}…\` (string)`,
    ],
  ])('%j is refused', (key, message) => {
    expect(() => validateKey(key)).toThrow(expect.objectContaining({ code: 'INVALID_KEY', message }));
  });
});
