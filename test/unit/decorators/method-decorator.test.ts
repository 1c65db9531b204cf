import { describe, expect, it } from 'vitest';
import { Cached } from '../../../src/decorators/cached.js';
import { Early } from '../../../src/decorators/early.js';
import { Failover } from '../../../src/decorators/failover.js';
import { InvalidateTags } from '../../../src/decorators/invalidate-tags.js';
import { ConfigurationError } from '../../../src/errors.js';
import { applyLegacy, refusal } from './support.js';

const DECORATORS = [
  ['@Cached', Cached({ ttl: '1m' })],
  ['@Early', Early({ ttl: '1m' })],
  ['@Failover', Failover({ ttl: '1m' })],
  ['@InvalidateTags', InvalidateTags('tag')],
] as const;

/** What a decorator is called with in standard mode. */
function standardContext(kind: string, name: string | symbol): object {
  return { kind, name, static: false, private: false, addInitializer: () => undefined, access: {} };
}

describe.each(DECORATORS)('%s at run time, where no compiler looked', (label, decorator) => {
  const apply = (...given: readonly unknown[]): unknown => refusal(() => Reflect.apply(decorator, undefined, given));
  const method = async (): Promise<number> => 1;

  it.each([
    ['a class', [class Products {}, standardContext('class', 'Products')]],
    ['a getter', [() => method, standardContext('getter', 'find')]],
    ['a setter', [() => undefined, standardContext('setter', 'find')]],
    ['an accessor', [{ get: () => method }, standardContext('accessor', 'find')]],
    ['a field', [undefined, standardContext('field', 'find')]],
  ])('refuses %s in standard mode', (what, given) => {
    const error = apply(...given);
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error).toMatchObject({ code: 'INVALID_DECORATION' });
    expect(String(error)).toContain(`${label} decorates asynchronous methods, not ${what}`);
  });

  it.each([
    ['a class', [class Products {}]],
    ['a parameter', [{}, 'find', 0]],
    ['a field', [{}, 'find', undefined]],
    ['a field', [{}, 'find', { value: 42 }]],
    ['an accessor', [{}, 'find', { get: () => method, set: undefined }]],
  ])('refuses %s in legacy mode', (what, given) => {
    const error = apply(...given);
    expect(error).toMatchObject({ code: 'INVALID_DECORATION' });
    expect(String(error)).toContain(`${label} decorates asynchronous methods, not ${what}`);
  });

  it.each([
    [
      'a generator',
      function* find(): Generator {
        yield 1;
      },
    ],
    [
      'an asynchronous generator',
      async function* find(): AsyncGenerator {
        yield 1;
      },
    ],
  ])('refuses %s in both modes', (_what, generator) => {
    expect(apply(generator, standardContext('method', 'find'))).toMatchObject({ code: 'INVALID_DECORATION' });
    expect(apply({}, 'find', { value: generator })).toMatchObject({ code: 'INVALID_DECORATION' });
  });
});

describe('a decorator without its parentheses', () => {
  it.each([
    ['@Cached', Cached],
    ['@Early', Early],
    ['@Failover', Failover],
    ['@InvalidateTags', InvalidateTags],
  ])('%s is refused in both modes instead of replacing the method', (label, factory) => {
    const apply = (...given: readonly unknown[]): unknown =>
      refusal(() => Reflect.apply(factory as () => unknown, undefined, given));
    const method = async (): Promise<number> => 1;
    for (const error of [
      apply(method, standardContext('method', 'find')),
      apply({}, 'find', { value: method, configurable: true }),
    ]) {
      expect(error).toMatchObject({ code: 'INVALID_DECORATION' });
      expect(String(error)).toContain(`${label} is written with parentheses`);
    }
  });
});

describe('what a decorator is given', () => {
  it.each<[string, () => unknown, RegExp]>([
    ['an unknown option', () => Cached({ ttl: '1m', tll: 1 } as never), /Unknown option `tll`.*did you mean `ttl`/],
    [
      'a bad duration',
      () => Cached('k', { ttl: -5 }),
      /Expected `ttl` to be a positive duration.*got `-5` \(number\), in @Cached on /,
    ],
    ['no object', () => Cached('k', 'oops' as never), /Expected `options` to be an object/],
    ['null', () => Cached(null as never), /Expected `options` to be an object/],
    ['two keys', () => Cached('k', { key: 'l' } as never), /Expected `key` to be given once/],
    [
      'a key of another kind',
      () => Cached({ key: 42 } as never),
      /Expected `key` to be a template or a function, got `42`/,
    ],
    ['an empty cache name', () => Cached({ cache: '' }), /Expected `cache` to be a non-empty text/],
    ['a lifetime that nothing is earlier than', () => Early({ ttl: Infinity }), /Expected `earlyTtl` to be a duration/],
    ['ignoreArgs beside a key', () => Cached('k', { ignoreArgs: [0] }), /`ignoreArgs` only without `key`/],
    ['a tag with an unknown placeholder', () => Cached('k', { tags: ['t:{nothing}'] }), /`{nothing}`/],
    ['no tags', () => InvalidateTags({ tags: [] }), /Expected `tags` to be at least one tag/],
    [
      'nothing to invalidate',
      () => Reflect.apply(InvalidateTags, undefined, []),
      /Expected `tags` to be at least one tag/,
    ],
    [
      'an option of another',
      () => InvalidateTags({ tags: ['t'], ttl: 1 } as never),
      /Expected `ttl` to be one of tags, stale/,
    ],
    [
      'a stale that is no boolean',
      () => InvalidateTags({ tags: ['t'], stale: 1 } as never),
      /Expected `stale` to be true or false/,
    ],
    ['an invalidated tag with an unknown placeholder', () => InvalidateTags('t:{nothing}'), /`{nothing}`/],
  ])('%s is refused where the class is defined', (_what, make, message) => {
    class Products {
      async find(id: number): Promise<number> {
        return id;
      }
    }
    const error = refusal(() => applyLegacy(Products.prototype, 'find', make() as never));
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(String(error)).toMatch(message);
  });

  it('INVARIANT 24: options objects are never changed', () => {
    const options = Object.freeze({ ttl: '1m', tags: Object.freeze(['t']), args: Object.freeze({ id: String }) });
    class Products {
      async find(id: number): Promise<number> {
        return id;
      }
      async save(id: number): Promise<number> {
        return id;
      }
    }
    applyLegacy(Products.prototype, 'find', Cached('frozen:{id}', options), Failover(Object.freeze({})));
    applyLegacy(Products.prototype, 'save', InvalidateTags(Object.freeze({ tags: Object.freeze(['t:{id}']) })));
    expect(options).toEqual({ ttl: '1m', tags: ['t'], args: { id: String } });
  });
});
