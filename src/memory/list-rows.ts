/** Listing rows of a memory table in the order of ids, as a database would with an index. */
import { compareBytes, likeMatcher } from '../kernel/like.js';
import type { ListPage, ListRequest } from '../ports/store.js';
import type { MemoryTable } from './memory-table.js';
import { entryOf } from './row.js';

/** One page. Sorts the ids of the range anew each time: this store is not for so many that it would matter. */
export function listRows(table: MemoryTable, request: ListRequest, now: number): ListPage {
  const { from, below, after, limit, maxBytes, bodies } = request;
  const matches = likeMatcher(request.like);
  const ids = [...table.ids()]
    .filter((id) => compareBytes(id, from) >= 0 && compareBytes(id, after) > 0 && compareBytes(id, below) < 0)
    .sort(compareBytes);
  const entries: ListPage['entries'][number][] = [];
  let bytes = 0;
  let last: string | undefined;
  for (const [i, id] of ids.entries()) {
    if (i === limit) return { token: table.token(), entries, next: last };
    const row = matches(id) ? table.find(id) : undefined;
    if (row !== undefined) {
      const entry = entryOf(row, now);
      const { body } = entry.encoded;
      bytes += bodies === 'included' ? Buffer.byteLength(body) : 0;
      if (bytes > maxBytes && entries.length > 0) return { token: table.token(), entries, next: last };
      entries.push({
        id,
        entry: bodies === 'included' ? entry : { ...entry, encoded: { ...entry.encoded, body: '' } },
      });
    }
    last = id;
  }
  return { token: table.token(), entries, next: undefined };
}
