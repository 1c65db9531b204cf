/** A local tier that keeps nothing: `local: false`. */
import type { LocalStorage } from '../ports/local-storage.js';

export function noStorage<Copy>(): LocalStorage<Copy> {
  return {
    get: () => undefined,
    put: () => false,
    remove: () => false,
    entries: () => [],
    clear: () => undefined,
    keeps: 'nothing',
    size: 0,
    bytes: 0,
  };
}
