/** What there is of `reflect-metadata` when an application has loaded it; nothing is loaded for its sake. */

interface ReflectMetadata {
  getOwnMetadataKeys(target: object): readonly unknown[];
  getOwnMetadata(key: unknown, target: object, name?: string | symbol): unknown;
  defineMetadata(key: unknown, value: unknown, target: object, name?: string | symbol): void;
}

/** Copies the metadata that others have put on a function to the one that stands in for it. */
export function copyMetadata(from: object, to: object): void {
  const reflect = loaded();
  for (const key of reflect?.getOwnMetadataKeys(from) ?? []) {
    reflect?.defineMetadata(key, reflect.getOwnMetadata(key, from), to);
  }
}

/** Defines metadata of a function, or of the member `name` of a class. */
export function defineMetadata(key: unknown, value: unknown, target: object, name?: string | symbol): void {
  if (name === undefined) loaded()?.defineMetadata(key, value, target);
  else loaded()?.defineMetadata(key, value, target, name);
}

/** The return type of a method as `emitDecoratorMetadata` has written it down, below every decorator. */
export function writtenReturnType(target: object, name: string | symbol): unknown {
  return loaded()?.getOwnMetadata('design:returntype', target, name);
}

function loaded(): ReflectMetadata | undefined {
  const reflect: object = Reflect;
  return hasMetadata(reflect) ? reflect : undefined;
}

function hasMetadata(reflect: object): reflect is ReflectMetadata {
  return 'defineMetadata' in reflect && 'getOwnMetadataKeys' in reflect && 'getOwnMetadata' in reflect;
}
