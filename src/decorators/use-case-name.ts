/**
 * The use case of a decorated method: its stable name in keys, metrics and events. `Class.method` by default, `static Class.method`
 * for a static one, its name for a function. A standard decorator is not told the class, so there it is learned from the first call.
 */
import type { Decoration } from './decorations.js';
import { findDefiningClass } from './defining-class.js';
import type { DecoratedMethod, Method } from './method-decorator.js';

/** What a call has taught. */
export type Lesson = 'learned' | 'nothing' | { readonly coveredBy: Decoration };

/** The class of the method, as far as it is known: without a name, or with one and perhaps a reason not to rely on it. */
type Owner =
  | { readonly is: 'unknown' }
  | { readonly is: 'known'; readonly name: string | undefined; readonly doubt: string | undefined };

export class UseCaseName {
  readonly #decorated: DecoratedMethod;
  #owner: Owner = { is: 'unknown' };
  #chosen: string | undefined;

  constructor(decorated: DecoratedMethod) {
    this.#decorated = decorated;
    if (decorated.placement === 'function') {
      const name = typeof decorated.name === 'string' ? decorated.name : undefined;
      this.#owner = { is: 'known', name: undefined, doubt: functionDoubt(name) };
    }
    decorated.onClass((owner) => {
      this.#know(owner, undefined);
    });
  }

  get text(): string {
    return this.#chosen ?? this.member;
  }

  /** The method as its class has it, whatever it is called. */
  get member(): string {
    const { name, placement } = this.#decorated;
    const method = typeof name === 'symbol' ? `[${name.description ?? ''}]` : name;
    const owned =
      this.#owner.is === 'known' && this.#owner.name !== undefined ? `${this.#owner.name}.${method}` : method;
    return placement === 'static' ? `static ${owned}` : owned;
  }

  /** The name its user gave. */
  choose(name: string): void {
    this.#chosen = name;
  }

  /** Whether nothing more can be learned. */
  get settled(): boolean {
    return this.#owner.is === 'known';
  }

  /** Whether there is a name to begin keys with. */
  get usable(): boolean {
    return this.#chosen !== undefined || this.#owner.is === 'known';
  }

  /** Why the name may change from build to build, or be another's too; undefined when there is no reason to think so. */
  get doubt(): string | undefined {
    return this.#chosen === undefined && this.#owner.is === 'known' ? this.#owner.doubt : undefined;
  }

  /** Learns the class from an object the method is called on. */
  learn(self: unknown, replacement: Method): Lesson {
    if (this.#owner.is === 'known') return 'nothing';
    const finding = findDefiningClass(self, this.#decorated, replacement);
    if (finding.found === 'nothing') return 'nothing';
    if (finding.found === 'cover') return { coveredBy: finding.by };
    const assumed = 'which class defines it is not known: the first object it was called on may be of a subclass';
    this.#know(finding.owner, finding.certainty === 'assumed' ? assumed : undefined);
    return 'learned';
  }

  #know(owner: object, doubt: string | undefined): void {
    const name = classNameOf(owner);
    this.#owner = { is: 'known', name, doubt: doubt ?? doubtAbout(name) };
  }
}

/**
 * The name of the class itself: never that of one it extends, never a static member called `name`. esbuild puts `_` before the name of
 * a class that refers to itself; without it the name is the same whatever has compiled it.
 */
function classNameOf(owner: object): string | undefined {
  const name: unknown = Object.getOwnPropertyDescriptor(owner, 'name')?.value;
  return typeof name === 'string' && name !== '' ? name.replace(/^_(?=\p{Lu})/u, '') : undefined;
}

/** What run times, TypeScript, esbuild and SWC call a class that has no name: `export default class`, and what is not even assigned. */
const MADE_UP = /^_?(?:default|class)(?:_?\d+)?$|_default\d*$/;

/** What minifiers call classes, as far as people would not. */
const MINIFIED = /^(?:.|[a-z$_].)$/;

function functionDoubt(name: string | undefined): string | undefined {
  return name !== undefined && MINIFIED.test(name)
    ? `the function is called \`${name}\`, as minifiers call functions`
    : undefined;
}

function doubtAbout(name: string | undefined): string | undefined {
  if (name === undefined) return 'its class has no name';
  if (MADE_UP.test(name)) return `its class has no name but \`${name}\`, which a compiler made up`;
  return MINIFIED.test(name) ? `its class is called \`${name}\`, as minifiers call classes` : undefined;
}
