/** Class forms: how instances of registered classes become data and instances again. */
import { isDeepStrictEqual } from 'node:util';
import { CodecError, ConfigurationError } from '../errors.js';
import { copyBy, deepClone } from '../kernel/deep-clone.js';
import { refuse } from '../kernel/expectation.js';

/** A class, one with a private constructor too. */
export interface CodecClass {
  readonly name: string;
  readonly prototype: object;
}

/**
 * What a codec needs to know of a class. Without `toData` and `fromData`: the own enumerable properties are the data, and an instance
 * is made of them without calling the constructor. Give both or neither; give both for a class that keeps anything in private
 * fields, in accessors or in properties that are not enumerable, or that extends a built-in class such as Error or Map.
 *
 * @example
 * { class: Money, toData: (money: Money) => money.cents, fromData: (cents: number) => new Money(cents) }
 */
export interface ClassForm {
  readonly class: CodecClass;
  /** The data of an instance: anything the codec keeps, other registered classes included. Must not change the instance. */
  toData?(instance: object): unknown;
  /**
   * An instance made of data that `toData` returned. Trap: check the data where others can write to the table; what this throws makes
   * the entry a miss.
   */
  fromData?(data: unknown): object;
}

/**
 * Classes by name and version, such as `'Money@1'`. The name is what is stored: the class's own does not matter, so minified builds and
 * renamed classes read what others wrote. Change the version when the data changes its meaning: entries of another one become misses.
 */
export type ClassForms = Readonly<Record<string, ClassForm | CodecClass>>;

interface RegisteredForm {
  readonly name: string;
  readonly prototype: object;
  /** Undefined where the own enumerable properties are the data. */
  readonly conversion: Conversion | undefined;
}

interface Conversion {
  readonly toData: (instance: object) => unknown;
  readonly fromData: (data: unknown) => unknown;
}

/** An instance as data; `own` = an instance to take the own enumerable properties of. */
export type InstanceData =
  | { readonly name: string; readonly of: 'conversion'; readonly data: unknown }
  | { readonly name: string; readonly of: 'properties' };

/** The registered classes of one codec. Only instances of the class itself count: those of a subclass need a form of their own. */
export class ClassRegistry {
  readonly #byName = new Map<string, RegisteredForm>();
  readonly #byPrototype = new Map<object, RegisteredForm>();
  /** Those of which an instance was seen to survive the way out and back in. */
  readonly #proven = new Set<RegisteredForm>();

  /** @throws ConfigurationError `INVALID_OPTION` for a name without version, and for a form that cannot work */
  constructor(forms: ClassForms = {}) {
    for (const [name, given] of Object.entries(forms)) this.#register(parseForm(name, given));
  }

  /** The names with their versions, sorted: part of what tells one codec from another. */
  get names(): readonly string[] {
    return [...this.#byName.keys()].sort();
  }

  /** The data of an instance of a registered class; undefined for any other object. */
  dataOf(instance: object): InstanceData | undefined {
    const prototype = prototypeOf(instance);
    const form = prototype === null ? undefined : this.#byPrototype.get(prototype);
    if (form === undefined) return undefined;
    const { name, conversion } = form;
    if (conversion === undefined) return { name, of: 'properties' };
    const data = conversion.toData(instance);
    this.#prove(form, conversion, data);
    return { name, of: 'conversion', data };
  }

  /** The instance that data stands for. Throws a TypeError for a name that is not registered, and for what is no instance of the class. */
  restore(name: unknown, data: unknown): object {
    const form = typeof name === 'string' ? this.#byName.get(name) : undefined;
    if (form === undefined) throw new TypeError('A class that is not registered, or of another version');
    return form.conversion === undefined ? fromProperties(form, data) : converted(form, form.conversion, data);
  }

  #register(form: RegisteredForm): void {
    const other = this.#byPrototype.get(form.prototype);
    if (other !== undefined) {
      throw new ConfigurationError(
        'INVALID_OPTION',
        `Expected each class to be registered once, got the class of \`${form.name}\` as \`${other.name}\` too`,
      );
    }
    this.#byName.set(form.name, form);
    this.#byPrototype.set(form.prototype, form);
  }

  /** Once a class: what comes back must hold what went out. */
  #prove(form: RegisteredForm, conversion: Conversion, data: unknown): void {
    if (this.#proven.has(form)) return;
    const instance = converted(form, conversion, deepClone(data));
    if (!holds(instance, conversion, data)) {
      throw new CodecError(
        'UNENCODABLE_VALUE',
        `Expected \`fromData\` of \`${form.name}\` to make an instance with the same data`,
      );
    }
    this.#proven.add(form);
  }
}

function holds(copy: object, { toData }: Conversion, data: unknown): boolean {
  try {
    return isDeepStrictEqual(toData(copy), data);
  } catch {
    return false; // `toData` takes only what the application made
  }
}

function converted(form: RegisteredForm, conversion: Conversion, data: unknown): object {
  const instance = conversion.fromData(data);
  if (typeof instance !== 'object' || instance === null || prototypeOf(instance) !== form.prototype)
    throw new TypeError(`Not an instance of \`${form.name}\``);
  // Callers get copies, which would lack private fields.
  copyBy(instance, () => converted(form, conversion, deepClone(conversion.toData(instance))));
  return instance;
}

function fromProperties({ name, prototype }: RegisteredForm, data: unknown): object {
  if (typeof data !== 'object' || data === null || prototypeOf(data) !== Object.prototype)
    throw new TypeError(`Damaged \`${name}\`: no properties`);
  // Defined, not assigned: a setter of the class must not run, nor `__proto__` change what it is.
  return Object.create(prototype, Object.getOwnPropertyDescriptors(data));
}

function parseForm(name: string, given: ClassForm | CodecClass): RegisteredForm {
  const option = `classes['${name}']`;
  if (!/^\S[^@]*@\d+$/u.test(name) || !name.isWellFormed()) {
    throw refuse({
      option: 'classes',
      expected: "keyed by name and version such as 'Money@1'",
      got: name,
      code: 'INVALID_OPTION',
    });
  }
  const form = formOf(given, option);
  const prototype = prototypeIn(form.class, option);
  const { toData, fromData } = form;
  if (toData === undefined && fromData === undefined) {
    refuseBuiltIn(prototype, option);
    return { name, prototype, conversion: undefined };
  }
  if (typeof toData !== 'function' || typeof fromData !== 'function') {
    throw refuse({
      option,
      expected: 'given with both `toData` and `fromData`, or neither',
      got: given,
      code: 'INVALID_OPTION',
    });
  }
  return { name, prototype, conversion: { toData: toData.bind(form), fromData: fromData.bind(form) } };
}

function formOf(given: unknown, option: string): ClassForm {
  if (isClass(given)) return { class: given };
  if (isForm(given)) return given;
  throw refuse({ option, expected: 'a class, or an object with `class`', got: given, code: 'INVALID_OPTION' });
}

function isClass(given: unknown): given is CodecClass {
  return typeof given === 'function';
}

function isForm(given: unknown): given is ClassForm {
  return typeof given === 'object' && given !== null && 'class' in given;
}

function prototypeIn(given: unknown, option: string): object {
  const prototype: unknown = typeof given === 'function' ? given.prototype : undefined;
  if (typeof prototype === 'object' && prototype !== null && prototype !== Object.prototype) return prototype;
  throw refuse({ option: `${option}.class`, expected: 'a class of yours', got: given, code: 'INVALID_OPTION' });
}

/** What a built-in class holds is not in properties. */
function refuseBuiltIn(prototype: object, option: string): void {
  let above: object | null = prototype;
  while (above !== null && above !== Object.prototype) {
    const owner: unknown = Object.hasOwn(above, 'constructor') ? Reflect.get(above, 'constructor') : undefined;
    if (typeof owner === 'function' && isNative(owner)) {
      throw refuse({
        option,
        expected: `given with \`toData\` and \`fromData\`, because it is or extends \`${owner.name}\``,
        got: owner,
        code: 'INVALID_OPTION',
      });
    }
    above = prototypeOf(above);
  }
}

function isNative(owner: object): boolean {
  return Function.prototype.toString.call(owner).endsWith('{ [native code] }');
}

function prototypeOf(object: object): object | null {
  return Object.getPrototypeOf(object);
}
