/** Trails: the way from a value to a part of it, for error messages. */

/** One step: a property, a position, or an entry of a Map or Set, named by its place because its content must not be shown. */
export type Step = string | number | { readonly of: 'key' | 'value' | 'member'; readonly index: number };

/** Steps shown of a long trail; the last ones, where the trouble is. */
const SHOWN_STEPS = 12;

/** @example formatTrail(['users', 3, 'e-mail', { of: 'key', index: 0 }]) // 'users[3]["e-mail"]<key 0>' */
export function formatTrail(trail: readonly Step[]): string {
  const shown = trail.slice(-SHOWN_STEPS).map(formatStep).join('');
  if (trail.length > SHOWN_STEPS) return `…${shown}`;
  return shown.startsWith('.') ? shown.slice(1) : shown;
}

function formatStep(step: Step): string {
  if (typeof step === 'number') return `[${step}]`;
  if (typeof step === 'object') return `<${step.of} ${step.index}>`;
  return /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`;
}
