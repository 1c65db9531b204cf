/** The roll of cached methods of this process: what is checked across them, and what a new cache checks before it opens. */
import { ConfigurationError } from '../errors.js';
import type { Policy } from '../kernel/policy.js';
import type { CachedMethod } from './cached-method.js';

const roll = new Set<CachedMethod>();

export function enroll(method: CachedMethod): void {
  roll.add(method);
}

/**
 * Checks every method that will use a cache of this name with these defaults.
 *
 * @throws ConfigurationError for the first whose policy cannot work, or that shares a key template with one it disagrees with
 */
export function checkRoll(cacheName: string, defaults: Policy): void {
  for (const method of roll) {
    if (method.cacheName !== cacheName) continue;
    method.resolveOver(defaults);
    requireAgreement(method);
  }
}

/** Two methods with one key template share entries; then their tags and codec must be the same. */
export function requireAgreement(method: CachedMethod): void {
  if (method.template === undefined) return;
  for (const other of roll) {
    if (other === method || other.template !== method.template || other.cacheName !== method.cacheName) continue;
    const what = difference(method, other);
    if (what === undefined) continue;
    throw new ConfigurationError(
      'INVALID_DECORATION',
      `\`${method.useCase}\` and \`${other.useCase}\` share the key template \`${method.template}\` but not their ${what}`,
    );
  }
}

function difference(one: CachedMethod, other: CachedMethod): 'tags' | 'codec' | undefined {
  if ([...one.tagTemplates].sort().join('\0') !== [...other.tagTemplates].sort().join('\0')) return 'tags';
  return one.codecName === other.codecName ? undefined : 'codec';
}
