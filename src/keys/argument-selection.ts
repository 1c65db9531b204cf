/** The options `args` and `ignoreArgs`: which arguments belong to a key, and as what. */
import { ConfigurationError, KeepsakeError, KeyError } from '../errors.js';
import type { ParameterNames } from './parameters.js';

/** By parameter name or position: what an argument becomes before it is used. */
export type ArgumentAdapters = Readonly<Record<string, (value: never) => unknown>>;

/** A step from the arguments of a call to those that are used. Never changes the list it gets. */
export type ArgumentStep = (args: readonly unknown[]) => readonly unknown[];

const unchanged: ArgumentStep = (args) => args;

/**
 * The step that converts arguments. Undefined and null are not converted: a missing value stays missing, `String` never makes it
 * the text `undefined`.
 *
 * @throws ConfigurationError `INVALID_POLICY` for names and positions that fit no parameter, rest parameters, and what is no function.
 */
export function compileAdapters(
  adapters: ArgumentAdapters | undefined,
  parameters: ParameterNames | undefined,
  useCase: string,
): ArgumentStep {
  const entries = Object.entries(adapters ?? {});
  if (entries.length === 0) return unchanged;
  const subject = `\`args\` of ${useCase}`;
  const byIndex = entries.map(([parameter, adapt]) => {
    const index = positionOf(parameter, parameters, subject);
    if (isRest(parameter, parameters)) throw invalid(subject, `convert no rest parameter, got \`${parameter}\``);
    if (typeof adapt !== 'function')
      throw invalid(subject, `hold functions, got \`${String(adapt)}\` for \`${parameter}\``);
    return { index, adapt, subject: `${subject} for \`${parameter}\`` };
  });
  return (args) => {
    const adapted = [...args];
    for (const step of byIndex) {
      const value = args[step.index];
      if (value !== undefined && value !== null) adapted[step.index] = convert(value, step.adapt, step.subject);
    }
    return adapted;
  };
}

function convert(value: unknown, adapt: (value: never) => unknown, subject: string): unknown {
  try {
    return Reflect.apply(adapt, undefined, [value]);
  } catch (cause) {
    if (cause instanceof KeepsakeError) throw cause;
    throw new KeyError('UNSUPPORTED_ARGUMENT', `Expected ${subject} to convert the argument, but it threw`, { cause });
  }
}

/**
 * The step that leaves arguments out; an ignored rest parameter leaves out all it collects.
 *
 * @throws ConfigurationError `INVALID_POLICY` for names and positions that fit no parameter.
 */
export function compileIgnored(
  ignored: readonly (string | number)[] | undefined,
  parameters: ParameterNames | undefined,
  useCase: string,
): ArgumentStep {
  if (ignored === undefined || ignored.length === 0) return unchanged;
  const subject = `\`ignoreArgs\` of ${useCase}`;
  if (!Array.isArray(ignored)) throw invalid(subject, `be a list of parameters, got \`${String(ignored)}\``);
  const indices = ignored.map((parameter) => positionOf(parameter, parameters, subject));
  const single = new Set(indices);
  const rest = ignored.find((parameter) => isRest(parameter, parameters));
  const end = rest === undefined ? Number.POSITIVE_INFINITY : positionOf(rest, parameters, subject);
  return (args) => args.filter((_value, index) => index < end && !single.has(index));
}

/** Whether this names the parameter that collects all further arguments; its position means only the first of them. */
function isRest(parameter: string | number, parameters: ParameterNames | undefined): boolean {
  return parameters?.tail === 'rest' && parameter === parameters.names.at(-1);
}

function positionOf(parameter: string | number, parameters: ParameterNames | undefined, subject: string): number {
  const named = typeof parameter === 'string' ? (parameters?.names.lastIndexOf(parameter) ?? -1) : -1;
  if (named !== -1) return named;
  const isPosition = /^\d{1,9}$/.test(String(parameter));
  const isThere = parameters?.tail !== 'none' || Number(parameter) < parameters.names.length;
  if (isPosition && isThere) return Number(parameter);
  const known = parameters?.names.filter((name) => name !== undefined).map((name) => `\`${name}\``) ?? [];
  const choices =
    known.length === 0
      ? 'use positions (no parameter has a readable name)'
      : `name parameters (${known.join(', ')}) or positions`;
  throw invalid(subject, `${choices}, got \`${parameter}\``);
}

function invalid(subject: string, expectation: string): ConfigurationError {
  return new ConfigurationError('INVALID_POLICY', `Expected ${subject} to ${expectation}`);
}
