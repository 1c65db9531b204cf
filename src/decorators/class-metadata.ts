/** The metadata object of a class that has standard decorators: one for each class, shared by all its members. */

/** That of `owner` itself, never an inherited one. Undefined where the run time and the compiler have none. */
export function metadataOf(owner: object): object | undefined {
  const own: unknown = Reflect.get(Symbol, 'metadata');
  // Compilers that lower decorators bring the symbol where the run time has none, and register it under this name.
  const symbol = typeof own === 'symbol' ? own : Symbol.for('Symbol.metadata');
  const metadata: unknown = Object.getOwnPropertyDescriptor(owner, symbol)?.value;
  return typeof metadata === 'object' && metadata !== null ? metadata : undefined;
}
