/** Stores that break when a test says so. */
import { StoreError } from '../../src/errors.js';

/** A store that fails while `outage.now` is true: every call rejects, or (hanging) never settles. */
export function breakable(how: 'rejects' | 'hangs' | 'throws'): {
  outage: { now: boolean };
  around: <Part extends object>(part: Part) => Part;
} {
  const outage = { now: false };
  const around = <Part extends object>(store: Part): Part =>
    new Proxy(store, {
      get(target, property) {
        const own: unknown = Reflect.get(target, property, target);
        if ((property === 'locks' || property === 'counters') && typeof own === 'object' && own !== null)
          return around(own);
        if (typeof own !== 'function' || property === 'open' || property === 'close') return own;
        return (...args: unknown[]) => {
          if (!outage.now) return Reflect.apply(own, target, args);
          if (how === 'hangs') return new Promise(() => undefined);
          if (how === 'throws') throw new TypeError('a bug in the store');
          return Promise.reject(new StoreError('connection refused', { outcome: 'failed' }));
        };
      },
    });
  return { outage, around };
}
