/**
 * The use case of a decorated method: its stable name in keys, metrics and events. `Class.method` by default; a standard decorator is
 * not told the class, so there it is learned from the first call.
 */
import type { DecoratedMethod } from './method-decorator.js';

export class UseCaseName {
  readonly #decorated: DecoratedMethod;
  #owner: string | undefined;
  #chosen: string | undefined;

  constructor(decorated: DecoratedMethod) {
    this.#decorated = decorated;
    this.#owner = decorated.owner;
  }

  get text(): string {
    return this.#chosen ?? (this.#owner === undefined ? methodName(this.#decorated) : `${this.#owner}.${methodName(this.#decorated)}`);
  }

  /** The name its user gave. */
  choose(name: string): void {
    this.#chosen = name;
  }

  /** Learns the class from an object the method is called on. */
  learn(self: unknown): 'learned' | 'known' {
    if (this.#chosen !== undefined || this.#owner !== undefined) return 'known';
    this.#owner = definingClass(self, this.#decorated);
    return this.#owner === undefined ? 'known' : 'learned';
  }
}

export function methodName({ name }: Pick<DecoratedMethod, 'name'>): string {
  return typeof name === 'symbol' ? `[${name.description ?? ''}]` : name;
}

/** The class that has the method itself, not a subclass that inherits it; for private methods the object's own class. */
function definingClass(self: unknown, { name, placement }: DecoratedMethod): string | undefined {
  if (self === null || self === undefined) return undefined;
  const isPrivate = typeof name === 'string' && name.startsWith('#');
  for (let at: unknown = placement === 'static' ? self : Object.getPrototypeOf(self); at !== null; at = Object.getPrototypeOf(at)) {
    if (isPrivate || Object.hasOwn(Object(at), name)) {
      const owner: unknown = placement === 'static' ? at : (at as { readonly constructor?: unknown }).constructor;
      return typeof owner === 'function' && owner.name !== '' ? owner.name : undefined;
    }
  }
  return undefined;
}
