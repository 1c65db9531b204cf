/** The function that stands where a decorated method was: it looks like the method, and carries its metadata. */

/** Under this symbol a decorated method publishes what it is: containers and tools list cached methods by it. */
export const KEEPSAKE: unique symbol = Symbol.for('keepsake.method');

/** What a decorated method publishes; read-only. */
export interface MethodInfo {
  readonly role: 'cached' | 'invalidates';
  /** Stable name; with standard decorators the class is known from the first call on. */
  readonly useCase: string;
  readonly cache: string;
  /** Its key template, or what its keys look like. */
  readonly key: string | undefined;
  readonly tags: readonly string[];
}

type Method = (this: unknown, ...args: unknown[]) => unknown;

/** The part of reflect-metadata that is used when an application has loaded it. */
interface ReflectMetadata {
  getOwnMetadataKeys(target: object): readonly unknown[];
  getOwnMetadata(key: unknown, target: object): unknown;
  defineMetadata(key: unknown, value: unknown, target: object): void;
}

/** Gives `replacement` the name, the length, the own properties and the metadata of `original`, and publishes `info`. */
export function impersonate(replacement: Method, original: Method, info: MethodInfo): void {
  for (const key of Reflect.ownKeys(original)) {
    if (key === 'prototype' || key === KEEPSAKE) continue;
    const property = Object.getOwnPropertyDescriptor(original, key);
    if (property !== undefined && key !== 'arguments' && key !== 'caller') Object.defineProperty(replacement, key, property);
  }
  Object.defineProperty(replacement, KEEPSAKE, { value: info, enumerable: false, configurable: true });
  const reflect = reflectMetadata();
  if (reflect === undefined) return;
  for (const key of reflect.getOwnMetadataKeys(original)) {
    reflect.defineMetadata(key, reflect.getOwnMetadata(key, original), replacement);
  }
  reflect.defineMetadata(KEEPSAKE, info, replacement);
}

function reflectMetadata(): ReflectMetadata | undefined {
  const loaded = 'defineMetadata' in Reflect && 'getOwnMetadataKeys' in Reflect && 'getOwnMetadata' in Reflect;
  return loaded ? (Reflect as typeof Reflect & ReflectMetadata) : undefined;
}
