/** Layers: what each of the decorators stacked on one method says, and what all of them say together. */
import { isDeepStrictEqual } from 'node:util';
import { ConfigurationError } from '../errors.js';
import { shown } from '../kernel/expectation.js';
import type { Policy } from '../kernel/policy.js';
import { overlayPolicies, validatePolicy } from '../kernel/resolve-policy.js';
import { METHOD_OPTIONS, type MethodPolicy } from './options.js';

/** One decorator's word about a method. `beneath`: defaults of its kind, under the cache's own defaults. */
export interface Layer {
  readonly decorator: string;
  readonly policy: MethodPolicy;
  readonly beneath: Policy;
}

/** What all decorators of one method say. */
export interface Said {
  readonly decorators: string;
  readonly policy: MethodPolicy;
  readonly beneath: Policy;
}

/**
 * Merges layers, the lowest decorator's first. Undefined always means "not said".
 *
 * @param on the method, for messages
 * @throws ConfigurationError `INVALID_POLICY` for a layer that is wrong in itself, `INVALID_DECORATION` for layers that contradict
 *   each other
 */
export function mergeLayers(layers: readonly Layer[], on: string): Said {
  const names = [...new Set(layers.map(({ decorator }) => decorator))];
  const subject = `${names.join(' and ')} on ${on}`;
  for (const [index, layer] of layers.entries()) {
    validatePolicy(layer.policy, `${layer.decorator} on ${on}`, METHOD_OPTIONS);
    for (const lower of layers.slice(0, index)) refuseDifferences(lower, layer, on);
  }
  const policy: MethodPolicy = Object.assign({}, ...layers.map((layer) => defined(layer.policy)));
  const beneath = overlayPolicies(layers.map((layer) => layer.beneath));
  const said = { decorators: names.join(' and '), policy, beneath };
  // What a kind brings must make sense with what is said: `@Early` without an end is no early refresh.
  explainStack(layers, said.decorators, on, () =>
    validatePolicy({ ...beneath, ...defined(policy) }, subject, METHOD_OPTIONS),
  );
  return said;
}

/** Runs a check of what several decorators say together; where it fails, that is a contradiction between them. */
export function explainStack<T>(layers: readonly unknown[], decorators: string, on: string, check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (layers.length < 2 || !(error instanceof ConfigurationError)) throw error;
    const message = `${decorators} on \`${on}\` contradict each other: ${error.message}`;
    throw new ConfigurationError('INVALID_DECORATION', message, { cause: error });
  }
}

/** Options that two decorators on one method both give must be the same. */
function refuseDifferences(lower: Layer, upper: Layer, on: string): void {
  const options = defined(lower.policy);
  for (const [option, value] of Object.entries(defined(upper.policy))) {
    const other: unknown = Reflect.get(options, option);
    if (other === undefined || isDeepStrictEqual(other, value)) continue;
    throw new ConfigurationError(
      'INVALID_DECORATION',
      `${upper.decorator} and ${lower.decorator} on \`${on}\` contradict each other in \`${option}\`: ${shown(value)} and ${shown(other)}`,
    );
  }
}

function defined(policy: MethodPolicy): MethodPolicy {
  return Object.fromEntries(Object.entries(policy).filter(([, value]) => value !== undefined));
}
