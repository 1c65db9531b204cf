/** The function that stands where a decorated method was: it looks like the method, and carries what is known about it. */
import { type Decoration, remember } from './decorations.js';
import type { DecoratedMethod, Method } from './method-decorator.js';
import { copyMetadata, defineMetadata } from './reflect-metadata.js';

/** Under this symbol a decorated method publishes what it is: containers and tools list cached methods by it. */
export const KEEPSAKE: unique symbol = Symbol.for('keepsake.method');

/**
 * What a decorated method publishes about itself; read-only. It is found under {@link KEEPSAKE}: on the method, in the metadata of
 * `reflect-metadata` (of the function, and of the class's member with legacy decorators) when that is loaded, and as one item of a
 * list in the class's `Symbol.metadata` object where there is one.
 *
 * @example const info: MethodInfo | undefined = Products.prototype.find[KEEPSAKE]
 */
export interface MethodInfo {
  /** `puts`: `@CachePut`. */
  readonly role: 'cached' | 'puts' | 'invalidates' | 'locks';
  readonly name: string | symbol;
  /** `function`: made by `cached`. */
  readonly placement: 'instance' | 'static' | 'function';
  /** Stable name; with standard decorators the class of an instance method is known from its first call on. */
  readonly useCase: string;
  readonly cache: string;
  /** Its key template, or what its keys look like; undefined for a method that invalidates. */
  readonly key: string | undefined;
  /** Templates of the tags its entries carry, or that it invalidates. */
  readonly tags: readonly string[];
}

/** Makes the function that stands in for a decorated method, and publishes `info`. */
export function standIn(
  decorated: DecoratedMethod,
  decoration: Decoration,
  info: MethodInfo,
  run: (self: unknown, args: readonly unknown[]) => unknown,
): Method {
  // A method, because methods are no constructors and have no `prototype`.
  const { replacement } = {
    replacement(this: unknown, ...args: unknown[]): unknown {
      return run(this, args);
    },
  };
  impersonate(replacement, decorated.method);
  remember(replacement, decoration, decorated);
  publish(replacement, decorated, info);
  return replacement;
}

/** Properties that every function has of its own, and our own one. */
const NOT_COPIED: readonly (string | symbol)[] = ['prototype', 'arguments', 'caller', KEEPSAKE];

/** Gives `replacement` the name, the length, the own properties and the metadata of `original`. */
function impersonate(replacement: Method, original: Method): void {
  for (const key of Reflect.ownKeys(original)) {
    const property = Object.getOwnPropertyDescriptor(original, key);
    if (property !== undefined && !NOT_COPIED.includes(key)) Object.defineProperty(replacement, key, property);
  }
  copyMetadata(original, replacement);
}

function publish(replacement: Method, { target, metadata, name }: DecoratedMethod, info: MethodInfo): void {
  Object.defineProperty(replacement, KEEPSAKE, { value: info, enumerable: false, configurable: true });
  defineMetadata(KEEPSAKE, info, replacement);
  if (target !== undefined) defineMetadata(KEEPSAKE, info, target, name);
  if (metadata === undefined) return;
  // A class's metadata object inherits from that of the class it extends: a list of its own keeps the two apart.
  const listed: unknown = Object.hasOwn(metadata, KEEPSAKE) ? Reflect.get(metadata, KEEPSAKE) : [];
  const others: readonly unknown[] = Array.isArray(listed) ? listed : [];
  Object.defineProperty(metadata, KEEPSAKE, { value: [...others, info], enumerable: false, configurable: true });
}
