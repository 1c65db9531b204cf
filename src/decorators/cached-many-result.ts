/** What methods of many ids return: told apart by id, and put together again as their callers expect it. */
import { LoadResultError } from '../errors.js';
import { shown } from '../kernel/expectation.js';
import type { ManyPlan } from './cached-many-options.js';

/**
 * The values of a result in the order asked, undefined for what there is none of.
 *
 * @param asked by key, the place of each id the method was asked for
 * @param keyOf the key of an id
 * @throws LoadResultError when the result does not fit: nothing of it can be trusted then
 */
export function match(
  { shape }: Pick<ManyPlan, 'shape'>,
  useCase: string,
  asked: ReadonlyMap<string, number>,
  loaded: unknown,
  keyOf: (id: unknown) => string,
): readonly unknown[] {
  if (shape.kind === 'map') {
    if (!(loaded instanceof Map)) throw misfit(`Expected \`${useCase}\` to return a Map by ids, got ${shown(loaded)}`);
    return byId(useCase, asked, loaded as ReadonlyMap<unknown, unknown>, keyOf);
  }
  if (!Array.isArray(loaded)) {
    const hint = loaded instanceof Map ? " (give it `returns: 'map'`)" : '';
    throw misfit(`Expected \`${useCase}\` to return an array, got ${shown(loaded)}${hint}`);
  }
  const values: readonly unknown[] = loaded;
  if (shape.kind === 'positions') {
    if (values.length === asked.size) return values;
    const counts = `\`${useCase}\` was asked for ${asked.size} ids and returned an array of ${values.length}`;
    throw misfit(`${counts}: return one value for each, or say by \`id\` whose a row is`);
  }
  const rows = values.map((row) => {
    if (typeof row === 'object' && row !== null) return [shape.idOf(row), row] as const;
    throw misfit(`Expected \`${useCase}\` to return rows, got ${shown(row)} among them`);
  });
  return byId(useCase, asked, rows, keyOf);
}

function byId(
  useCase: string,
  asked: ReadonlyMap<string, number>,
  pairs: Iterable<readonly [id: unknown, value: unknown]>,
  keyOf: (id: unknown) => string,
): readonly unknown[] {
  const values: unknown[] = new Array(asked.size).fill(undefined);
  const seen = new Set<number>();
  for (const [id, value] of pairs) {
    const place = asked.get(keyOrRefuse(useCase, id, keyOf));
    if (place === undefined) throw misfit(`\`${useCase}\` returned a row of ${shown(id)}, which it was not asked for`);
    if (seen.has(place)) throw misfit(`\`${useCase}\` returned two rows of ${shown(id)}`);
    seen.add(place);
    values[place] = value;
  }
  return values;
}

function keyOrRefuse(useCase: string, id: unknown, keyOf: (id: unknown) => string): string {
  try {
    return keyOf(id);
  } catch (cause) {
    throw misfit(`\`${useCase}\` returned a row whose id is ${shown(id)}`, cause);
  }
}

/** What the caller gets: in the order of its ids, with all repetitions; in a Map each id once, and there and among rows only what exists. */
export function arrange(
  { shape }: Pick<ManyPlan, 'shape'>,
  ids: readonly unknown[],
  places: readonly number[],
  values: readonly unknown[],
): unknown {
  const found = places.map((place) => values[place]);
  if (shape.kind === 'positions') return found;
  if (shape.kind === 'rows') return found.filter((value) => value !== undefined && value !== null);
  return new Map(ids.flatMap((id, i) => (found[i] === undefined || found[i] === null ? [] : [[id, found[i]]])));
}

function misfit(message: string, cause?: unknown): LoadResultError {
  return new LoadResultError(message, cause === undefined ? undefined : { cause });
}
