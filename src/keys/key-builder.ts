/** Key builders: from a call of one method to its key and its tags. Everything that can be decided at definition is. */
import { ConfigurationError, KeepsakeError, KeyError } from '../errors.js';
import { type ArgumentAdapters, compileAdapters, compileIgnored } from './argument-selection.js';
import { digest } from './digest.js';
import { encodeArguments } from './encode.js';
import { escapeBefore } from './escape.js';
import { type AnyFunction, namedParameters } from './parameters.js';
import { compilePart, compileTemplate } from './template.js';
import { validateKey } from './validate-key.js';

/** Longest encoding of arguments, in characters, that stands in a key as it is; longer ones are hashed. */
export const MAX_READABLE_ARGUMENTS = 200;

/** What keys and tags of one method are built with. */
export interface NamingOptions {
  /** Stable name of the method. */
  readonly useCase: string;
  /** The method as written, before it is wrapped; undefined when there is none: then placeholders are positions, or named by `params`. */
  readonly fn: AnyFunction | undefined;
  /** Names of the parameters from the first on; those in the source text by default. Needed where a minifier renames them. */
  readonly params?: readonly string[] | undefined;
  /** By parameter or position: what an argument becomes before it is used in a key or tag. Not called for undefined and null. */
  readonly args?: ArgumentAdapters | undefined;
}

export interface KeyOptions extends NamingOptions {
  /** A key template, or a function of `this` and the arguments as they are, without `args`. Default: the use case and all arguments. */
  readonly key?: string | ((...args: never[]) => string) | undefined;
  /** Parameters or positions that do not belong to the key; without `key` only. */
  readonly ignoreArgs?: readonly (string | number)[] | undefined;
}

export interface KeyBuilder {
  /** What the keys look like, for people: the template, or `Products.find(…)`. */
  readonly source: string;
  /** Equal for two definitions that build keys by the same template. */
  readonly identity: string;
  /**
   * The key of one call.
   *
   * @throws KeyError; the caller then runs the method without the cache.
   */
  build(self: unknown, args: readonly unknown[]): string;
}

export interface TagBuilder {
  /** The templates as written. */
  readonly sources: readonly string[];
  /**
   * The tags of one call, without repetitions.
   *
   * @throws KeyError as for keys.
   */
  build(self: unknown, args: readonly unknown[]): readonly string[];
}

/**
 * The builder of a method's keys.
 *
 * @throws ConfigurationError `INVALID_KEY_TEMPLATE`, or `INVALID_POLICY` for `params`, `args` and `ignoreArgs` that fit no parameter
 *   and for options that contradict each other.
 * @example createKeyBuilder({ key: 'product:{id}', useCase: 'Products.find', fn }).build(products, [42]) // 'product:42'
 */
export function createKeyBuilder(options: KeyOptions): KeyBuilder {
  const { key, useCase } = options;
  if (key !== undefined && options.ignoreArgs !== undefined) {
    const expectation = '`ignoreArgs` only without `key`: a key takes what it names and nothing else';
    throw new ConfigurationError('INVALID_POLICY', `Expected ${useCase} to have ${expectation}`);
  }
  if (typeof key === 'function') return functionBuilder(useCase, key);
  return key === undefined ? argumentsBuilder(options) : templateBuilder(options, key);
}

/**
 * The builder of a method's tags: templates with the placeholders and escaping of keys.
 *
 * @throws ConfigurationError as for keys.
 */
export function createTagBuilder(templates: readonly string[], options: NamingOptions): TagBuilder {
  const { useCase } = options;
  const parameters = namedParameters(options.fn, options.params, useCase);
  const adapt = compileAdapters(options.args, parameters, useCase);
  const compiled = templates.map((template) => compileTemplate(template, parameters, `tag of ${useCase}`));
  const constant = compiled.every(({ placeholders }) => placeholders.length === 0);
  const render = (self: unknown, args: readonly unknown[]): readonly string[] => {
    const adapted = adapt(args);
    const tags = compiled.map((template) =>
      notEmpty(template.render(self, adapted), template.source, `tag of ${useCase}`),
    );
    return tags.length > 1 ? [...new Set(tags)] : tags;
  };
  const always = constant ? Object.freeze(render(undefined, [])) : undefined;
  return { sources: [...templates], build: always === undefined ? render : () => always };
}

/**
 * The builder of a method's entity: its type is a text, the parts of its id are templates of one placeholder each.
 *
 * @param tagOf the tag of an entity, of its type and the texts of its id
 * @throws ConfigurationError as for keys.
 */
export function createEntityBuilder(
  [type, ...id]: readonly [type: string, ...id: unknown[]],
  options: NamingOptions,
  tagOf: (type: string, id: readonly string[]) => string,
): TagBuilder {
  const { useCase } = options;
  const parameters = namedParameters(options.fn, options.params, useCase);
  const adapt = compileAdapters(options.args, parameters, useCase);
  const parts = id.map((part) => compilePart(String(part), parameters, `entity of ${useCase}`));
  return {
    sources: [[type, ...id].map(String).join(' ')],
    build(self, args) {
      const adapted = adapt(args);
      return [
        tagOf(
          type,
          parts.map((part) => part(self, adapted)),
        ),
      ];
    },
  };
}

/** Several builders as one. */
export function joinTagBuilders(builders: readonly TagBuilder[]): TagBuilder | undefined {
  if (builders.length < 2) return builders[0];
  return {
    sources: builders.flatMap(({ sources }) => sources),
    build: (self, args) => builders.flatMap((builder) => builder.build(self, args)),
  };
}

function templateBuilder(options: KeyOptions, key: string): KeyBuilder {
  const { useCase } = options;
  const parameters = namedParameters(options.fn, options.params, useCase);
  const adapt = compileAdapters(options.args, parameters, useCase);
  const template = compileTemplate(key, parameters, `key of ${useCase}`);
  return {
    source: key,
    identity: `template ${key}`,
    build: (self, args) => notEmpty(template.render(self, adapt(args)), key, `key of ${useCase}`),
  };
}

/**
 * Keys without a template: `Products.find(42,"x")`. No value of a template can forge one, since values have their `(` escaped, and
 * none belongs to two use cases, since their names have it escaped too.
 */
function argumentsBuilder(options: KeyOptions): KeyBuilder {
  const { useCase } = options;
  const parameters = namedParameters(options.fn, options.params, useCase);
  const adapt = compileAdapters(options.args, parameters, useCase);
  const select = compileIgnored(options.ignoreArgs, parameters, useCase);
  const head = `${escapeBefore('(')(useCase)}(`;
  return {
    source: `${useCase}(…)`,
    identity: `arguments of ${useCase}`,
    build(_self, args) {
      const encoded = encodeArguments(select(adapt(args)), useCase);
      // No encoding begins with `~`, so a hash is never taken for arguments.
      return `${head}${encoded.length > MAX_READABLE_ARGUMENTS ? `~${digest(encoded)}` : encoded})`;
    },
  };
}

function functionBuilder(useCase: string, key: AnyFunction): KeyBuilder {
  return {
    source: `${useCase}: ${key.name === '' ? 'a function' : key.name}`,
    identity: `function of ${useCase}`,
    build(self, args) {
      const built = callKeyFunction(useCase, key, self, args);
      validateKey(built, `key of ${useCase}`);
      return built;
    },
  };
}

function callKeyFunction(useCase: string, key: AnyFunction, self: unknown, args: readonly unknown[]): unknown {
  try {
    return Reflect.apply(key, self, args);
  } catch (cause) {
    if (cause instanceof KeepsakeError) throw cause;
    throw new KeyError('INVALID_KEY', `Expected the key function of ${useCase} to return a key, but it threw`, {
      cause,
    });
  }
}

function notEmpty(text: string, template: string, subject: string): string {
  if (text !== '') return text;
  throw new KeyError('INVALID_KEY', `Expected \`${template}\` (${subject}) to make a non-empty text, got an empty one`);
}
