/**
 * SuperJSON's annotations: the tree in `meta.values` that says which part is of which type. SuperJSON applies whatever it is given:
 * it ignores what does not fit and never ends on some damage; so the tree is checked first, and only types that Keepsake writes pass.
 */

/** Every simple type the codec leaves to SuperJSON. */
const SIMPLE_TYPES: ReadonlySet<unknown> = new Set([
  'undefined',
  'bigint',
  'Date',
  'regexp',
  'set',
  'map',
  'number',
  'URL',
]);

/** Throws a TypeError unless `tree` is one of SuperJSON's: `[type]`, `[type, children]`, or an object of trees by path. */
export function assertAnnotations(tree: unknown, customName: string): void {
  if (typeof tree !== 'object' || tree === null) throw new TypeError('Damaged SuperJSON: not an annotation');
  if (!Array.isArray(tree)) {
    for (const child of Object.values(tree)) assertAnnotations(child, customName);
    return;
  }
  const [type, children]: readonly unknown[] = tree;
  if (!isKnownType(type, customName)) throw new TypeError('Damaged SuperJSON: unknown type');
  if (tree.length > 1) assertAnnotations(children, customName);
}

function isKnownType(type: unknown, customName: string): boolean {
  if (Array.isArray(type)) return type.length === 2 && type[0] === 'custom' && type[1] === customName;
  return SIMPLE_TYPES.has(type);
}
