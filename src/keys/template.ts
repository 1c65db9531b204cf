/**
 * Key templates: `'product:{id}'` compiled once, when a class is defined, into a function from a call to its key.
 *
 * Keys are injective over the texts of the placeholders: no value can forge a boundary (see escape.ts). A value that is missing at
 * call time is an error, never the text `undefined`: whoever calls runs the method without the cache.
 */
import { KeyError } from '../errors.js';
import { digest } from './digest.js';
import { encodeValue } from './encode.js';
import { type Escape, escapeBefore } from './escape.js';
import type { ParameterNames } from './parameters.js';
import { readPath } from './property-path.js';
import { invalidTemplate, type Placeholder, parseTemplate } from './template-parser.js';
import { type Refuse, textOf } from './text.js';

/** A template that can be rendered for each call. */
export interface KeyTemplate {
  /** The template as written. */
  readonly source: string;
  /** What it needs of a call, as written, without braces: `['id', 'user.name:lower']`. */
  readonly placeholders: readonly string[];
  /**
   * The text for one call.
   *
   * @throws KeyError `MISSING_KEY_VALUE` when a placeholder without a default has no value, `UNSUPPORTED_ARGUMENT` when its value has no text.
   */
  render(self: unknown, args: readonly unknown[]): string;
}

/**
 * Compiles a template; the syntax is described in template-parser.ts and docs/keys.md.
 *
 * @param parameters of the method; undefined when they cannot be read, then only positions and `this` can be used.
 * @param subject what the template is for, for messages: `key of Products.find`.
 * @throws ConfigurationError `INVALID_KEY_TEMPLATE` for bad syntax, and for placeholders that name no parameter.
 * @example compileTemplate('page:{n=1}', { names: ['n'], tail: 'none' }, 'key of Pages.load').render(undefined, []) // 'page:1'
 */
export function compileTemplate(
  template: string,
  parameters: ParameterNames | undefined,
  subject: string,
): KeyTemplate {
  const { literals, placeholders } = parseTemplate(template, subject);
  const [head = '', ...following] = literals;
  const parts = placeholders.map((placeholder, index) => {
    const literal = following[index] ?? '';
    const value = compilePlaceholder(placeholder, parameters, { template, subject }, escapeBefore(literal));
    return { value, literal };
  });
  return {
    source: template,
    placeholders: placeholders.map(({ source }) => source),
    render(self, args) {
      let key = head;
      for (const part of parts) key += part.value(self, args) + part.literal;
      return key;
    },
  };
}

/**
 * Compiles a text that is one placeholder and nothing else, or has none: the text of its value, unescaped.
 *
 * @throws ConfigurationError `INVALID_KEY_TEMPLATE` as {@link compileTemplate}, and for text beside a placeholder
 */
export function compilePart(
  template: string,
  parameters: ParameterNames | undefined,
  subject: string,
): (self: unknown, args: readonly unknown[]) => string {
  const { literals, placeholders } = parseTemplate(template, subject);
  const [placeholder] = placeholders;
  const literal = literals.join('');
  if (placeholder === undefined) return () => literal;
  if (placeholders.length > 1 || literal !== '')
    throw invalidTemplate(template, subject, 'be one placeholder, such as `{id}`, or a text without any');
  return compilePlaceholder(placeholder, parameters, { template, subject }, (text) => text);
}

/** Where a placeholder stands, for messages. */
interface Place {
  readonly template: string;
  readonly subject: string;
}

type Render = (self: unknown, args: readonly unknown[]) => string;
type Read = (self: unknown, args: readonly unknown[]) => unknown;

function compilePlaceholder(
  placeholder: Placeholder,
  parameters: ParameterNames | undefined,
  place: Place,
  escapeText: Escape,
): Render {
  const what = `\`{${placeholder.source}}\` of \`${place.template}\` (${place.subject})`;
  const read = compileRead(placeholder, compileRoot(placeholder, parameters, place), what);
  const format = compileFormat(placeholder, what);
  const { fallback } = placeholder;
  const escapedFallback = fallback === undefined ? undefined : escapeText(fallback);
  return (self, args) => {
    const value = read(self, args);
    if (value !== undefined && value !== null) return escapeText(format(value));
    if (escapedFallback !== undefined) return escapedFallback;
    throw new KeyError(
      'MISSING_KEY_VALUE',
      `Expected ${what} to have a value, got \`${value}\`; \`{${placeholder.source}=text}\` gives it a default`,
    );
  };
}

function compileRead({ steps }: Placeholder, root: Read, what: string): Read {
  if (steps.length === 0) return root;
  return (self, args) => {
    const start = root(self, args);
    try {
      return readPath(start, steps);
    } catch (cause) {
      throw new KeyError('MISSING_KEY_VALUE', `Expected ${what} to be readable, but reading it threw`, { cause });
    }
  };
}

/** The argument, or `this`, that a placeholder begins with. */
function compileRoot({ root, source }: Placeholder, parameters: ParameterNames | undefined, place: Place): Read {
  if (root === 'this') return (self) => self;
  const isPosition = /^\d/.test(root);
  const index = isPosition ? Number(root) : (parameters?.names.lastIndexOf(root) ?? -1);
  if (index === -1 || (isPosition && parameters?.tail === 'none' && index >= parameters.names.length)) {
    throw invalidTemplate(place.template, place.subject, `use ${describeChoices(parameters)}, got \`{${source}}\``);
  }
  const collects = !isPosition && parameters?.tail === 'rest' && index === parameters.names.length - 1;
  return collects ? (_self, args) => args.slice(index) : (_self, args) => args[index];
}

function describeChoices(parameters: ParameterNames | undefined): string {
  const hint = 'in minified builds, name the parameters with `params`';
  if (parameters === undefined)
    return `positions such as \`{0}\` (the names of the parameters cannot be read; \`params\` names them)`;
  const { names, tail } = parameters;
  if (names.length === 0 && tail === 'none') return '`{this}` only (there are no parameters)';
  const known = names.filter((name) => name !== undefined).map((name) => `\`${name}\``);
  const last = names.length - 1;
  const positions = tail === 'none' ? `positions 0${last === 0 ? '' : ` to ${last}`}` : 'positions';
  return known.length === 0
    ? `${positions} (no parameter has a name; ${hint})`
    : `the parameters ${known.join(', ')} or ${positions} (${hint})`;
}

function compileFormat({ formatter }: Placeholder, what: string): (value: unknown) => string {
  const refuse: Refuse = (expectation, cause) =>
    new KeyError('UNSUPPORTED_ARGUMENT', `Expected ${what} to ${expectation}`, cause);
  switch (formatter) {
    case 'hash':
      return (value) => digest(encodeValue(value, what));
    case 'lower':
      return (value) => textOf(value, refuse).toLowerCase();
    case 'upper':
      return (value) => textOf(value, refuse).toUpperCase();
    default:
      return (value) => textOf(value, refuse);
  }
}
