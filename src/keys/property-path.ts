/** Property paths: how `{user.address.city}` walks from a value to one of its properties. */

/**
 * The value at the end of `steps`; undefined or null as soon as a step has no value.
 *
 * @throws whatever a getter on the way throws.
 */
export function readPath(start: unknown, steps: readonly string[]): unknown {
  let value = start;
  for (const step of steps) {
    if (value === undefined || value === null) return value;
    value = readProperty(value, step);
  }
  return value;
}

/**
 * One property as data: an own one, or one inherited from a class (accessors, and values that are no functions). What every object
 * inherits from `Object.prototype` is nobody's data, so `constructor` and `__proto__` are found only where an object owns them.
 */
function readProperty(holder: NonNullable<unknown>, name: string): unknown {
  const object: object = Object(holder);
  if (Object.hasOwn(object, name)) return Reflect.get(object, name);
  for (let owner = parentOf(object); owner !== undefined && !isRoot(owner); owner = parentOf(owner)) {
    const property = Object.getOwnPropertyDescriptor(owner, name);
    if (property === undefined) continue;
    const isData = property.get !== undefined || typeof property.value !== 'function';
    return isData ? Reflect.get(object, name) : undefined;
  }
  return undefined;
}

function parentOf(object: object): object | undefined {
  const parent: unknown = Object.getPrototypeOf(object);
  return typeof parent === 'object' || typeof parent === 'function' ? (parent ?? undefined) : undefined;
}

/** Whether this is `Object.prototype`, of whichever realm. */
function isRoot(prototype: object): boolean {
  return Object.hasOwn(prototype, 'isPrototypeOf');
}
