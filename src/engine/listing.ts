/** Listing: the entries of the namespace in the order of their keys, by batches that are bounded however large the table is. */
import { refuse } from '../kernel/expectation.js';
import { checkLike, escapeLike, likeMatcher } from '../kernel/like.js';
import { idRanges, unqualified } from '../kernel/names.js';
import type { IdRange, ListRequest } from '../ports/store.js';
import type { Engine } from './call.js';
import { type Entry, entryOf } from './entry.js';
import { type FindOptions, type ListedEntry, listShared } from './find.js';
import type { Named } from './invalidation.js';
import { deleteMany } from './many.js';
import type { Subject } from './reporter.js';
import type { Join } from './transaction.js';

/** Which keys: those that begin with a text, those that match a LIKE pattern, or (neither given) all. */
export interface KeySelection {
  /** The text keys begin with, as it stands. */
  readonly prefix?: string | undefined;
  /** A LIKE pattern: `%` is any text, `_` any one character, and `\\` makes the next character stand for itself. */
  readonly like?: string | undefined;
}

/** Rows looked at in one statement, and bytes of values it answers. */
const ROWS_A_PAGE = 500;
const BYTES_A_PAGE = 4 * 1024 * 1024;

/** Where the ids of a selection are. Throws ConfigurationError for what is none. */
export function selectIds(engine: Engine, selection: KeySelection, subject: string): readonly IdRange[] {
  if (Object(selection) !== selection) {
    const expected = 'an object with `prefix` or `like`';
    throw refuse({ option: 'selection', expected, got: selection, subject, code: 'INVALID_OPTION' });
  }
  const { prefix, like } = selection;
  if (prefix !== undefined && like !== undefined) {
    const expected = 'left out beside `like`';
    throw refuse({ option: 'prefix', expected, got: prefix, subject, code: 'INVALID_OPTION' });
  }
  if (like !== undefined) {
    checkLike(like, 'like', subject);
    return idRanges(engine.namespace, like, { option: 'like', got: like, subject }, engine.store.maxIdBytes);
  }
  if (prefix === undefined)
    return idRanges(engine.namespace, '%', { option: 'like', got: '%', subject }, engine.store.maxIdBytes);
  // Whatever it is must be a text; once escaped it always is a pattern.
  checkLike(typeof prefix === 'string' ? escapeLike(prefix) : prefix, 'prefix', subject);
  return idRanges(
    engine.namespace,
    `${escapeLike(prefix)}%`,
    { option: 'prefix', got: prefix, subject },
    engine.store.maxIdBytes,
  );
}

type ReadPolicy = FindOptions['policy'] & Pick<Subject, 'useCase' | 'keyType'>;

/** The entries of some ranges, one after the other. */
export async function* listEntries(
  engine: Engine,
  ranges: readonly IdRange[],
  policy: ReadPolicy,
): AsyncGenerator<Entry> {
  for await (const page of pages(engine, ranges, policy, 'included')) {
    for (const { key, state, entry } of page) yield entryOf(engine, key, state, entry);
  }
}

/** Deletes what is in some ranges, those entries too that live in this process only; how many there were. */
export async function deleteListed(
  engine: Engine,
  ranges: readonly IdRange[],
  { pattern, policy }: { readonly pattern: string; readonly policy: ReadPolicy },
  join: Join | undefined,
): Promise<number> {
  const remove = async (entries: readonly Named[]): Promise<number> => {
    if (entries.length === 0) return 0;
    const existed = await deleteMany(engine, entries, join);
    return join === undefined ? existed : entries.length;
  };
  const matches = likeMatcher(pattern);
  const here = engine.local.homeKeys().filter(matches);
  let deleted = await remove(here.map((key) => ({ key })));
  for await (const page of pages(engine, ranges, policy, 'left out')) deleted += await remove(page);
  return deleted;
}

async function* pages(
  engine: Engine,
  ranges: readonly IdRange[],
  policy: ReadPolicy,
  bodies: ListRequest['bodies'],
): AsyncGenerator<readonly ListedEntry[]> {
  const { useCase, keyType } = policy;
  const optionsOf = (id: string): FindOptions => ({
    subject: { key: unqualified(engine.namespace, id), useCase, keyType },
    policy,
  });
  for (const range of ranges) {
    let after: string | undefined = '';
    while (after !== undefined) {
      const request: ListRequest = { ...range, after, limit: ROWS_A_PAGE, maxBytes: BYTES_A_PAGE, bodies };
      const page: Awaited<ReturnType<typeof listShared>> = await listShared(engine, request, optionsOf);
      yield page.entries;
      after = page.next;
    }
  }
}
