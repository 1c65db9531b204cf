/**
 * Call scopes: which tiers the calls of one cache may use in one asynchronous context. What was started in a scope stays in it, however
 * long it runs; when the scope's function returns or throws, its caller is where it was before.
 */
import { ConfigurationError } from '../errors.js';
import { refuse } from '../kernel/expectation.js';
import type { Access, Reach } from './access.js';
import { currentSurroundings, runIn } from './surroundings.js';

/** What `bypass` leaves out. */
export interface Bypass {
  /** `true`: nothing is found; loaders run. */
  readonly read?: boolean | undefined;
  /** `true`: nothing that is loaded is kept. */
  readonly write?: boolean | undefined;
  /** `true`: only the local tier is left out. Beside `shared: true`: both are. */
  readonly local?: boolean | undefined;
  /** `true`: only the shared tier is left out. */
  readonly shared?: boolean | undefined;
}

export const EVERYTHING: Access = Object.freeze({ read: 'both', write: 'both' });
export const NOTHING: Access = Object.freeze({ read: 'none', write: 'none' });
/** Loads, and keeps what it has loaded. */
export const ANEW: Access = Object.freeze({ read: 'none', write: 'both' });

/** What a strong call may use: the local tier may have what it loads, and answers nothing. */
export const PAST_LOCAL: Access = Object.freeze({ read: 'shared', write: 'both' });

/** Whether this process has ever opened a scope: until then nobody looks for one. */
let opened: 'never' | 'once' = 'never';

/** What calls of `owner` may use here; undefined = everything. */
export function scopedAccess(owner: object, mode: 'opt-in' | 'opt-out'): Access | undefined {
  if (opened === 'once') {
    for (let scope = currentSurroundings().calls; scope !== undefined; scope = scope.outer) {
      if (scope.owner === owner) return scope.access === EVERYTHING ? undefined : scope.access;
    }
  }
  return mode === 'opt-in' ? NOTHING : undefined;
}

/** Runs `run` in a scope in which calls of `owner` have this access, whatever they had outside. */
export function runWithAccess<T>(owner: object, access: Access, run: () => T): T {
  opened = 'once';
  return runIn({ calls: { owner, access, outer: currentSurroundings().calls } }, run);
}

/** What is in both. */
function common(a: Reach, b: Reach): Reach {
  if (a === 'both') return b;
  return b === 'both' || a === b ? a : 'none';
}

export function restricted(access: Access, by: Access): Access {
  return { read: common(access.read, by.read), write: common(access.write, by.write) };
}

/**
 * What `bypass` leaves to its calls. Neither direction named means both, neither tier named means both.
 *
 * @throws ConfigurationError `INVALID_OPTION` when nothing is left out, or something else is named
 */
export function accessBeside(bypass: Bypass): Access {
  checkBypass(bypass);
  const { read, write, local, shared } = bypass;
  if (![read, write, local, shared].includes(true))
    throw refuse({
      option: 'bypass',
      expected: 'something to leave out, such as { read: true }',
      got: bypass,
      code: 'INVALID_OPTION',
    });
  const left: Reach = local !== true ? (shared === true ? 'local' : 'none') : shared === true ? 'none' : 'shared';
  return {
    read: read === true || write !== true ? left : 'both',
    write: write === true || read !== true ? left : 'both',
  };
}

function checkBypass(bypass: unknown): void {
  if (typeof bypass !== 'object' || bypass === null)
    throw refuse({
      option: 'bypass',
      expected: 'an object such as { read: true }',
      got: bypass,
      code: 'INVALID_OPTION',
    });
  for (const [part, value] of Object.entries(bypass)) {
    if (!PARTS.includes(part))
      throw new ConfigurationError('INVALID_OPTION', `There is no \`${part}\` to bypass, only ${PARTS.join(', ')}`);
    if (value !== undefined && typeof value !== 'boolean')
      throw refuse({ option: `bypass.${part}`, expected: 'true or false', got: value, code: 'INVALID_OPTION' });
  }
}

const PARTS: readonly string[] = ['read', 'write', 'local', 'shared'];
