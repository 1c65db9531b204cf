/** Class news: who hears, once per class, that instances of it do not come back as what they were. */

/** Hears the name of a class whose instances become plain data, or instances of the built-in class it extends. */
export type ClassListener = (className: string) => void;

/** Tells a listener of each class once. */
export class ClassNews {
  readonly #listener: ClassListener;
  /** Prototypes of the classes already told of; weak, so that classes made at run time can go. */
  readonly #toldOf = new WeakSet<object>();

  constructor(listener: ClassListener = warnOfClass) {
    this.#listener = listener;
  }

  tell(instance: object, className: string): void {
    const prototype: unknown = Object.getPrototypeOf(instance);
    if (typeof prototype !== 'object' || prototype === null || this.#toldOf.has(prototype)) return;
    this.#toldOf.add(prototype);
    this.#listener(className);
  }
}

function warnOfClass(className: string): void {
  process.emitWarning(`instances of \`${className}\` are cached and returned as plain data`, {
    type: 'KeepsakeWarning',
    code: 'KEEPSAKE',
  });
}
