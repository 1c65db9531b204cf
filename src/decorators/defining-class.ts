/** Which class defines a method that a standard decorator has decorated: it is not told, so it is looked for when the method is called. */
import { metadataOf } from './class-metadata.js';
import { type Decoration, decorationOf } from './decorations.js';
import type { DecoratedMethod, Method } from './method-decorator.js';

/** What a look at an object has shown. */
export type Finding =
  | { readonly found: 'class'; readonly owner: object; readonly certainty: 'certain' | 'assumed' }
  /** Another one of our decorators stands where the method should be, so somebody else's decorator stands between the two. */
  | { readonly found: 'cover'; readonly by: Decoration }
  | { readonly found: 'nothing' };

const NOTHING: Finding = { found: 'nothing' };

/**
 * Looks for the class that defines an instance method, from an object the method was called on.
 *
 * @param replacement the function that stands in for the method; another's decorator above ours may hide it
 */
export function findDefiningClass(self: unknown, decorated: DecoratedMethod, replacement: Method): Finding {
  if (self === null || self === undefined) return NOTHING;
  const prototypes = prototypesOf(self);
  const { metadata, name } = decorated;
  if (metadata !== undefined) {
    const exact = prototypes.map(constructorOf).find((owner) => owner !== undefined && metadataOf(owner) === metadata);
    if (exact !== undefined) return { found: 'class', owner: exact, certainty: 'certain' };
  }
  if (decorated.visibility === 'private') return ownClass(prototypes);
  const exact = prototypes.find((prototype) => ownValue(prototype, name) === replacement);
  return exact === undefined ? behindOthers(prototypes, decorated) : classOf(exact);
}

/** A private method is on no prototype. It is certainly its object's own only where that class extends no other. */
function ownClass([own, above]: readonly object[]): Finding {
  const owner = own === undefined ? undefined : constructorOf(own);
  if (owner === undefined) return NOTHING;
  const certainty = above === undefined || above === Object.prototype ? 'certain' : 'assumed';
  return { found: 'class', owner, certainty };
}

/** The nearest function of that name that is not ours, what another's decorator has made of ours; or one of ours that stands on this very method. */
function behindOthers(prototypes: readonly object[], { name, method }: DecoratedMethod): Finding {
  let cover: Decoration | undefined;
  const written = decorationOf(method)?.written ?? method;
  for (const prototype of prototypes) {
    const value = ownValue(prototype, name);
    if (typeof value !== 'function') continue;
    const other = decorationOf(value);
    if (other === undefined || other.written === written) return classOf(prototype);
    cover ??= other;
  }
  return cover === undefined ? NOTHING : { found: 'cover', by: cover };
}

function classOf(prototype: object): Finding {
  const owner = constructorOf(prototype);
  return owner === undefined ? NOTHING : { found: 'class', owner, certainty: 'certain' };
}

function prototypesOf(self: unknown): readonly object[] {
  const prototypes: object[] = [];
  for (let at = prototypeOf(self); at !== null; at = prototypeOf(at)) prototypes.push(at);
  return prototypes;
}

function prototypeOf(value: unknown): object | null {
  return Object.getPrototypeOf(value);
}

function constructorOf(prototype: object): object | undefined {
  const owner = ownValue(prototype, 'constructor');
  return typeof owner === 'function' ? owner : undefined;
}

/** Never runs a getter. */
function ownValue(holder: object, name: string | symbol): unknown {
  return Object.getOwnPropertyDescriptor(holder, name)?.value;
}
