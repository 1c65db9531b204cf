/** What loaders of many values return, told apart by what was asked for. */
import { LoadResultError } from '../errors.js';
import { shown } from '../kernel/expectation.js';

/**
 * Values in the order of `keys`, undefined where there is none.
 *
 * @param loaded an array with a value for each key, in their order, or a Map of values by their keys
 * @throws LoadResultError for anything else: nothing of a result that does not fit what was asked for can be trusted
 */
export function valuesByKey(keys: readonly string[], loaded: unknown, subject: string): readonly unknown[] {
  if (Array.isArray(loaded)) {
    const values: readonly unknown[] = loaded;
    if (values.length === keys.length) return values;
    const message = `${subject} was asked for ${keys.length} values and returned an array of ${values.length}`;
    throw new LoadResultError(`${message}: return one for each, undefined for what there is none of, or a Map`);
  }
  if (!(loaded instanceof Map))
    throw new LoadResultError(`Expected ${subject} to return an array or a Map of values, got ${shown(loaded)}`);
  const values: ReadonlyMap<unknown, unknown> = loaded;
  const asked = new Set<unknown>(keys);
  for (const key of values.keys()) {
    if (!asked.has(key))
      throw new LoadResultError(`${subject} returned a value under ${shown(key)}, which it was not asked for`);
  }
  return keys.map((key) => values.get(key));
}
