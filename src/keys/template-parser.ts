/**
 * The syntax of key and tag templates. `{path}` stands for a value: `path` begins with a parameter's name, a position or `this`, and
 * goes on with property names. `{path:formatter}` formats it, `{path=text}` gives the text for a missing value; both: `{path:formatter=text}`.
 * `{{` and `}}` are literal braces.
 */
import { ConfigurationError } from '../errors.js';

export const FORMATTERS = ['hash', 'lower', 'upper'] as const;
export type Formatter = (typeof FORMATTERS)[number];

export interface Placeholder {
  /** As written, without the braces. */
  readonly source: string;
  /** A parameter's name, a position or `this`. */
  readonly root: string;
  /** The properties to walk from there. */
  readonly steps: readonly string[];
  readonly formatter: Formatter | undefined;
  /** The text for a missing value. */
  readonly fallback: string | undefined;
}

/** `literals[0] placeholders[0] literals[1] placeholders[1] ... literals[n]`. */
export interface ParsedTemplate {
  readonly literals: readonly string[];
  readonly placeholders: readonly Placeholder[];
}

/**
 * Parses a template.
 *
 * @param subject what the template is for, for messages.
 * @throws ConfigurationError `INVALID_KEY_TEMPLATE`.
 */
export function parseTemplate(template: string, subject: string): ParsedTemplate {
  const invalid = (expectation: string): ConfigurationError => invalidTemplate(template, subject, expectation);
  if (typeof template !== 'string') throw invalid(`be a string, got \`${String(template)}\` (${typeof template})`);
  if (template === '') throw invalid('be a non-empty template');
  if (template.includes('\0') || !template.isWellFormed()) throw invalid('be well-formed text without NUL');
  const literals: string[] = [];
  const placeholders: Placeholder[] = [];
  let literal = '';
  for (const [token, content] of template.matchAll(TOKEN)) {
    if (token === '{{' || token === '}}') literal += token.charAt(0);
    else if (token === '{' || token === '}')
      throw invalid(`have balanced braces (\`${token}${token}\` is a literal one)`);
    else if (content === undefined) literal += token;
    else {
      placeholders.push(parsePlaceholder(content, invalid));
      literals.push(literal);
      literal = '';
    }
  }
  literals.push(literal);
  requireBoundaries(literals, placeholders, invalid);
  return { literals, placeholders };
}

/** An error about a template: ``Expected `product:{idd}` (key of Products.find) to ...``. */
export function invalidTemplate(template: string, subject: string, expectation: string): ConfigurationError {
  const shown = String(template);
  const short = shown.length > 200 ? `${shown.slice(0, 200)}…` : shown;
  return new ConfigurationError('INVALID_KEY_TEMPLATE', `Expected \`${short}\` (${subject}) to ${expectation}`);
}

const TOKEN = /\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+/g;
const ROOT = /^(?:[\p{ID_Start}$_][\p{ID_Continue}$]*|\d{1,9})$/u;
const STEP = /^[\p{ID_Continue}$-]+$/u;

type Invalid = (expectation: string) => ConfigurationError;

function parsePlaceholder(source: string, invalid: Invalid): Placeholder {
  const equals = source.indexOf('=');
  const head = equals === -1 ? source : source.slice(0, equals);
  const fallback = equals === -1 ? undefined : source.slice(equals + 1);
  const colon = head.indexOf(':');
  const [root = '', ...steps] = (colon === -1 ? head : head.slice(0, colon)).split('.');
  if (!ROOT.test(root) || !steps.every((step) => STEP.test(step))) {
    throw invalid(
      `have placeholders such as \`{id}\`, \`{user.id}\`, \`{0}\` or \`{this.tenant}\`, got \`{${source}}\``,
    );
  }
  const late = FORMATTERS.find((name) => fallback?.endsWith(`:${name}`) === true);
  if (late !== undefined)
    throw invalid(`have formatters before the default, as in \`{${head}:${late}=…}\`, got \`{${source}}\``);
  return {
    source,
    root,
    steps,
    formatter: colon === -1 ? undefined : findFormatter(head.slice(colon + 1), invalid),
    fallback,
  };
}

function findFormatter(name: string, invalid: Invalid): Formatter {
  const formatter = FORMATTERS.find((known) => known === name);
  if (formatter !== undefined) return formatter;
  throw invalid(`have formatters among ${FORMATTERS.map((known) => `\`${known}\``).join(', ')}, got \`${name}\``);
}

/** Between two values there must be text that no value can contain: each is escaped against the character that follows it. */
function requireBoundaries(literals: readonly string[], placeholders: readonly Placeholder[], invalid: Invalid): void {
  for (const [index, { source }] of placeholders.entries()) {
    const next = placeholders[index + 1];
    const between = literals[index + 1];
    if (next === undefined) return;
    if (between === '')
      throw invalid(
        `have text between \`{${source}}\` and \`{${next.source}}\`: without it different values make the same key`,
      );
    // Escapes begin with `%`, so a value and such a text could be taken for each other.
    if (between?.startsWith('%') === true)
      throw invalid(`have text that does not begin with \`%\` between \`{${source}}\` and \`{${next.source}}\``);
  }
}
