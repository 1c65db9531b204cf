/** Making table caches: the one place where options, a cache and a source of rows come together. */
import type { OpenRowSource, RowHost, TableCache, TableOptions } from '../ports/tables.js';
import { RowCache } from './table-cache.js';
import { resolveTable } from './table-options.js';

/**
 * Makes the cache of one table. What the database does not have is found by the first call.
 *
 * @throws ConfigurationError for options that can never work
 */
export function makeTable<Row, Key>(
  host: RowHost,
  open: OpenRowSource,
  name: string,
  options: TableOptions,
): TableCache<Row, Key> {
  const table = resolveTable(name, options);
  return new RowCache(host, table, () => open(table.request, table.db)) as TableCache<Row, Key>;
}
