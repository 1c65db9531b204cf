/**
 * Isolation: what protects a value in the local tier from those who get it.
 *
 * `'frozen'`: a value of nothing but plain objects and arrays is deep-frozen once, at admission, and then handed out as it is, so
 * that a hit costs nothing; a value with anything else in it (Map, Date, Buffer: freezing does not protect these) is cloned per
 * hit. `'cloned'`: cloned per hit, so that everybody may change what they got. `'shared'`: handed out as it is, unprotected.
 */
import { deepClone } from './deep-clone.js';
import type { Isolation } from './policy.js';

/** A value as the local tier holds it; `take` hands it out. */
export interface Isolated {
  readonly value: unknown;
  /** Whether everybody gets the value itself, or each a clone of it. */
  readonly handing: 'itself' | 'clone';
}

/**
 * Not an object literal: those V8 allocates with the old objects once it has seen most of one place survive, as they do on their way into the
 * local tier. Where there is none, each would keep its value from the next quick garbage collection.
 */
class Protected implements Isolated {
  readonly value: unknown;
  readonly handing: Isolated['handing'];

  constructor(value: unknown, handing: Isolated['handing']) {
    this.value = value;
    this.handing = handing;
  }
}

/**
 * Prepares a value to be handed out again and again. It must be nobody else's: the engine passes only what it has just decoded,
 * because under `'frozen'` the value itself is frozen.
 *
 * @example take(isolate({ id: 1 }, 'frozen')) // the same, frozen object every time
 */
export function isolate(value: unknown, isolation: Isolation): Isolated {
  if (isolation === 'shared' || !isObject(value)) return new Protected(value, 'itself');
  if (isolation === 'cloned') return new Protected(value, 'clone');
  const first = firstPart(value);
  if (first === undefined) return new Protected(Object.freeze(value), 'itself');
  if (first instanceof Date) return new Protected(value, 'clone');
  const parts = plainParts(value);
  if (parts === undefined) return new Protected(value, 'clone');
  for (const part of parts) Object.freeze(part);
  return new Protected(value, 'itself');
}

/** Hands out an isolated value: the first time, on a miss, as on every hit. */
export function take(isolated: Isolated): unknown {
  return isolated.handing === 'itself' ? isolated.value : deepClone(isolated.value);
}

/** The first object in a value; undefined of a plain object of primitives, as most rows are: it has no parts to be collected. */
function firstPart(value: object): object | undefined {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  // for-in is the quickest way through an object; should a prototype have something to add, the value is taken for one with parts.
  for (const key in value) {
    const part: unknown = Reflect.get(value, key);
    if (isObject(part)) return part;
  }
  return undefined;
}

/** Every object and array of a value, or undefined when there is anything that freezing does not protect. */
function plainParts(value: object): ReadonlySet<object> | undefined {
  // A Set also visits what is added to it on the way, each once: no recursion, and a cycle ends.
  const parts = new Set([value]);
  for (const part of parts) {
    if (!isPlain(part)) return undefined;
    for (const child of Object.values(part) as readonly unknown[]) {
      if (isObject(child)) parts.add(child);
    }
  }
  return parts;
}

function isPlain(part: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(part);
  return prototype === Object.prototype || prototype === Array.prototype || prototype === null;
}

/** Functions count: they have properties, too. */
function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}
