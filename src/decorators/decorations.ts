/** What our decorators have made: found again, so that decorators stacked on one method meet. */
import { ConfigurationError } from '../errors.js';
import { metadataOf } from './class-metadata.js';
import type { DecoratedMethod, Method } from './method-decorator.js';

/** What one or several of our decorators have made of one method. */
export interface Decoration {
  readonly role: 'cached' | 'puts' | 'invalidates' | 'locks';
  /** The decorators so far, for messages: `@Early and @Cached`. */
  readonly decorators: string;
  /** The method as its class has it, for messages: `Products.find`. */
  readonly member: string;
  /** The method below all of ours: key and tag templates name its parameters. */
  readonly written: Method;
}

/** Which member of which class; the class is unknown in standard mode without `Symbol.metadata`. */
type Member = Pick<DecoratedMethod, 'name' | 'placement' | 'visibility' | 'target' | 'metadata'>;

const byFunction = new WeakMap<object, { readonly decoration: Decoration; readonly member: Member }>();

type MembersByName = Map<string | symbol, Decoration>;

/** By what is one per class (its legacy target, or its metadata object), then by name. One metadata object serves all four kinds. */
const byClass = {
  'instance public': new WeakMap<object, MembersByName>(),
  'instance private': new WeakMap<object, MembersByName>(),
  'static public': new WeakMap<object, MembersByName>(),
  'static private': new WeakMap<object, MembersByName>(),
  // Functions have no class, so they are only ever found by themselves.
  'function public': new WeakMap<object, MembersByName>(),
  'function private': new WeakMap<object, MembersByName>(),
};

/** Remembers that `replacement` stands on `member` now. */
export function remember(replacement: object, decoration: Decoration, member: Member): void {
  byFunction.set(replacement, { decoration, member });
  const home = homeOf(member);
  if (home === undefined) return;
  const classes = classesWith(member);
  const members: MembersByName = classes.get(home) ?? new Map();
  members.set(member.name, decoration);
  classes.set(home, members);
}

/** What `fn` stands for, when one of our decorators has made it. */
export function decorationOf(fn: unknown): Decoration | undefined {
  return typeof fn === 'function' ? byFunction.get(fn)?.decoration : undefined;
}

/**
 * What stands on the member `name` of an object or a class, its own or inherited, when one of our decorators has made it. Under
 * another's decorator it is found where the mode lets decorators know their class.
 */
export function decorationOn(object: object, name: string | symbol): Decoration | undefined {
  for (let owner: object | null = object; owner !== null; owner = Object.getPrototypeOf(owner)) {
    const property = Object.getOwnPropertyDescriptor(owner, name);
    if (property === undefined) continue;
    const value: unknown = property.get === undefined ? property.value : Reflect.get(object, name);
    return decorationOf(value) ?? decorationOfMember(owner, name);
  }
  return undefined;
}

function decorationOfMember(owner: object, name: string | symbol): Decoration | undefined {
  const isClass = typeof owner === 'function';
  const builder: unknown = isClass ? owner : Object.getOwnPropertyDescriptor(owner, 'constructor')?.value;
  const metadata = typeof builder === 'function' ? metadataOf(builder) : undefined;
  const members = byClass[isClass ? 'static public' : 'instance public'];
  return members.get(owner)?.get(name) ?? (metadata === undefined ? undefined : members.get(metadata)?.get(name));
}

/**
 * What stands directly below a decorator that is being applied, when one of ours has made it on this very method.
 *
 * @throws ConfigurationError `INVALID_DECORATION` when the two cannot stand on one method: one caches and the other changes data, or
 *   both cache and another's decorator between them keeps them from merging (seen where the mode lets decorators know their class)
 */
export function decorationBelow(
  decorator: string,
  role: Decoration['role'],
  decorated: DecoratedMethod,
): Decoration | undefined {
  const direct = byFunction.get(decorated.method);
  const standing = direct?.decoration ?? decorationAt(decorated);
  if (standing !== undefined && (standing.role === 'cached') !== (role === 'cached')) throw mixed(decorator, standing);
  if (standing?.role === 'puts' && role === 'puts') throw twice(decorator, standing);
  if (direct !== undefined && isSame(direct.member, decorated)) return direct.decoration;
  if (standing !== undefined && direct === undefined && role === 'cached') throw separated(decorator, standing);
  return undefined;
}

/** What is wrong with decorators that cannot merge. */
export function separation(decorator: string, other: Decoration): string {
  return `${decorator} and ${other.decorators} on \`${other.member}\` are separated by another decorator, so they cannot merge: write them next to each other`;
}

function separated(decorator: string, other: Decoration): ConfigurationError {
  return new ConfigurationError('INVALID_DECORATION', separation(decorator, other));
}

function mixed(decorator: string, standing: Decoration): ConfigurationError {
  return new ConfigurationError(
    'INVALID_DECORATION',
    `${decorator} and ${standing.decorators} cannot both stand on \`${standing.member}\`: a hit does not run the method, so it must not be one that changes data`,
  );
}

function twice(decorator: string, standing: Decoration): ConfigurationError {
  return new ConfigurationError(
    'INVALID_DECORATION',
    `${decorator} stands on \`${standing.member}\` twice: a result is stored under one key`,
  );
}

function decorationAt(member: Member): Decoration | undefined {
  const home = homeOf(member);
  return home === undefined ? undefined : classesWith(member).get(home)?.get(member.name);
}

function classesWith({ placement, visibility }: Member): WeakMap<object, MembersByName> {
  return byClass[`${placement} ${visibility}`];
}

function homeOf({ target, metadata }: Member): object | undefined {
  return target ?? metadata;
}

function isSame(one: Member, other: Member): boolean {
  return one.name === other.name && classesWith(one) === classesWith(other) && homeOf(one) === homeOf(other);
}
